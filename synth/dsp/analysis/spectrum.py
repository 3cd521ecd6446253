"""The spectrum of a noise recording: power density, third octaves, tonal lines, and where its band ends.

See docs/science.md, "Noise spectrum".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.segments import Stretch
from synth.dsp.windows import hann

FRAME_SECONDS = 0.5
LINE_DB = 6.0
PROFILE_RANGE_DB = 60.0

_TINY = 1e-30
_LINE_NEIGHBORHOOD = 2 ** (1 / 12)  # half of a sixth octave on either side
_MIN_NEIGHBORS = 8  # bins on either side: among fewer a line would be its own median
_LINES_FROM_HZ = 20.0
_MAX_LINES = 40
_MAIN_LOBE = 4  # bins on either side of a peak that are the same line (Hann window)
_FALSE_ALARMS = 0.001  # share of recordings without lines that may show one
_EDGE_FROM_HZ = 1000.0
_EDGE_DROP_DB = 20.0
_EDGE_HZ = 300.0
_EDGE_OCTAVES = 1 / 3
_INSIDE_DB = 10.0
_RESAMPLER_EDGE = 0.85  # of half the rate: above it the resampler's own filter begins

Power = npt.NDArray[np.float64]


class Readable(Protocol):
    """Samples that can be sliced: an array, or a file that is read as needed."""

    def __getitem__(self, part: slice) -> npt.NDArray[np.int16]: ...


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean power density of a recording."""

    density: Power  # full scale 1.0 squared per Hz, shape (bins,)
    step_hz: float  # bin k lies at k * step_hz
    frames: Power
    """Of each bin, shape (bins,): the mean of so many independent spectra of stationary noise would scatter as much."""

    @property
    def hz(self) -> Power:
        """Return the frequency of each bin in Hz, shape (bins,)."""
        return np.asarray(np.arange(len(self.density)) * self.step_hz, np.float64)


