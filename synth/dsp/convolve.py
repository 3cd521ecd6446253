"""Convolution of a long signal with a short filter, by overlap-add."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]


def convolve(samples: Samples, taps: Samples) -> Samples:
    """Full linear convolution, shape (n,) with (m,) to (n + m - 1,); (0,) where either is empty.

    Overlap-add in blocks of at least four times the filter. Source: T. G. Stockham, "High-speed convolution and
    correlation", AFIPS Spring Joint Computer Conference 1966.
    """
    if not len(samples) or not len(taps):
        return np.zeros(0)
    size = 1 << (5 * len(taps) - 1).bit_length()
    step = size - len(taps) + 1
    blocks = np.zeros((-(-len(samples) // step), step))
    blocks.reshape(-1)[: len(samples)] = samples
    filtered = np.fft.irfft(np.fft.rfft(blocks, size) * np.fft.rfft(taps, size), size)
    out = np.zeros(len(blocks) * step + len(taps) - 1)
    out[: len(blocks) * step] = filtered[:, :step].reshape(-1)
    for i, tail in enumerate(filtered[:, step:]):
        out[(i + 1) * step : (i + 1) * step + len(tail)] += tail
    return out[: len(samples) + len(taps) - 1]
