"""The noise that the clean speech itself brings: it makes a high SNR untrue, because it is counted as speech."""

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
from synth.processes.isolate import Pool
from synth.units import power_to_db

_SAMPLE = 40
_UNTRUE_DB = 1.0
_WORTH_SAYING = 0.01
_FRAME_SECONDS = 0.032
_LOOKED_AT_SECONDS = 30  # of a recording, at its start
_QUANTILES = tuple((i + 0.5) / 32 for i in range(32))


def own_snr(samples: Samples, *, sample_rate: int, weighting: str) -> float:
    """SNR in dB of a recording of speech by itself: active level over the mean of its quietest tenth of 32-ms frames.

    A lower bound, as the quietest frames of speech without pauses hold speech. inf where they are digital silence.
    """
    heard = levels.weight(samples, weighting=weighting, sample_rate=sample_rate)
    power = levels.active_level(heard, sample_rate=sample_rate).power()
    frame = round(_FRAME_SECONDS * sample_rate)
    frames = np.sort((heard[: heard.size // frame * frame].reshape(-1, frame) ** 2).mean(axis=1))
    floor = float(frames[: max(1, frames.size // 10)].mean()) if frames.size else 0.0
    return power_to_db(power / floor) if floor > levels.SILENCE else math.inf


def warn_of_noisy_speech(plan: Plan, *, jobs: int = 1) -> Iterator[str]:
    """One line where the speech's own noise makes the SNR untrue by more than 1 dB in more than 1 % of the clips.

    Looks at 40 recordings of the catalog, chosen by hash, in processes of their own: there a decoder may crash, and
    what it prints is not seen.
    """
    noise = plan.recipe.noise
    if noise is None:
        return
    looked = _own_snrs(plan, jobs)
    if not looked:
        return
    asked = [float(noise.snr_db.value(u)) for u in _QUANTILES]
    untrue = sum(_error_db(a, own) > _UNTRUE_DB for own in looked.values() for a in asked) / (len(asked) * len(looked))
    if untrue > _WORTH_SAYING:
        worst = min(looked, key=lambda i: looked[i])
        yield (
            f"noise.snr_db: in about {untrue:.0%} of the noisy clips the speech's own noise makes the SNR untrue by "
            f"more than 1 dB ({len(looked)} recordings looked at; worst: {plan.speech.file(worst)}, own SNR "
            f"{looked[worst]:.0f} dB). Use cleaner speech, or ask for lower SNRs"
        )


def _error_db(asked: float, own: float) -> float:
    """By how much the SNR is worse than asked when the speech has the SNR `own` by itself."""
    return 10 * math.log10(1 + 10 ** ((asked - own) / 10))


def _chosen(plan: Plan) -> list[int]:
    made = np.flatnonzero(~unchanged_recordings(plan.recipe, plan.speech)).tolist()
    some = made[:: max(1, len(made) // (10 * _SAMPLE))]
    return sorted(some, key=lambda i: uniform01(0, plan.speech.id(i), "own_snr"))[:_SAMPLE]


def _own_snrs(plan: Plan, jobs: int) -> dict[int, float]:
    """The own SNR of some recordings by their index; without those that cannot be read, which the render will name."""
    assert plan.recipe.noise is not None
    chosen, tasks = _chosen(plan), []
    for index in chosen:
        recording, source = plan.speech[index], plan.speech.source(index)
        count = min(recording.num_samples, _LOOKED_AT_SECONDS * recording.sample_rate)
        place = AudioSegment(source.root, recording.offset, count, source.channels)
        tasks.append((plan.speech.file(index), place, plan.recipe.noise.weighting))
    timeout_s = plan.recipe.limits.timeout_s
    with Pool(jobs) as pool:
        answers = dict(pool.map(f"{__name__}:measure_own_snr", tasks, timeout_s=timeout_s))
    return {chosen[k]: snr for k, snr in sorted(answers.items()) if isinstance(snr, float)}


def measure_own_snr(path: str, place: AudioSegment, weighting: str) -> float | None:
    """`own_snr` of a segment of a file, in a worker; None for silence. Raises BadInput."""
    samples, rate = read_samples(path, **place._asdict())
    try:
        return own_snr(samples, sample_rate=rate, weighting=weighting)
    except levels.SilentError:
        return None
