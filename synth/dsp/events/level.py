"""How loud an event is: its loudest 50 ms."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.levels import mean_power, weight
from synth.units import seconds_to_samples

WINDOW_SECONDS = 0.05


def loudness(samples: Samples, *, sample_rate: int, weighting: str) -> float:
    """Return the mean power of the loudest 50 ms, or of all of a shorter sound; 0.0 for silence.

    Args:
        samples: float64, shape (n,). The filter starts from silence; the window moves by one sample.
        sample_rate: Hz.
        weighting: one of `synth.dsp.levels.WEIGHTINGS`.
    """
    if not len(samples):
        return 0.0
    weighted = weight(samples, weighting=weighting, sample_rate=sample_rate)
    window = seconds_to_samples(WINDOW_SECONDS, sample_rate)
    if len(samples) <= window:
        return mean_power(weighted)
    sums = np.concatenate([[0.0], np.cumsum(weighted * weighted)])
    return float((sums[window:] - sums[:-window]).max()) / window
