"""The spectrum of a noise recording: power density, third octaves, steady lines, and where its band ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.windows import hann

FRAME_SECONDS = 0.5
LOWEST_BAND_HZ = 50.0
LINE_DB = 6.0
PROFILE_RANGE_DB = 60.0

_TINY = 1e-30
_LINE_NEIGHBOURHOOD = 2 ** (1 / 12)  # half of a sixth octave on either side
_LEAST_NEIGHBOURS = 8  # bins on either side: in a few bins a line would be its own median
_LINES_FROM_HZ = 20.0
_MAX_LINES = 40
_MAIN_LOBE = 4  # bins on either side of a peak that are the same line (Hann window)
_BY_CHANCE = 0.001  # how often noise without lines may show one
_EDGE_FROM_HZ = 1000.0
_EDGE_DROP_DB = 20.0
_EDGE_HZ = 300.0
_EDGE_OCTAVES = 1 / 3
_INSIDE_DB = 10.0
_OWN_EDGE = 0.85  # of half the rate: above it the resampler's own filter begins

Stretch = tuple[int, int]
Power = npt.NDArray[np.float64]


class Readable(Protocol):
    """Samples that give a piece of themselves: an array, or a file that is read piece by piece."""

    def __getitem__(self, piece: slice) -> npt.NDArray[np.int16]: ...


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean power density. `density`: shape (bins,), full scale 1.0 squared per Hz; bin k lies at k * `step_hz`.

    `frames`, shape (bins,): of how many independent spectra of steady noise the mean would waver as much in each bin.
    """

    density: Power
    step_hz: float
    frames: Power

    @property
    def hz(self) -> Power:
        return np.asarray(np.arange(len(self.density)) * self.step_hz, np.float64)


