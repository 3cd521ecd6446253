"""The audio fingerprint of a recording: 32 bits every 11.6 ms.

The bits stay nearly the same if the recording is cut, amplified, equalized or encoded again. Against those of any other
recording they are as good as random.

After Haitsma and Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002): frames of 0.37 s that overlap by
31/32, 33 logarithmic bands from 300 to 2000 Hz, each bit the sign of the difference of neighboring bands and frames;
256 frames (3 s) with less than 35 % wrong bits are the same sound. Here the differences are those of logarithms, so
that an equalizer cancels out. The fingerprint does not survive a change of speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
"""Shape (m,): word k compares the frames k and k + 1; bit b their bands b and b + 1, from the lowest. 0 is silence."""

RATE = 5000
"""Everything is resampled to this rate, Hz, so that the words do not depend on the rate of the samples.

The highest bits say little about a recording of less than 4.4 kHz, which has next to nothing up there.
"""
HOP_SECONDS = 58 / RATE
FRAME_SECONDS = 32 * 58 / RATE
BLOCK = 256
"""Words that are judged together. Recordings with less in common (3.3 s) are not compared."""
MAX_ERRORS = 0.35
"""Wrong bits in a block of the same sound, at most (Haitsma and Kalker's).

Measured (benchmarks/near_duplicates.py): in the 5 to 8 s that two cuts of one of 22 real noises share, one of them
equalized by up to 12 dB and coded at 48 kb/s or more, 0.05 of the bits are wrong in the median and 0.2 at most; in the
best block at any offset of two different recordings 0.43 at least.
"""
_SELF_ERRORS, _CLEARLY = 0.40, 0.7
"""A sound with fewer wrong bits than this against itself at another time repeats itself. Its likeness with another must
then be clearly better. Measured: real noise 0.42 to 0.49, wipers 0.39 (cuts of them 0.05 against each other), two
sirens of the same kind 0.29 to 0.32 in themselves and 0.29 against each other."""
_SELF_SECONDS = (0.5, 5.0)
_SELF_STEP = 3  # words; a likeness lasts for ten and more
_HOP, _FRAME, _FFT = 58, 32 * 58, 2048
_BANDS, _LOW_HZ, _HIGH_HZ = 33, 300.0, 2000.0
_SILENT_POWER = 1e-3  # squared steps of int16, between 300 and 2000 Hz: less than rounding alone leaves there
_SOUND_SHARE = 0.75  # of a block; the rest may be silence
_FRAMES_AT_ONCE, _FRAMES_PER_FFT = 512, 32


def count_words(num_samples: int, sample_rate: int) -> int:
    """Return how many words a recording has; 0 if it is shorter than 0.39 s."""
    return max(0, (num_samples * RATE // sample_rate - _FRAME) // _HOP)


def seconds_of(words: int) -> float:
    """Return how long a sound of so many words is at least."""
    return words * HOP_SECONDS + FRAME_SECONDS


def compute_fingerprint(blocks: Iterable[npt.NDArray[np.generic]], *, sample_rate: int) -> Iterator[Words]:
    """Yield the words of a recording, some at a time. Memory is bounded.

    The sign of a difference that is zero except for rounding may differ between CPUs: one bit of thousands.

    Args:
        blocks: consecutive samples, shape (n,) each, any number type, in the scale of int16 (+-32768).
        sample_rate: Hz, at least 4000.
    """
    lengths: list[int] = []
    waiting, count = np.zeros(0), 0
    for block in _at_our_rate(_counted(blocks, lengths), sample_rate):
        waiting = np.concatenate([waiting, block])
        ready = max(0, (len(waiting) - _FRAME) // _HOP)
        if ready >= _FRAMES_AT_ONCE:
            yield _words(waiting[: ready * _HOP + _FRAME])
            waiting, count = waiting[ready * _HOP :], count + ready
    total = count_words(sum(lengths), sample_rate) - count
    if total > 0:
        need = total * _HOP + _FRAME
        yield _words(np.concatenate([waiting, np.zeros(max(0, need - len(waiting)))])[:need])


def _counted(blocks: Iterable[npt.NDArray[np.generic]], lengths: list[int]) -> Iterator[npt.NDArray[np.float64]]:
    for block in blocks:
        lengths.append(len(block))
        yield np.ascontiguousarray(block, np.float64)


def _at_our_rate(blocks: Iterator[npt.NDArray[np.float64]], sample_rate: int) -> Iterator[npt.NDArray[np.float64]]:
    import soxr  # an extension module: only where it is used

    stream = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float64", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0), last=True)


def _words(samples: npt.NDArray[np.float64]) -> Words:
    """Return the words of samples at RATE: one fewer than there are complete frames."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    energy = _band_energy(frames)
    silent = energy.sum(axis=1) < _SILENT_POWER
    slope = np.diff(np.log(energy + 1e-12), axis=1)
    bits = np.packbits(slope[1:] > slope[:-1], axis=1, bitorder="little")
    words = bits.view("<u4").ravel().astype(np.uint32)
    words[silent[1:] | silent[:-1]] = 0
    return words


def _band_energy(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean square of each frame in each band, shape (k, 33)."""
    window, edges = _window(), _edges()
    energy = np.empty((len(frames), _BANDS))
    # a few frames at a time, in arrays that stay in the processor's cache
    padded = np.zeros((_FRAMES_PER_FFT, _FFT))
    spectra = np.empty((_FRAMES_PER_FFT, _FFT // 2 + 1), np.complex128)
    for first in range(0, len(frames), _FRAMES_PER_FFT):
        part = frames[first : first + _FRAMES_PER_FFT]
        np.multiply(part, window, out=padded[: len(part), :_FRAME])
        np.fft.rfft(padded[: len(part)], out=spectra[: len(part)])
        in_bands = spectra[: len(part), edges[0] : edges[-1]]
        power = np.square(in_bands.real)
        power += np.square(in_bands.imag)
        np.add.reduceat(power, edges[:-1] - edges[0], axis=1, out=energy[first : first + len(part)])
    energy *= 2 / _FFT / np.square(window).sum()
    return energy


@lru_cache
def _window() -> npt.NDArray[np.float64]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME))


@lru_cache
def _edges() -> npt.NDArray[np.int64]:
    hz = _LOW_HZ * (_HIGH_HZ / _LOW_HZ) ** (np.arange(_BANDS + 1) / _BANDS)
    return np.rint(hz * _FFT / RATE).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two recordings have in common: word `start` + k of the first is word `start` - `lag` + k of the second."""

    lag: int  # words
    start: int  # words
    common: int  # words
    error_rate: float  # share of wrong bits among them, 0 to 1


def wrong_bits(first: Words, second: Words) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the wrong bits of each word, any one shape, and whether the word counts (silence does not)."""
    counts = np.asarray((first != 0) & (second != 0))
    return np.where(counts, np.bitwise_count(first ^ second), 0).astype(np.int64), counts


def compare_at_lag(first: Words, second: Words, lag: int) -> Likeness | None:
    """Compare the words of two recordings, shape (m,) each, at one lag; None if no block is the same sound."""
    start, start_of_second = max(0, lag), max(0, -lag)
    count = min(len(first) - start, len(second) - start_of_second)
    if count < BLOCK:
        return None
    wrong, counts = wrong_bits(first[start : start + count], second[start_of_second : start_of_second + count])
    bits = 32 * _block_sums(counts)
    if not ((_block_sums(wrong) < MAX_ERRORS * bits) & (bits >= 32 * BLOCK * _SOUND_SHARE)).any():
        return None
    # the stretch that lies farthest below the middle between MAX_ERRORS and one half, which is chance
    sums = np.concatenate([[0], np.cumsum(68 * counts - 5 * wrong)])
    end = int(np.argmax(sums - np.minimum.accumulate(sums)))
    begin = int(np.argmin(sums[: end + 1]))
    rate = float(wrong[begin:end].sum() / (32 * counts[begin:end].sum()))
    return Likeness(lag, start + begin, end - begin, rate)


def _block_sums(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.asarray(sums[BLOCK:] - sums[:-BLOCK])


def is_same_recording(likeness: Likeness, first: Words, second: Words) -> bool:
    """Return whether a likeness shows that two recordings are the same.

    It does not if both are nearly as similar to themselves half a second to five seconds later: many recordings have a
    hum or a siren in common.

    Args:
        likeness: of the two.
        first: words that they have in common, from the first recording, shape (m,).
        second: the same from the second recording, shape (m,).
    """
    own = max(_self_errors(first), _self_errors(second))
    return own > _SELF_ERRORS or likeness.error_rate < _CLEARLY * own


def _self_errors(words: Words) -> float:
    """Return the smallest share of wrong bits of a sound against itself at another time."""
    low, high = (round(seconds / HOP_SECONDS) for seconds in _SELF_SECONDS)
    least = 0.5
    for lag in range(low, min(high, len(words) - BLOCK // 2), _SELF_STEP):
        wrong, counts = wrong_bits(words[lag:], words[:-lag])
        if counts.any():
            least = min(least, float(wrong.sum() / max(1, 32 * counts.sum())))
    return least
