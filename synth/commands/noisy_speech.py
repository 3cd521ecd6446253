"""Warn of noise in the clean speech itself: it makes a high SNR untrue, because it is counted as speech."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from synth.audio.read import read_samples
from synth.catalog.probe import AudioSegment
from synth.draws import uniform01
from synth.dsp import levels
from synth.dsp.arrays import Samples
from synth.plan.plan import Plan
from synth.plan.unchanged import unchanged_recordings
from synth.processes.pool import Pool
from synth.units import power_to_db

_RECORDINGS = 40  # that are measured
_SECONDS = 30  # of a recording that are measured, from its start
_FRAME_SECONDS = 0.032
_UNTRUE_DB = 1.0  # error of an SNR above which it counts as untrue
_UNTRUE_SHARE = 0.01  # of the clips, from which on there is a warning
_QUANTILES = tuple((i + 0.5) / 32 for i in range(32))  # of the recipe's SNRs, in place of all clips


def own_snr(samples: Samples, *, sample_rate: int, weighting: str) -> float:
    """Estimate the SNR of a recording of speech by itself: active level over the mean of its quietest tenth of frames.

    A lower bound: the quietest frames of speech without pauses hold speech.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sample_rate: Hz.
        weighting: of the levels, as in `noise.weighting` of a recipe.

    Returns:
        dB; inf if the quietest frames are digital silence.

    Raises:
        SilentError: the recording has no active speech.
    """
    weighted = levels.weight(samples, weighting=weighting, sample_rate=sample_rate)
    power = levels.active_level(weighted, sample_rate=sample_rate).power()
    frame = round(_FRAME_SECONDS * sample_rate)
    frames = np.sort((weighted[: weighted.size // frame * frame].reshape(-1, frame) ** 2).mean(axis=1))
    floor = float(frames[: max(1, frames.size // 10)].mean()) if frames.size else 0.0
    return power_to_db(power / floor) if floor > levels.SILENCE else math.inf


def warn_of_noisy_speech(plan: Plan, *, jobs: int = 1) -> Iterator[str]:
    """Yield a warning if the speech's own noise makes the SNR untrue by more than 1 dB in more than 1 % of the clips.

    Measures 40 recordings of the catalog, chosen by hash, in worker processes: there a decoder may crash, and what it
    prints is not seen.
    """
    noise = plan.recipe.noise
    if noise is None:
        return
    own = _own_snrs(plan, noise.weighting, jobs)
    if not own:
        return
    planned = [float(noise.snr_db.value(u)) for u in _QUANTILES]
    # With its own noise at `b` dB, speech mixed at `a` dB has a true SNR that is lower by 10 lg(1 + 10^((a - b) / 10)).
    errors = [10 * math.log10(1 + 10 ** ((a - b) / 10)) for b in own.values() for a in planned]
    untrue = sum(error > _UNTRUE_DB for error in errors) / len(errors)
    if untrue > _UNTRUE_SHARE:
        worst = min(own, key=lambda index: own[index])
        yield (
            f"noise.snr_db: in about {untrue:.0%} of the noisy clips the speech's own noise makes the SNR untrue by "
            f"more than 1 dB ({len(own)} recordings measured; worst: {plan.speech.file(worst)}, own SNR "
            f"{own[worst]:.0f} dB). Use cleaner speech, or lower SNRs"
        )


def _own_snrs(plan: Plan, weighting: str, jobs: int) -> dict[int, float]:
    """The own SNR of some recordings by their index, without those that cannot be read: the render reports them."""
    mixed = np.flatnonzero(~unchanged_recordings(plan.recipe, plan.speech)).tolist()
    sample = mixed[:: max(1, len(mixed) // (10 * _RECORDINGS))]  # hashing a million ids would take seconds
    chosen = sorted(sample, key=lambda index: uniform01(0, plan.speech.id(index), "own_snr"))[:_RECORDINGS]
    tasks = []
    for index in chosen:
        recording, source = plan.speech[index], plan.speech.source(index)
        count = min(recording.num_samples, _SECONDS * recording.sample_rate)
        segment = AudioSegment(source.root, recording.offset, count, source.channels)
        tasks.append((plan.speech.file(index), segment, weighting))
    with Pool(jobs) as pool:
        answers = dict(pool.map(f"{__name__}:measure_own_snr", tasks, timeout_s=plan.recipe.limits.timeout_s))
    return {chosen[k]: snr for k, snr in sorted(answers.items()) if isinstance(snr, float)}


def measure_own_snr(path: str, segment: AudioSegment, weighting: str) -> float | None:
    """Measure `own_snr` of a segment of a file, in a worker; None for silence. Raises BadInput."""
    samples, rate = read_samples(path, **segment._asdict())
    try:
        return own_snr(samples, sample_rate=rate, weighting=weighting)
    except levels.SilentError:
        return None
