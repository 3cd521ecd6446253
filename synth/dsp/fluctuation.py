"""Set how much the level of noise fluctuates, by making its own fluctuation larger or smaller."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples, Vector
from synth.dsp.levels import weight

FRAME_SECONDS = 0.1
MAX_FACTOR = 2.5
"""Fluctuation changes by this factor at most. Chosen: beyond it noise sounds artificial."""
_MAX_DB = 15.0  # of deviations from the mean: one loud bang must not make the gain explode
_ROUNDS = 4
_TINY = 1e-20


def measure_levels(samples: Samples, *, sample_rate: int) -> Vector:
    """Measure the levels of frames of 100 ms within the SNR's band (`synth.dsp.levels.band_edges`).

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sample_rate: Hz.

    Returns:
        dB, shape (frames,); an incomplete frame at the end is omitted.
    """
    return _levels(weight(samples, weighting="band", sample_rate=sample_rate) ** 2, sample_rate)


def set_fluctuation(samples: Samples, sd_db: float, *, sample_rate: int) -> Samples:
    """Change the fluctuation of noise so that its 100-ms levels have a given SD, as far as a factor of 2.5 can.

    The deviations of the levels from their mean are multiplied, up to 15 dB of them. The gain runs from frame to frame
    in a straight line of dB. Samples of less than three frames, or without fluctuation, are returned unchanged.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sd_db: SD of the levels in the band of the SNR, dB, above 0.
        sample_rate: Hz.

    Returns:
        float64, shape (n,).
    """
    powers = weight(samples, weighting="band", sample_rate=sample_rate) ** 2
    levels = _levels(powers, sample_rate)
    if len(levels) < 3 or levels.std(ddof=1) < 1e-3:
        return samples
    deviations = np.clip(levels - levels.mean(), -_MAX_DB, _MAX_DB)
    middles = (np.arange(len(levels)) + 0.5) * FRAME_SECONDS * sample_rate
    factor, gain = 1.0, np.ones(len(samples))
    for _ in range(_ROUNDS):  # in rounds, because a gain that moves within a frame does a little less than it should
        current_sd = _levels(powers * gain**2, sample_rate).std(ddof=1)
        factor = float(np.clip(factor * sd_db / max(current_sd, 1e-3), 1 / MAX_FACTOR, MAX_FACTOR))
        gain = 10 ** (np.interp(np.arange(len(samples)), middles, deviations * (factor - 1)) / 20)
    return np.asarray(samples * gain)


def _levels(powers: Samples, sample_rate: int) -> Vector:
    frame = int(FRAME_SECONDS * sample_rate)
    means = powers[: len(powers) // frame * frame].reshape(-1, frame).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(means, _TINY)))
