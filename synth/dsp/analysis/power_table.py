"""The power of any stretch of a noise recording under each weighting, without filtering it again.

A recording is filtered once, when it is decoded; what is kept is the running sum of the energy, every 16 samples.
Numpy alone does it: the filters of scipy.signal would cost more to import than most recordings to filter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp import levels
from synth.dsp.arrays import Samples

HOP = 16
WEIGHTINGS = ("band", "a", "none")
SETTLING_SECONDS = 0.1
"""After this the filters have forgotten that a stem began from silence (their slowest pole has 8 ms), as a table cannot
know."""

_FFT_PER_MEMORY = 4
_MEMORY_SECONDS = 0.2  # in which every filter has died away to below 1e-11 (the slowest pole has 8 ms)

Table = npt.NDArray[np.float64]
"""Shape (m, 3): row k holds the energy of the samples before 16 k (the last row: of all), in the order of
WEIGHTINGS."""


def energy_rows(blocks: Iterable[npt.NDArray[np.generic]], *, sample_rate: int) -> Iterator[Table]:
    """The rows of a recording's table, in pieces, from its samples in pieces (shape (n,) each, any number type)."""
    memory = _memory(sample_rate)
    past, total = np.zeros(memory), np.zeros((1, 3))
    yield total
    for block in _in_steps(blocks, (_FFT_PER_MEMORY - 1) * memory):
        window = np.concatenate([past, block])
        sums = np.stack([_hop_sums(part) for part in _filtered(window, sample_rate)], axis=1)
        rows = total + np.cumsum(sums, axis=0)
        yield rows
        past, total = window[-memory:], rows[-1:]


def _memory(sample_rate: int) -> int:
    """Samples that a filter remembers: a power of two, so that the transforms are quick and a multiple of HOP."""
    return int(max(HOP, 1 << math.ceil(math.log2(_MEMORY_SECONDS * sample_rate))))


def _in_steps(blocks: Iterable[npt.NDArray[np.generic]], step: int) -> Iterator[Samples]:
    """The samples in blocks of one length; the last may be shorter."""
    waiting = np.zeros(0)
    for block in blocks:
        waiting = np.concatenate([waiting, block.astype(np.float64)])
        whole = waiting.size // step * step
        yield from waiting[:whole].reshape(-1, step)
        waiting = waiting[whole:]
    if waiting.size:
        yield waiting


def _filtered(window: Samples, sample_rate: int) -> list[Samples]:
    """The window without the filters' memory, under each weighting: overlap-save with the filters' whole response."""
    memory = _memory(sample_rate)
    size = _FFT_PER_MEMORY * memory
    spectrum = np.fft.rfft(window, size)
    made = [np.fft.irfft(spectrum * _response(name, sample_rate), size) for name in ("band", "a")]
    return [part[memory : window.size] for part in (*made, window)]


def _hop_sums(samples: Samples) -> Samples:
    return np.asarray(np.add.reduceat(np.square(samples), np.arange(0, samples.size, HOP)))


@lru_cache
def _response(weighting: str, sample_rate: int) -> npt.NDArray[np.complex128]:
    hz = np.fft.rfftfreq(_FFT_PER_MEMORY * _memory(sample_rate), 1 / sample_rate)
    if weighting == "band":
        return butterworth_response(hz, levels.band_edges(sample_rate), sample_rate)
    sos = levels.weighting_filter(weighting, sample_rate)
    assert sos is not None
    return levels.response(sos, hz, sample_rate)


def butterworth_response(
    hz: npt.NDArray[np.floating[Any]], edges: tuple[float, float], sample_rate: int
) -> npt.NDArray[np.complex128]:
    """Complex response of the digital 4th-order Butterworth band-pass of `levels.weighting_filter`, from its
    definition: the analogue prototype under the low-pass to band-pass and the bilinear transform."""
    low, high = (math.tan(math.pi * edge / sample_rate) for edge in edges)
    s = 1j * np.tan(np.pi * np.clip(hz / sample_rate, 1e-12, 0.5 - 1e-12))
    prototype = (s * s + low * high) / (s * (high - low))
    made = np.ones_like(s)
    for k in range(4):
        made /= prototype - np.exp(1j * np.pi * (2 * k + 5) / 8)
    return np.asarray(made)


def energy_between(table: Table, start: int, stop: int, *, num_samples: int) -> Samples:
    """Energy of samples start..stop of a recording of `num_samples` under WEIGHTINGS, shape (3,), in the scale of its
    samples.

    Inside a hop the energy counts as evenly spread: well under 0.05 dB even for half a second of noise.
    """
    return _energy_before(table, stop, num_samples) - _energy_before(table, start, num_samples)


def _energy_before(table: Table, sample: int, num_samples: int) -> Samples:
    row, rest = divmod(sample, HOP)
    if rest == 0:
        return np.asarray(table[row])
    return np.asarray(table[row] + (table[row + 1] - table[row]) * (rest / min(HOP, num_samples - row * HOP)))