def measure_spectrum(samples: Readable, stretches: Iterable[Stretch], *, scale: float, sample_rate: int) -> Spectrum:
    """Welch's power density (Hann frames of about 0.5 s that overlap by half) of the given stretches.

    A stretch shorter than a frame is one short frame. The mean of each frame is taken off: an offset is no sound.
    """
    size = _frame_size(sample_rate)
    total, squares, count, seen = np.zeros(size // 2 + 1), np.zeros(size // 2 + 1), 0, 0
    for start, length in stretches:
        for heard in _frames(samples, start, length, size):
            window = hann(heard.shape[1])
            frames = heard - heard.mean(axis=1, keepdims=True)
            spectra = np.fft.rfft(frames * window, size, axis=1)
            power = (spectra.real**2 + spectra.imag**2) / float(window @ window)
            total += power.sum(axis=0)
            squares += (power**2).sum(axis=0)
            count += len(frames)
        seen += length
    density = total * (2 * scale * scale / (max(count, 1) * sample_rate))
    density[0] /= 2
    density[-1] /= 2
    return Spectrum(density, sample_rate / size, _independent(total, squares, count, min(count, 1.9 * seen / size)))


def _independent(total: Power, squares: Power, count: int, most: float) -> Power:
    """As many spectra of steady noise (whose power has an exponential distribution) as the mean wavers like, per bin.

    Frames that overlap count for what they add: 1.9 a frame's length (Welch 1967, for half an overlap; from memory).
    """
    alike = 2 * total**2 / np.maximum(squares, _TINY) - 1  # `count`, on average, where the power is steady noise's
    return np.asarray(np.clip(alike / max(count, 1), 0.0, 1.0) * most).clip(1.0)


def _frame_size(sample_rate: int) -> int:
    return int(2 ** round(math.log2(FRAME_SECONDS * sample_rate)))


def _frames(samples: Readable, start: int, length: int, size: int) -> Iterator[Samples]:
    """Frames of a stretch, some at a time, shape (count, size); one shorter frame where it is shorter."""
    if length < size:
        yield samples[start : start + length].astype(np.float64)[None, :]
        return
    hop, at_once = size // 2, 16
    count = (length - size) // hop + 1
    for first in range(0, count, at_once):
        some = min(at_once, count - first)
        begin = start + first * hop
        piece = samples[begin : begin + (some - 1) * hop + size].astype(np.float64)
        yield np.lib.stride_tricks.sliding_window_view(piece, size)[::hop]


# third octaves


@lru_cache
def third_octaves(sample_rate: int) -> tuple[tuple[float, float, float], ...]:
    """(low, centre, high) in Hz of the bands from 50 Hz on that lie below 0.45 of the rate (IEC 61260-1, base ten)."""
    bands = [(10 ** ((n - 0.5) / 10), 10 ** (n / 10), 10 ** ((n + 0.5) / 10)) for n in range(17, 60)]
    return tuple(band for band in bands if band[2] <= 0.45 * sample_rate)


def third_octave_levels(spectrum: Spectrum, *, sample_rate: int) -> Power:
    """Level in dB (full scale 1.0) of each third octave, shape (bands,). A bin on an edge is divided."""
    edges = np.concatenate([[0.0], (np.arange(len(spectrum.density)) + 0.5) * spectrum.step_hz])
    running = np.concatenate([[0.0], np.cumsum(spectrum.density * np.diff(edges))])
    bands = np.array(third_octaves(sample_rate)).reshape(-1, 3)
    power = np.interp(bands[:, 2], edges, running) - np.interp(bands[:, 0], edges, running)
    return np.asarray(10 * np.log10(np.maximum(power, _TINY)))


def spectral_profile(levels: Power) -> Power:
    """Band levels without their mean, in dB: the shape of a spectrum, whatever its level.

    What lies more than 60 dB below the loudest band counts as 60 dB below: nobody hears how silent it is.
    """
    if not len(levels):
        return levels
    heard = np.maximum(levels, levels.max() - PROFILE_RANGE_DB)
    return np.asarray(heard - heard.mean())


# steady lines


@dataclass(frozen=True, slots=True)
class TonalLine:
    """A tone: its frequency, and by how many dB its peak stands above the median around it."""

    hz: float
    above_db: float


def find_lines(spectrum: Spectrum) -> tuple[TonalLine, ...]:
    """Peaks more than 6 dB above the median of the sixth octave around them, by frequency; at most the 40 highest.

    Where few frames were averaged, or a few loud ones make up the mean, the limit is as high as noise without lines
    passes once in a thousand recordings.
    The neighbourhood is at least 17 bins (33 Hz): below 200 Hz it is wider than a sixth octave.
    """
    level = 10 * np.log10(np.maximum(spectrum.density, _TINY))
    floor = _local_median(level)
    frames = _local_median(spectrum.frames)
    first, last = math.ceil(_LINES_FROM_HZ / spectrum.step_hz), len(level) - _MAIN_LOBE - 1
    above = level - floor
    found: list[int] = []
    for k in sorted(range(first, last), key=lambda k: -above[k]):
        if above[k] <= LINE_DB or len(found) == _MAX_LINES:
            break
        if above[k] <= _chance_db(float(frames[k]), len(level)):
            continue
        highest = level[max(0, k - 1) : k + 2].max() == level[k]
        if highest and all(abs(k - other) > _MAIN_LOBE for other in found):
            found.append(k)
    return tuple(TonalLine(_refined(level, k) * spectrum.step_hz, float(above[k])) for k in sorted(found))


def _refined(level: Power, k: int) -> float:
    """The place of a peak between bins, from the parabola through three of them."""
    left, middle, right = level[k - 1 : k + 2]
    bend = left - 2 * middle + right
    return k + (0.5 * float((left - right) / bend) if bend < 0 else 0.0)


def _local_median(level: Power) -> Power:
    """The median of the sixth octave around each bin; within it the same for bins that are close together."""
    floor = np.empty_like(level)
    k = 0
    while k < len(level):
        reach = max(_LEAST_NEIGHBOURS, round(k * (_LINE_NEIGHBOURHOOD - 1)))
        step = max(1, reach // 8)
        middle = k + step // 2
        floor[k : k + step] = np.median(level[max(0, middle - reach) : middle + reach + 1])
        k += step
    return floor


def _chance_db(frames: float, bins: int) -> float:
    """By how much the highest of `bins` means of so many spectra of noise exceeds their median, one time in 1000.

    With 2.5 dB for how much the median of 17 bins wavers itself where one spectrum is all there is.
    """
    from scipy.stats import chi2

    highest, middle = chi2.isf([_BY_CHANCE / bins, 0.5], 2 * frames)
    return float(10 * np.log10(highest / middle) + 2.5 / math.sqrt(frames))


# where the band ends


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """`low_hz`: where the density first comes within 10 dB of its maximum. `high_hz`: where a low-pass cuts it off.

    `cut` tells whether there is a low-pass below the rate's own limit; without one `high_hz` is half the rate.
    """

    low_hz: float
    high_hz: float
    cut: bool

    @property
    def telephone(self) -> bool:
        """A band like that of a telephone line: nothing below 200 Hz, cut off between 3 and 4 kHz."""
        return self.cut and self.low_hz >= 200.0 and 2900.0 <= self.high_hz <= 4100.0


def find_bandwidth(spectrum: Spectrum) -> Bandwidth:
    """The band that a recording fills.

    A low-pass is told from a spectrum that falls by itself by its steepness: 20 dB within 300 Hz or a third octave,
    whichever is more, after which nothing comes up again. (Car noise falls by up to 20 dB an octave.) The numbers 10
    and 20 dB and 300 Hz are conventions; they were tried on 27 recordings.
    """
    top = (len(spectrum.density) - 1) * spectrum.step_hz
    hz, level = _smoothed(spectrum)
    low = float(hz[np.argmax(level >= level.max() - _INSIDE_DB)])
    edge = _edge(hz, level)
    cut = edge is not None and edge < _OWN_EDGE * top
    return Bandwidth(low, edge if edge is not None and cut else top, cut)


def _smoothed(spectrum: Spectrum) -> tuple[Power, Power]:
    """(Hz, dB) from 20 Hz on, 24 points an octave: the median of a twelfth of an octave, so that lines have no say."""
    top = (len(spectrum.density) - 1) * spectrum.step_hz
    hz = 20.0 * 2 ** (np.arange(max(1, math.floor(24 * math.log2(top / 20.0)))) / 24)
    half = 2 ** (1 / 24)
    firsts = np.floor(hz / half / spectrum.step_hz).astype(int)
    lasts = np.ceil(hz * half / spectrum.step_hz).astype(int) + 1
    density = [np.median(spectrum.density[a:b]) for a, b in zip(firsts, lasts, strict=True)]
    return hz, np.asarray(10 * np.log10(np.maximum(density, _TINY)))


def _edge(hz: Power, level: Power) -> float | None:
    """The frequency where a low-pass begins to cut (it is 10 dB down there), or None."""
    for i in np.flatnonzero(hz >= _EDGE_FROM_HZ).tolist():
        beyond = int(np.searchsorted(hz, max(hz[i] + _EDGE_HZ, hz[i] * 2**_EDGE_OCTAVES)))
        if beyond >= len(hz) - 1:
            return None
        inside = np.median(level[(hz >= hz[i] / 2) & (hz <= hz[i])])
        stays = inside - level[beyond:].max() >= _EDGE_DROP_DB
        if stays and level[i] - level[beyond] >= _EDGE_DROP_DB:
            return float(hz[i + np.argmax(level[i : beyond + 1] < level[i] - _INSIDE_DB) - 1])
    return None
