"""Convolution of a long signal with a short filter, by overlap-add."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples

_LARGE = 1 << 19  # samples of a transform: filters of up to 6.5 s at 16 kHz still get blocks of four times their length


def convolve(samples: Samples, taps: Samples) -> Samples:
    """Convolve a signal with a filter, by overlap-add.

    Blocks have at least four times the length of the filter; for filters of seconds at least its length, so that memory
    stays bounded.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        taps: float64, shape (m,), dimensionless.

    Returns:
        The full linear convolution, shape (n + m - 1,); (0,) if either is empty.

    Source: T. G. Stockham, "High-speed convolution and correlation", AFIPS Spring Joint Computer Conference 1966.
    """
    if not len(samples) or not len(taps):
        return np.zeros(0)
    size = 1 << (5 * len(taps) - 1).bit_length()
    if size > _LARGE:
        size = max(_LARGE, 1 << (2 * len(taps) - 1).bit_length())
    step = size - len(taps) + 1
    spectrum = np.fft.rfft(taps, size)
    out = np.zeros(-(-len(samples) // step) * step + len(taps) - 1)
    for start in range(0, len(samples), step):
        filtered = np.fft.irfft(np.fft.rfft(samples[start : start + step], size) * spectrum, size)
        out[start : start + len(taps) - 1] += filtered[: len(taps) - 1]
        out[start + len(taps) - 1 : start + size] = filtered[len(taps) - 1 :]
    return out[: len(samples) + len(taps) - 1]
