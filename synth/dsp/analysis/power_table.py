"""The power of any stretch of a noise recording under each weighting, without filtering it again.

A recording is filtered once, when it is decoded. Kept is the running sum of its energy, every 16 samples. Only numpy is
used: scipy.signal would take longer to import than most recordings to filter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synth.dsp import levels
from synth.dsp.arrays import Samples

HOP = 16
WEIGHTINGS = ("band", "a", "none")
SETTLING_SECONDS = 0.1
"""After this time the filters have forgotten that a stem began from silence, which a table does not know (their slowest
pole has 8 ms)."""

_FFT_PER_MEMORY = 4
_MEMORY_SECONDS = 0.2  # in which every filter has died away to below 1e-11 (the slowest pole has 8 ms)

Table = npt.NDArray[np.float64]
"""Energy, shape (m, 3), in the order of WEIGHTINGS: row k is that of the samples before 16 k, the last row that of
all."""


def energy_rows(blocks: Iterable[npt.NDArray[np.generic]], *, sample_rate: int) -> Iterator[Table]:
    """Yield the rows of a recording's table, some at a time.

    Args:
        blocks: consecutive samples, shape (n,) each, any number type, any scale.
        sample_rate: Hz.
    """
    memory = _memory(sample_rate)
    past, total = np.zeros(memory), np.zeros((1, 3))
    yield total
    for block in _in_steps(blocks, (_FFT_PER_MEMORY - 1) * memory):
        window = np.concatenate([past, block])
        filtered = _filtered(window, sample_rate)
        sums = np.stack([np.add.reduceat(np.square(part), np.arange(0, part.size, HOP)) for part in filtered], axis=1)
        rows = total + np.cumsum(sums, axis=0)
        yield rows
        past, total = window[-memory:], rows[-1:]


def _memory(sample_rate: int) -> int:
    """Return how many samples a filter remembers: a multiple of HOP and a power of two, for fast transforms."""
    return int(max(HOP, 1 << math.ceil(math.log2(_MEMORY_SECONDS * sample_rate))))


def _in_steps(blocks: Iterable[npt.NDArray[np.generic]], step: int) -> Iterator[Samples]:
    """Yield the samples in blocks of one length; the last may be shorter."""
    waiting = np.zeros(0)
    for block in blocks:
        waiting = np.concatenate([waiting, block.astype(np.float64)])
        end = waiting.size // step * step
        yield from waiting[:end].reshape(-1, step)
        waiting = waiting[end:]
    if waiting.size:
        yield waiting


def _filtered(window: Samples, sample_rate: int) -> list[Samples]:
    """Filter the window under each weighting by overlap-save, and drop the memory of the filters."""
    memory = _memory(sample_rate)
    size = _FFT_PER_MEMORY * memory
    spectrum = np.fft.rfft(window, size)
    filtered = [np.fft.irfft(spectrum * _response(name, sample_rate), size) for name in ("band", "a")]
    return [part[memory : window.size] for part in (*filtered, window)]


@lru_cache
def _response(weighting: str, sample_rate: int) -> npt.NDArray[np.complex128]:
    hz = np.fft.rfftfreq(_FFT_PER_MEMORY * _memory(sample_rate), 1 / sample_rate)
    sos = levels.weighting_filter(weighting, sample_rate)
    assert sos is not None
    return levels.response(sos, hz, sample_rate)


def energy_between(table: Table, start: int, stop: int, *, num_samples: int) -> Samples:
    """Return the energy of samples start to stop of a recording, under each of WEIGHTINGS.

    Inside a hop the energy counts as evenly spread: an error well under 0.05 dB even for half a second of noise.

    Args:
        table: of the recording, shape (m, 3).
        start: first sample.
        stop: sample after the last.
        num_samples: of the recording.

    Returns:
        Shape (3,), in the squared scale of the samples.
    """
    return _energy_before(table, stop, num_samples) - _energy_before(table, start, num_samples)


def _energy_before(table: Table, sample: int, num_samples: int) -> Samples:
    row, rest = divmod(sample, HOP)
    if rest == 0:
        return np.asarray(table[row])
    return np.asarray(table[row] + (table[row + 1] - table[row]) * (rest / min(HOP, num_samples - row * HOP)))
