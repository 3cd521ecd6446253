"""Mixes of known SNR: clean speech in margins of noise. The blind SNR is fitted to them, and judged by them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth.dsp import levels
from synth.dsp.analysis.bands import Bands
from synth.dsp.arrays import Samples
from synth.dsp.spectral_shape import shape_spectrum
from synth.errors import UsageError
from synth.match.measure.calibration import Calibration, fit_calibration
from synth.match.measure.noise_hints import REACH, HintModel, knot_weights
from synth.match.measure.snr import raw_estimates

SNR_DB = (-8.0, 30.0)
"""SNRs that calibration takes to be possible, uniformly: below 0 dB an estimate says little, and the prior the rest."""
MARGINS_S = (0.2, 0.5)
MAX_SPEECH_S = 6.0
STATIONARY_DB = 3.0
"""Clips whose noise fluctuates more are not calibrated on: no curve can correct their error."""

_RANDOM_STREAM = 0x534E52  # "SNR"
_LEVEL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Mix:
    """A clip whose truth is known."""

    samples: Samples  # (n,), full scale 1.0
    snr_db: float
    noise_db: float  # level of the noise under the speech, in the SNR's band
    fluctuation_db: float  # SD of the noise's 100-ms levels in that band, over the clip
    speech: int  # index of the speech
    noise: int  # index of the noise


def mix_at(
    speech: Samples, noise: Samples, *, snr_db: float, before: int, after: int, sample_rate: int
) -> tuple[Samples, float, float]:
    """Mix speech into noise, with margins of noise alone.

    Args:
        speech: shape (n,), full scale 1.0.
        noise: shape (before + n + after,) or longer.
        snr_db: in the SNR's band, dB.
        before: samples of noise alone before the speech.
        after: samples of noise alone after it.
        sample_rate: Hz.

    Returns:
        (clip, level in dB of the noise under the speech, fluctuation of the noise in dB).

    Raises:
        SilentError: the speech or the noise is silent.
    """
    length = before + len(speech) + after
    weighted = levels.weight(noise[:length], weighting="band", sample_rate=sample_rate)
    noise_power = levels.mean_power(weighted[before : before + len(speech)])
    if noise_power < levels.SILENCE:
        raise levels.SilentError("the noise is silent under the speech")
    speech_in_band = levels.weight(speech, weighting="band", sample_rate=sample_rate)
    target = levels.active_level(speech_in_band, sample_rate=sample_rate).power() / 10 ** (snr_db / 10)
    clip = noise[:length] * math.sqrt(target / noise_power)
    clip[before : before + len(speech)] += speech
    size = round(_LEVEL_SECONDS * sample_rate)
    frames = weighted[size : len(weighted) // size * size].reshape(-1, size)  # the filter settles in the first
    powers = np.einsum("ij,ij->i", frames, frames) / size
    fluctuation = float(np.std(10 * np.log10(powers + levels.SILENCE))) if len(powers) > 1 else 0.0
    return clip, 10 * math.log10(target), fluctuation


def calibration_mixes(
    speech: Sequence[Samples],
    noises: Sequence[Samples],
    *,
    count: int,
    sample_rate: int,
    seed: int,
    spectra: Sequence[Bands] | None = None,
    snr_db: tuple[float, float] = SNR_DB,
    margins_s: tuple[float, float] = MARGINS_S,
) -> Iterator[Mix]:
    """Mixes of random speech, noise segments, SNR (uniform) and margins; the same for the same seed.

    Args:
        speech: shape (n,) each; what is longer than 6 s is cut.
        noises: shape (n,) each; all are used equally often.
        count: number of mixes.
        sample_rate: Hz, of all of them.
        seed: random seed.
        spectra: levels of the noise bands in dB, shape (12,) each; each noise segment is equalized to one of them.
        snr_db: dB, from and to.
        margins_s: seconds, from and to.

    Raises:
        UsageError: there is no speech or no noise, or it is silent.
    """
    if not speech or not noises:
        raise UsageError("to calibrate the SNR estimators takes clean speech and noise; one of them is empty")
    rng = np.random.Generator(np.random.Philox(key=[seed, _RANDOM_STREAM]))
    mixed, failed = 0, 0
    while mixed < count:
        index = int(rng.integers(len(speech)))
        noise = mixed % len(noises)
        before, after = (round(float(s) * sample_rate) for s in rng.uniform(*margins_s, 2))
        snr = float(rng.uniform(*snr_db))
        utterance = speech[index][: round(MAX_SPEECH_S * sample_rate)]
        segment = _segment(noises[noise], before + len(utterance) + after, rng)
        if spectra is not None and len(spectra):
            segment, _ = shape_spectrum(segment, spectra[int(rng.integers(len(spectra)))], sample_rate=sample_rate)
        try:
            clip, level, fluctuation = mix_at(
                utterance, segment, snr_db=snr, before=before, after=after, sample_rate=sample_rate
            )
        except levels.SilentError as error:
            failed += 1
            if failed > 10 + 2 * count:
                raise UsageError(f"no mix to calibrate the SNR estimators on: {error}") from error
            continue
        mixed += 1
        yield Mix(clip, snr, level, fluctuation, index, noise)


def _segment(noise: Samples, num_samples: int, rng: np.random.Generator) -> Samples:
    """A random segment of the noise, which is repeated if it is too short."""
    start = int(rng.integers(max(1, len(noise) - num_samples + 1)))
    if start + num_samples <= len(noise):
        return noise[start : start + num_samples].copy()
    return np.resize(noise, num_samples)


def fit_on_mixes(mixes: Iterator[Mix], *, sample_rate: int) -> Calibration:
    """A calibration on the mixes with stationary noise (fluctuation up to 3 dB), or on all if fewer than 60 are.

    Raises:
        UsageError: there are fewer than 30 mixes.
    """
    rows: list[tuple[Mapping[str, float], float, bool]] = [
        (raw_estimates(mix.samples, sample_rate=sample_rate), mix.snr_db, mix.fluctuation_db <= STATIONARY_DB)
        for mix in mixes
    ]
    stationary = [row for row in rows if row[2]]
    used = stationary if len(stationary) >= 60 else rows
    return fit_calibration([raw for raw, _, _ in used], [snr for _, snr, _ in used])


def fit_hint_model(rows: list[dict[str, float]], truth: list[float], *, penalty: float = 30.0) -> HintModel:
    """Ridge regression of the truth about mixes on their hints.

    Args:
        rows: hints of each mix by name.
        truth: what to predict of each mix.
        penalty: of the squared coefficients; 30 was best on recordings that were left out.
    """
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    center, scale = table.mean(axis=0).round(3), np.maximum(table.std(axis=0), 1e-3).round(3)
    x = np.column_stack([np.ones(len(table)), np.clip((table - center) / scale, -REACH, REACH)])
    weights = np.column_stack([np.ones(len(table)), knot_weights(table[:, names.index("excess")])])
    design = (weights[:, :, None] * x[:, None, :]).reshape(len(table), -1)
    values = np.array(truth)
    mean = float(values.mean())
    ridge = penalty * np.eye(design.shape[1])
    ridge[0, 0] = 1e-6
    solution = np.linalg.solve(design.T @ design + ridge, design.T @ (values - mean))
    solution[0] += mean
    coefficients = solution.reshape(weights.shape[1], x.shape[1]).round(4)
    centers, scales = (dict(zip(names, column.tolist(), strict=True)) for column in (center, scale))
    return HintModel(centers, scales, tuple(tuple(row) for row in coefficients.tolist()))
