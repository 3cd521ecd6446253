"""Convolution of a long signal with a short filter, by overlap-add."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples

_LARGE = 1 << 19  # samples of a transform: filters of up to 6.5 s at 16 kHz get blocks of four times their length


def convolve(samples: Samples, taps: Samples) -> Samples:
    """Full linear convolution, shape (n,) with (m,) to (n + m - 1,); (0,) where either is empty.

    Overlap-add in blocks of at least four times the filter; for filters of seconds in blocks of at least once the
    filter, so that memory does not follow five times its length. Source: T. G. Stockham, "High-speed convolution and
    correlation", AFIPS Spring Joint Computer Conference 1966.
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