def measure_spectrum(samples: Readable, stretches: Iterable[Stretch], *, scale: float, sample_rate: int) -> Spectrum:
    """Measure the power density of stretches of a recording by Welch's method (1967).

    Hann frames of about 0.5 s overlap by half; a stretch shorter than a frame is one short frame. The mean of each
    frame is subtracted, because a DC offset is no sound.

    Args:
        samples: int16, shape (n,).
        stretches: (start, length), samples.
        scale: factor that brings the samples to full scale 1.0.
        sample_rate: Hz.
    """
    size = int(2 ** round(math.log2(FRAME_SECONDS * sample_rate)))
    total, squares, count, seen = np.zeros(size // 2 + 1), np.zeros(size // 2 + 1), 0, 0
    for start, length in stretches:
        for block in _frames(samples, start, length, size):
            window = hann(block.shape[1])
            frames = block - block.mean(axis=1, keepdims=True)
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
    """Return how many spectra of stationary noise (power exponentially distributed) would scatter as much, per bin.

    `most` counts overlapping frames for what they add: 1.9 per frame length at an overlap of half (Welch 1967).
    """
    equivalent = 2 * total**2 / np.maximum(squares, _TINY) - 1  # on average `count`, if the noise is stationary
    return np.asarray(np.clip(equivalent / max(count, 1), 0.0, 1.0) * most).clip(1.0)


def _frames(samples: Readable, start: int, length: int, size: int) -> Iterator[Samples]:
    """Yield the frames of a stretch, some at a time, shape (count, size); one shorter frame if it is shorter."""
    if length < size:
        yield samples[start : start + length].astype(np.float64)[None, :]
        return
    hop, at_once = size // 2, 16
    count = (length - size) // hop + 1
    for first in range(0, count, at_once):
        frames = min(at_once, count - first)
        begin = start + first * hop
        block = samples[begin : begin + (frames - 1) * hop + size].astype(np.float64)
        yield np.lib.stride_tricks.sliding_window_view(block, size)[::hop]


@lru_cache
def third_octaves(sample_rate: int) -> tuple[tuple[float, float, float], ...]:
    """Return (low, center, high) in Hz of the bands from 50 Hz up to 0.45 of the rate (IEC 61260-1, base ten)."""
    bands = [(10 ** ((n - 0.5) / 10), 10 ** (n / 10), 10 ** ((n + 0.5) / 10)) for n in range(17, 60)]
    return tuple(band for band in bands if band[2] <= 0.45 * sample_rate)


def third_octave_levels(spectrum: Spectrum, *, sample_rate: int) -> Power:
    """Return the level of each third octave in dB (full scale 1.0), shape (bands,). A bin on an edge is divided.

    Args:
        spectrum: power density of a recording.
        sample_rate: Hz.
    """
    edges = np.concatenate([[0.0], (np.arange(len(spectrum.density)) + 0.5) * spectrum.step_hz])
    running = np.concatenate([[0.0], np.cumsum(spectrum.density * np.diff(edges))])
    bands = np.array(third_octaves(sample_rate)).reshape(-1, 3)
    power = np.interp(bands[:, 2], edges, running) - np.interp(bands[:, 0], edges, running)
    return np.asarray(10 * np.log10(np.maximum(power, _TINY)))


def spectral_profile(levels: Power) -> Power:
    """Return band levels, dB, shape (bands,), less their mean: the shape of a spectrum, whatever its level.

    Bands more than 60 dB below the loudest count as 60 dB below: how silent they are does not matter.
    """
    if not len(levels):
        return levels
    limited = np.maximum(levels, levels.max() - PROFILE_RANGE_DB)
    return np.asarray(limited - limited.mean())


@dataclass(frozen=True, slots=True)
class TonalLine:
    """A tone in the noise."""

    hz: float
    above_db: float  # its peak above the median around it


def find_lines(spectrum: Spectrum) -> tuple[TonalLine, ...]:
    """Find peaks more than 6 dB above the median of the sixth octave around them; at most the 40 highest.

    If few frames were averaged, or if a few loud ones dominate the mean, the limit is higher: noise without lines
    passes it once in a thousand recordings. The neighborhood has at least 17 bins (33 Hz), so below 200 Hz it is wider
    than a sixth octave.

    Args:
        spectrum: power density of a recording, shape (bins,), full scale 1.0 squared per Hz.

    Returns:
        In order of frequency.
    """
    level = 10 * np.log10(np.maximum(spectrum.density, _TINY))
    floor = _local_median(level)
    frames = _local_median(spectrum.frames)
    first, last = math.ceil(_LINES_FROM_HZ / spectrum.step_hz), len(level) - _MAIN_LOBE - 1
    above = level - floor
    peaks: list[int] = []
    for k in sorted(range(first, last), key=lambda k: -above[k]):
        if above[k] <= LINE_DB or len(peaks) == _MAX_LINES:
            break
        if above[k] <= _chance_db(float(frames[k]), len(level)):
            continue
        highest = level[max(0, k - 1) : k + 2].max() == level[k]
        if highest and all(abs(k - peak) > _MAIN_LOBE for peak in peaks):
            peaks.append(k)
    return tuple(TonalLine(_refined(level, k) * spectrum.step_hz, float(above[k])) for k in sorted(peaks))


def _refined(level: Power, k: int) -> float:
    """Return the position of a peak between bins, from the parabola through three of them."""
    before, peak, after = level[k - 1 : k + 2]
    bend = before - 2 * peak + after
    return k + (0.5 * float((before - after) / bend) if bend < 0 else 0.0)


def _local_median(level: Power) -> Power:
    """Return the median of the sixth octave around each bin; bins close together share one."""
    floor = np.empty_like(level)
    k = 0
    while k < len(level):
        reach = max(_MIN_NEIGHBORS, round(k * (_LINE_NEIGHBORHOOD - 1)))
        step = max(1, reach // 8)
        middle = k + step // 2
        floor[k : k + step] = np.median(level[max(0, middle - reach) : middle + reach + 1])
        k += step
    return floor


def _chance_db(frames: float, bins: int) -> float:
    """Return by how many dB the highest of `bins` means of noise spectra exceeds their median, one time in 1000.

    It includes 2.5 dB for how much the median of 17 bins scatters itself if there is only one spectrum.
    """
    from scipy.stats import chi2

    highest, middle = chi2.isf([_FALSE_ALARMS / bins, 0.5], 2 * frames)
    return float(10 * np.log10(highest / middle) + 2.5 / math.sqrt(frames))


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """The band that a recording fills."""

    low_hz: float  # where the density first comes within 10 dB of its maximum
    high_hz: float  # where a low-pass cuts it off; half the rate if there is none
    cut: bool  # whether there is a low-pass below the rate's own limit

    @property
    def telephone(self) -> bool:
        """Whether the band is like that of a telephone line: nothing below 200 Hz, cut off between 3 and 4 kHz."""
        return self.cut and self.low_hz >= 200.0 and 2900.0 <= self.high_hz <= 4100.0


def find_bandwidth(spectrum: Spectrum) -> Bandwidth:
    """Find the band that a recording fills.

    A low-pass differs from a spectrum that falls by itself in its steepness: 20 dB within 300 Hz or a third octave,
    whichever is more, after which nothing comes up again. (Car noise falls by up to 20 dB per octave.) The numbers 10
    and 20 dB and 300 Hz are chosen, and were checked on 27 recordings.

    Args:
        spectrum: power density of a recording, shape (bins,), full scale 1.0 squared per Hz.
    """
    top = (len(spectrum.density) - 1) * spectrum.step_hz
    hz, level = _smoothed(spectrum)
    low = float(hz[np.argmax(level >= level.max() - _INSIDE_DB)])
    edge = _edge(hz, level)
    cut = edge is not None and edge < _RESAMPLER_EDGE * top
    return Bandwidth(low, edge if edge is not None and cut else top, cut)


def _smoothed(spectrum: Spectrum) -> tuple[Power, Power]:
    """Return (Hz, dB) from 20 Hz on, 24 points per octave: medians of a twelfth of an octave, which ignore lines."""
    top = (len(spectrum.density) - 1) * spectrum.step_hz
    hz = 20.0 * 2 ** (np.arange(max(1, math.floor(24 * math.log2(top / 20.0)))) / 24)
    half = 2 ** (1 / 24)
    firsts = np.floor(hz / half / spectrum.step_hz).astype(int)
    lasts = np.ceil(hz * half / spectrum.step_hz).astype(int) + 1
    density = [np.median(spectrum.density[a:b]) for a, b in zip(firsts, lasts, strict=True)]
    return hz, np.asarray(10 * np.log10(np.maximum(density, _TINY)))


def _edge(hz: Power, level: Power) -> float | None:
    """Return the frequency where a low-pass begins to cut (it is 10 dB down there), or None."""
    for i in np.flatnonzero(hz >= _EDGE_FROM_HZ).tolist():
        beyond = int(np.searchsorted(hz, max(hz[i] + _EDGE_HZ, hz[i] * 2**_EDGE_OCTAVES)))
        if beyond >= len(hz) - 1:
            return None
        inside = np.median(level[(hz >= hz[i] / 2) & (hz <= hz[i])])
        stays = inside - level[beyond:].max() >= _EDGE_DROP_DB
        if stays and level[i] - level[beyond] >= _EDGE_DROP_DB:
            return float(hz[i + np.argmax(level[i : beyond + 1] < level[i] - _INSIDE_DB) - 1])
    return None
