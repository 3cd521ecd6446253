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
_STEPS: Final = numba.types.Array(numba.int16, 1, "C", readonly=True)
_SCRATCH: Final = numba.float64[:, ::1]
_of: Any = numba.types.Tuple
_SUM: Final = (_SAMPLES, numba.int64, _SAMPLES, _STEPS, numba.float64, numba.float64)


@kernel(_BUFFER(_BUFFER, *_SUM, numba.int64, numba.int64))
def _sum_block(
    block: Samples,
    speech: Samples,
    onset: int,
    noise: Samples,
    steps: npt.NDArray[np.int16],
    scale: float,
    noise_gain: float,
    start: int,
    stop: int,
) -> Samples:
    """Samples start..stop of the sum, in the first part of `block`."""
    total = block[: stop - start]
    # Slices, because LLVM does not vectorize a loop if it cannot prove that an index is not negative.
    if steps.size:
        stored = steps[start:stop]
        for i in range(total.size):
            total[i] = noise_gain * (stored[i] * scale)
    elif noise.size:
        part = noise[start:stop]
        for i in range(total.size):
            total[i] = noise_gain * part[i]
    else:
        total[:] = 0.0
    first = max(start, onset)
    last = min(stop, onset + speech.size)
    if first < last:
        words, under = speech[first - onset : last - onset], total[first - start : last - start]
        for i in range(words.size):
            under[i] += words[i]
    return total


@kernel(numba.void(_SAMPLES, _BUFFER, _BUFFER))
def _add_up(total: Samples, sums: Samples, peaks: Samples) -> None:
    """Add a block to the energy and the peak: one of each for every place in a block.

    Their order is then fixed, and they run side by side.
    """
    for i in range(total.size):
        sums[i] += total[i] * total[i]
        magnitude = abs(total[i])
        peaks[i] = magnitude if magnitude > peaks[i] else peaks[i]


@kernel(_of((numba.float64, numba.float64))(_SAMPLES, _SAMPLES))
def _summed_up(sums: Samples, peaks: Samples) -> tuple[float, float]:
    energy = peak = 0.0
    for i in range(BLOCK):
        energy += sums[i]
        peak = max(peak, peaks[i])
    return energy, peak


@kernel(_of((numba.float64, numba.float64))(*_SUM, numba.int64, _SCRATCH))
def energy_and_peak(
    speech: Samples,
    onset: int,
    noise: Samples,
    steps: npt.NDArray[np.int16],
    scale: float,
    noise_gain: float,
    num_samples: int,
    scratch: npt.NDArray[np.float64],
) -> tuple[float, float]:
    """Measure the sum without storing it.

    Args:
        speech: float64, shape (m,), full scale 1.0, where the clip has speech (and the tail of its room).
        onset: sample of the clip at which it begins.
        noise: float64, shape (num_samples,), full scale 1.0; or empty.
        steps: the noise as it is stored, int16, shape (num_samples,); or empty.
        scale: factor from `steps` to full scale 1.0.
        noise_gain: factor on the noise.
        num_samples: of the clip.
        scratch: float64, shape (3, BLOCK), of any content. (A kernel that makes arrays would need numba at run time.)

    Returns:
        The sum of the squares (NaN or infinite if a sample is), and the largest absolute value.
    """
    block, sums, peaks = scratch[0], scratch[1], scratch[2]
    sums[:] = 0.0
    peaks[:] = 0.0
    for start in range(0, num_samples, BLOCK):
        stop = min(start + BLOCK, num_samples)
        _add_up(_sum_block(block, speech, onset, noise, steps, scale, noise_gain, start, stop), sums, peaks)
    return _summed_up(sums, peaks)


@kernel(numba.int64(_STEPS))
def _peak_of_steps(steps: npt.NDArray[np.int16]) -> int:
    peak = 0
    for i in range(steps.size):
        step: Any = np.int64(steps[i])  # numba keeps abs(...) of -32768 in 16 bits
        peak = max(peak, abs(step))
    return peak


@kernel(numba.int64(_STEPS))
def energy_of_steps(steps: npt.NDArray[np.int16]) -> int:
    """Sum the squares of 16-bit samples exactly.

    Args:
        steps: int16, shape (n,), full scale 32768.
    """
    energy = 0
    for i in range(steps.size):
        step: Any = np.int64(steps[i])
        energy += step * step
    return energy


@kernel(_of((numba.float64, numba.float64, numba.int64, numba.int64))(_PCM, *_SUM, numba.float64, _SCRATCH))
def round_sum(
    pcm: npt.NDArray[np.int16],
    speech: Samples,
    onset: int,
    noise: Samples,
    steps: npt.NDArray[np.int16],
    scale: float,
    noise_gain: float,
    gain: float,
    scratch: npt.NDArray[np.float64],
) -> tuple[float, float, int, int]:
    """Round gain * (speech + noise_gain * noise) to 16 bits: times 32768, half to even, cut at full scale.

    Args:
        pcm: is filled, int16, shape (num_samples,), full scale 32768.
        speech: as for `energy_and_peak`; so are the next five. A sample that is not finite becomes any number.
        onset: sample.
        noise: float64, shape (num_samples,), full scale 1.0; or empty.
        steps: int16, shape (num_samples,); or empty.
        scale: factor.
        noise_gain: factor on the noise.
        gain: factor on the sum.
        scratch: as for `energy_and_peak`.

    Returns:
        What `energy_and_peak` gives, of the sum before `gain`; and the sum of the squares of `pcm`, and its largest
        absolute value.
    """
    block, sums, peaks = scratch[0], scratch[1], scratch[2]
    sums[:] = 0.0
    peaks[:] = 0.0
    for start in range(0, pcm.size, BLOCK):
        stop = min(start + BLOCK, pcm.size)
        total = _sum_block(block, speech, onset, noise, steps, scale, noise_gain, start, stop)
        _add_up(total, sums, peaks)
        rounded = pcm[start:stop]
        for i in range(rounded.size):
            scaled = total[i] * gain * 32768.0
            scaled = scaled if scaled > -32768.0 else -32768.0
            scaled = scaled if scaled < 32767.0 else 32767.0
            rounded[i] = np.int32(np.rint(scaled))
    energy, peak = _summed_up(sums, peaks)
    return energy, peak, energy_of_steps(pcm), _peak_of_steps(pcm)
