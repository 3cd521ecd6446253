"""Gaussian noise with a given spectrum that may change over time.

Frames of independent Gaussian spectra are windowed by half a sine and added with 50 % overlap. The squares of the
windows add up to 1, so that the level does not fluctuate with the frames (Hanna and Desainte-Catherine,
"Analysis/synthesis of noise", DAFx 2002, on overlap-add of noise).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.windows import half_sine

FRAME_SECONDS = 0.128

Power = npt.NDArray[np.float64]
"""Power in each bin of a one-sided spectrum, shape (..., frame_size // 2 + 1); its sum is the mean square."""

_BLOCK_BYTES = 1 << 19  # of frames synthesized at a time: few enough for the cache of a core
_MAX_UINT64 = np.uint64(2**64 - 1)


def frame_size(sample_rate: int) -> int:
    """Return the samples of a frame: the power of two nearest to 128 ms (2048 at 16 kHz).

    Frames are half of it apart.
    """
    return int(2 ** round(math.log2(FRAME_SECONDS * sample_rate)))


def frame_count(num_samples: int, sample_rate: int) -> int:
    """Return how many frames `gaussian_noise` needs. Frame k is centered on sample k * frame_size / 2."""
    return -(-num_samples // (frame_size(sample_rate) // 2)) + 1


def bin_hz(sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the frequency of each bin in Hz, shape (frame_size // 2 + 1,)."""
    return np.asarray(np.fft.rfftfreq(frame_size(sample_rate), 1 / sample_rate), dtype=np.float64)


def gaussian_noise(power: Power, *, num_samples: int, sample_rate: int, rng: np.random.Generator) -> Samples:
    """Synthesize noise whose spectrum around frame k is `power[k]`.

    Args:
        power: power in each bin (its sum is the mean square, full scale 1.0), shape (frame_count(...), bins), or
            (bins,) for noise that does not change.
        num_samples: length of the result.
        sample_rate: Hz.
        rng: where the noise comes from.

    Returns:
        float64, shape (num_samples,).
    """
    constant = np.sqrt(power) if power.ndim == 1 else None

    def amplitude(first: int, last: int) -> Samples:
        return np.sqrt(power[first:last]) if constant is None else constant

    return gaussian_frames(amplitude, num_samples=num_samples, sample_rate=sample_rate, rng=rng)


def gaussian_frames(
    amplitude: Callable[[int, int], Samples], *, num_samples: int, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Synthesize noise from spectra that are computed as needed, so that those of a long noise need not fit in memory.

    Args:
        amplitude: of the frames [first, last) the square root of their power, shape (last - first, bins) or (bins,).
        num_samples: length of the result.
        sample_rate: Hz.
        rng: where the noise comes from.

    Returns:
        float64, shape (num_samples,), full scale 1.0.
    """
    from scipy.fft import irfft

    size = frame_size(sample_rate)
    half, frames = size // 2, frame_count(num_samples, sample_rate)
    block = max(_BLOCK_BYTES // (8 * size), 1)
    rise, fall = half_sine(size)[:half], half_sine(size)[half:]
    out = np.empty((frames - 1, half))
    before = np.empty(half)  # the second half of the frame before this block
    for first in range(0, frames, block):
        last = min(first + block, frames)
        spectra = _spectra(last - first, half + 1, rng)
        spectra *= amplitude(first, last)
        block_out = irfft(spectra, size, axis=-1, overwrite_x=True)
        block_out[:, :half] *= rise
        block_out[:, half:] *= fall
        if first > 0:
            np.add(before, block_out[0, :half], out=out[first - 1])
        np.add(block_out[:-1, half:], block_out[1:, :half], out=out[first : last - 1])
        before = block_out[-1, half:]
    return out.reshape(-1)[:num_samples]


def _spectra(frames: int, bins: int, rng: np.random.Generator) -> npt.NDArray[np.complex128]:
    """Draw random spectra, shape (frames, bins), in which each bin carries the mean square 1.

    The real and imaginary parts count the ones in 32 random bits: a binomial number, whose kurtosis is 1/16 below that
    of a normal one. The samples do not show it, because they are sums over the bins. It costs a third of a normal
    number, and is the same on every machine.
    """
    bits = rng.integers(_MAX_UINT64, size=(frames, bins), dtype=np.uint64, endpoint=True)
    counts = np.bitwise_count(bits.view(np.uint32))  # variance 32 / 4 = 8
    parts = counts - 16.0
    half = bins - 1
    parts *= half / math.sqrt(8.0)
    parts[:, (0, -2)] *= 2.0  # DC and Nyquist are real, and count once
    parts[:, (1, -1)] = 0.0
    return parts.view(np.complex128)
