"""Mixes of known SNR to calibrate the blind estimators on: clean speech in margins of noise, as clips are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.dsp import levels
from synth.dsp.analysis.bands import Bands
from synth.dsp.arrays import Samples
from synth.dsp.spectral_shape import coloured
from synth.errors import UsageError
from synth.match.measure.snr import Calibration, fit_calibration, raw_estimates

SNR_DB = (-8.0, 30.0)
"""SNRs that calibration takes for possible, all alike: below 0 dB an estimate tells little, and this tells the rest."""
MARGINS_S = (0.2, 0.5)
MAX_SPEECH_S = 6.0
STEADY_DB = 3.0
"""Clips whose noise moves more are not calibrated on: their error is not one that a curve can mend."""

_PURPOSE = 0x534E52  # "SNR": a stream of random numbers of its own
_LEVEL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Mix:
    """A clip and the truth of it. `noise_db`: level of the noise under the speech, in the SNR's band. `level_sd_db`: SD
    of the levels of 100 ms of the noise in that band, over the clip. `speech`, `noise`: indices of what was mixed."""

    samples: Samples
    snr_db: float
    noise_db: float
    level_sd_db: float
    speech: int
    noise: int


def mix_at(
    speech: Samples, noise: Samples, *, snr_db: float, before: int, after: int, sample_rate: int
) -> tuple[Samples, float, float]:
    """(clip, level in dB of the noise under the speech, SD of its levels of 100 ms), the levels within the SNR's band.

    The clip has `before` samples of noise alone, the speech, and `after` samples of noise alone; `noise` is as long as
    the clip or longer. Raises synth.dsp.levels.SilentError where one of the two is silent.
    """
    total = before + len(speech) + after
    heard = levels.weight(noise[:total], weighting="band", sample_rate=sample_rate)
    under = levels.mean_power(heard[before : before + len(speech)])
    if under < levels.SILENCE:
        raise levels.SilentError("the noise is silent under the speech")
    weighted = levels.weight(speech, weighting="band", sample_rate=sample_rate)
    active = levels.active_level(weighted, sample_rate=sample_rate).power()
    wanted = active / 10 ** (snr_db / 10)
    clip = noise[:total] * math.sqrt(wanted / under)
    clip[before : before + len(speech)] += speech
    return clip, 10 * math.log10(wanted), _level_sd(heard, sample_rate)


def _level_sd(heard: Samples, sample_rate: int) -> float:
    size = round(_LEVEL_SECONDS * sample_rate)
    whole = heard[size : len(heard) // size * size].reshape(-1, size)  # the filter swings in at the start
    powers = np.einsum("ij,ij->i", whole, whole) / size
    return float(np.std(10 * np.log10(powers + levels.SILENCE))) if len(powers) > 1 else 0.0


def calibration_mixes(
    speech: Sequence[Samples],
    noises: Sequence[Samples],
    *,
    count: int,
    sample_rate: int,
    seed: int,
    colours: Sequence[Bands] | None = None,
    snr_db: tuple[float, float] = SNR_DB,
    margins_s: tuple[float, float] = MARGINS_S,
) -> Iterator[Mix]:
    """`count` mixes of random speech, pieces of noise, SNR (uniform) and margins; the same for the same seed.

    speech, noises: shape (n,) each, at `sample_rate`. Every noise is used equally often. Speech longer than 6 s is cut.
    colours: where given, each piece of noise is equalised to one of them first (twelve bands, in dB): noise that is
    like that of clips whose colour was measured is calibrated on better than any other.

    Raises UsageError without speech or noise, or where all of it is silent.
    """
    if not speech or not noises:
        raise UsageError("to calibrate the SNR estimators takes clean speech and noise; one of them is empty")
    rng = np.random.Generator(np.random.Philox(key=[seed, _PURPOSE]))
    made, failed = 0, 0
    while made < count:
        chosen = int(rng.integers(len(speech)))
        noise = made % len(noises)
        before, after = (round(float(s) * sample_rate) for s in rng.uniform(*margins_s, 2))
        wanted = float(rng.uniform(*snr_db))
        spoken = speech[chosen][: round(MAX_SPEECH_S * sample_rate)]
        piece = _piece(noises[noise], before + len(spoken) + after, rng)
        if colours is not None and len(colours):
            piece, _ = coloured(piece, colours[int(rng.integers(len(colours)))], sample_rate=sample_rate)
        try:
            clip, level, sd = mix_at(spoken, piece, snr_db=wanted, before=before, after=after, sample_rate=sample_rate)
        except levels.SilentError as error:
            failed += 1
            if failed > 10 + 2 * count:
                raise UsageError(f"no mix to calibrate the SNR estimators on: {error}") from error
            continue
        made += 1
        yield Mix(clip, wanted, level, sd, chosen, noise)


def _piece(noise: Samples, num_samples: int, rng: np.random.Generator) -> Samples:
    """Somewhere in the noise, round in a circle where it is too short."""
    offset = int(rng.integers(max(1, len(noise) - num_samples + 1)))
    if offset + num_samples <= len(noise):
        return noise[offset : offset + num_samples].copy()
    return np.resize(noise, num_samples)


def fit_on_mixes(mixes: Iterator[Mix], *, sample_rate: int) -> Calibration:
    """A calibration on the mixes whose noise is steady (SD up to 3 dB), or on all where fewer than 60 are.

    Raises UsageError for fewer than 30 mixes.
    """
    raws: list[tuple[Mapping[str, float], float, bool]] = [
        (raw_estimates(mix.samples, sample_rate=sample_rate), mix.snr_db, mix.level_sd_db <= STEADY_DB) for mix in mixes
    ]
    steady = [row for row in raws if row[2]]
    used = steady if len(steady) >= 60 else raws
    return fit_calibration([raw for raw, _, _ in used], [snr for _, snr, _ in used])
