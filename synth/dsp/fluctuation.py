"""Noise whose level is made to waver as much as wanted: its own swells and lulls, made larger or smaller."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.levels import weight

FRAME_SECONDS = 0.1
MOST = 2.5
"""Swells are made larger or smaller by this factor at most (our own choice): beyond it noise sounds made."""
_MOST_DB = 15.0
_ROUNDS = 4
_TINY = 1e-20

Levels = npt.NDArray[np.float64]


def measure_levels(samples: Samples, *, sample_rate: int) -> Levels:
    """Levels in dB of frames of 100 ms within the SNR's band (levels.py), shape (frames,); what is over is left out."""
    return _levels(weight(samples, weighting="band", sample_rate=sample_rate) ** 2, sample_rate)


def set_fluctuation(samples: Samples, sd_db: float, *, sample_rate: int) -> Samples:
    """The samples, shape (n,), with an SD of `sd_db` of their 100-ms levels, as far as a factor of 2.5 leads there.

    The deviations of the levels from their mean are multiplied, up to 15 dB of them; the gain goes from frame to frame
    in a straight line of dB. Below three frames, or where nothing wavers, the samples come back as they are.
    """
    powers = weight(samples, weighting="band", sample_rate=sample_rate) ** 2
    levels = _levels(powers, sample_rate)
    if len(levels) < 3 or levels.std(ddof=1) < 1e-3:
        return samples
    deviations = np.clip(levels - levels.mean(), -_MOST_DB, _MOST_DB)
    factor, gain = 1.0, np.ones(len(samples))
    for _ in range(_ROUNDS):  # a gain that moves within a frame does a little less than it should
        found = _levels(powers * gain**2, sample_rate).std(ddof=1)
        factor = float(np.clip(factor * sd_db / max(found, 1e-3), 1 / MOST, MOST))
        gain = _gain(deviations * (factor - 1), len(samples), sample_rate)
    return np.asarray(samples * gain)


def _gain(change_db: Levels, count: int, sample_rate: int) -> Levels:
    middles = (np.arange(len(change_db)) + 0.5) * FRAME_SECONDS * sample_rate
    return np.asarray(10 ** (np.interp(np.arange(count), middles, change_db) / 20))


def _levels(powers: Samples, sample_rate: int) -> Levels:
    frame = int(FRAME_SECONDS * sample_rate)
    means = powers[: len(powers) // frame * frame].reshape(-1, frame).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(means, _TINY)))
