"""Speech plus noise at a gain, in one pass over both: its power and peak, and its samples as 16-bit integers.

The sum is made in blocks that stay in the processor's cache, and is never stored as a whole.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.kernels.compiler import kernel

BLOCK: Final = 512  # samples: 4 kB

_SAMPLES: Final = numba.types.Array(numba.float64, 1, "C", readonly=True)
_BUFFER: Final = numba.float64[::1]
_PCM: Final = numba.int16[::1]
_pair: Any = numba.types.UniTuple
_TWO_FLOATS: Final = _pair(numba.float64, 2)
_TWO_INTEGERS: Final = _pair(numba.int64, 2)


@kernel(_BUFFER(_BUFFER, _SAMPLES, numba.int64, _SAMPLES, numba.float64, numba.int64, numba.int64))
def _sum_block(
    block: Samples, speech: Samples, onset: int, noise: Samples, noise_gain: float, start: int, stop: int
) -> Samples:
    """Samples start..stop of the sum, in the first part of `block`."""
    total = block[: stop - start]
    first = max(start, onset)
    last = min(stop, onset + speech.size)
    # Slices, because LLVM does not vectorize a loop if it cannot prove that an index is not negative.
    if noise.size and first == start and last == stop:
        spoken = speech[start - onset : stop - onset]
        part = noise[start:stop]
        for i in range(total.size):
            total[i] = spoken[i] + noise_gain * part[i]
        return total
    total[:] = 0.0
    if noise.size:
        rumble = noise[start:stop]
        for i in range(total.size):
            total[i] = noise_gain * rumble[i]
    if first < last:
        words, under = speech[first - onset : last - onset], total[first - start : last - start]
        for i in range(words.size):
            under[i] += words[i]
    return total


@kernel(_TWO_FLOATS(_SAMPLES, numba.int64, _SAMPLES, numba.float64, numba.int64, numba.float64[:, ::1]))
def energy_and_peak(
    speech: Samples, onset: int, noise: Samples, noise_gain: float, num_samples: int, scratch: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Measure the sum without storing it.

    Args:
        speech: float64, shape (m,), full scale 1.0, where the clip has speech (and the tail of its room).
        onset: sample of the clip at which it begins.
        noise: float64, shape (num_samples,), full scale 1.0; or empty.
        noise_gain: factor on the noise.
        num_samples: of the clip.
        scratch: float64, shape (3, BLOCK), of any content. (A kernel that makes arrays would need numba at run time.)

    Returns:
        The sum of the squares (NaN or infinite if a sample is), and the largest absolute value.
    """
    # one sum for each place in a block, so that their order is fixed and they run side by side
    block, sums, peaks = scratch[0], scratch[1], scratch[2]
    sums[:] = 0.0
    peaks[:] = 0.0
    for start in range(0, num_samples, BLOCK):
        total = _sum_block(block, speech, onset, noise, noise_gain, start, min(start + BLOCK, num_samples))
        for i in range(total.size):
            sums[i] += total[i] * total[i]
            magnitude = abs(total[i])
            peaks[i] = magnitude if magnitude > peaks[i] else peaks[i]
    energy = peak = 0.0
    for i in range(BLOCK):
        energy += sums[i]
        peak = max(peak, peaks[i])
    return energy, peak


@kernel(_TWO_INTEGERS(_PCM, _SAMPLES, numba.int64, _SAMPLES, numba.float64, numba.float64, numba.float64[:, ::1]))
def round_sum(
    pcm: npt.NDArray[np.int16],
    speech: Samples,
    onset: int,
    noise: Samples,
    noise_gain: float,
    gain: float,
    scratch: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """Round gain * (speech + noise_gain * noise) to 16 bits: times 32768, half to even, cut at full scale.

    Args:
        pcm: is filled, int16, shape (num_samples,), full scale 32768.
        speech: as for `energy_and_peak`; so are the next three. All samples are finite.
        onset: sample.
        noise: float64, shape (num_samples,), full scale 1.0; or empty.
        noise_gain: factor on the noise.
        gain: factor on the sum.
        scratch: as for `energy_and_peak`.

    Returns:
        The sum of the squares of `pcm`, and its largest absolute value.
    """
    block = scratch[0]
    for start in range(0, pcm.size, BLOCK):
        stop = min(start + BLOCK, pcm.size)
        total = _sum_block(block, speech, onset, noise, noise_gain, start, stop)
        rounded = pcm[start:stop]
        for i in range(rounded.size):
            scaled = total[i] * gain * 32768.0
            scaled = scaled if scaled > -32768.0 else -32768.0
            scaled = scaled if scaled < 32767.0 else 32767.0
            rounded[i] = np.int32(np.rint(scaled))
    energy = 0
    for i in range(pcm.size):
        step: Any = np.int64(pcm[i])  # numba keeps int(...) and abs(...) of -32768 in 16 bits
        energy += step * step
    peak = 0
    for i in range(pcm.size):
        step = np.int64(pcm[i])
        peak = max(peak, abs(step))
    return energy, peak
