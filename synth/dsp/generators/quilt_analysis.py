"""What a quilt knows of a recording: where it is cut, and which piece fits behind which (sources: quilt.py)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Material
from synth.dsp.windows import open_hann

FADE_SECONDS = 0.020
SHIFT_SECONDS = 0.005
"""A join may move by this much either way to where the waveforms fit: half a period of 100 Hz."""
LOW_HZ = 600.0
"""Joins fit what lies below, and fade it apart from what lies above, where the waveforms of noise never agree."""
FRAME_SECONDS = 0.032
LOWEST_HZ = 40.0
BANDS = 20
CONTEXT_SECONDS = 0.2
CONTEXT_WEIGHT = 6
"""The level of 0.2 s around a join counts as 36 bands: swells of the recording stay swells."""
SUCCESSORS = 32
PER_CELL = 2

Pcm = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cuts:
    """How a material is cut, in samples, all of them multiples of `every`.

    Piece k is the material from `margin + k * step` on, `segment` samples and `fade` more to fade out; where it begins
    may move by up to `margin`. `PER_CELL` pieces begin in each cell: a cell is as long as a segment.
    """

    segment: int
    step: int
    fade: int
    margin: int
    every: int
    count: int

    @property
    def cells(self) -> int:
        return -(-self.count // PER_CELL)

    @property
    def needed(self) -> int:
        """The samples that all pieces together need."""
        return 2 * self.margin + (self.count - 1) * self.step + self.segment + self.fade

    def starts(self, pieces: Integers) -> Integers:
        return self.margin + pieces * self.step


def plan_cuts(num_samples: int, *, sample_rate: int, segment_ms: float) -> Cuts:
    """The cuts of a material of `num_samples`: segments as asked for, but at most a quarter of the material long."""
    every = max(1, int(sample_rate // (6.6 * LOW_HZ)))

    def whole(samples: float) -> int:
        return max(1, round(samples / every)) * every

    step = whole(min(segment_ms / 1000 * sample_rate, num_samples / 4) / PER_CELL)
    segment = PER_CELL * step
    fade = whole(min(FADE_SECONDS * sample_rate, segment / 3))
    margin = whole(min(SHIFT_SECONDS * sample_rate, segment / 6))
    count = max(1, (num_samples - segment - fade - 2 * margin) // step + 1)
    return Cuts(segment, step, fade, margin, every, count)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a material.

    low: what lies below LOW_HZ, shape (n,); coarse: every `cuts.every`-th sample of it; features: quarters of a dB at
    each place where a piece may begin or end, shape (count + PER_CELL, bands + 1); successors: for each piece those
    that fit best behind it, best first.
    """

    cuts: Cuts
    low: Pcm
    coarse: Samples
    features: Samples
    successors: list[list[int]]


def analyze_material(material: Material, segment_ms: float) -> Analysis:
    cuts = plan_cuts(len(material.samples), sample_rate=material.sample_rate, segment_ms=segment_ms)
    samples = at_least(material.samples, cuts.needed)
    low = _low_part(samples, material.sample_rate)
    features = _features(samples, cuts, material.sample_rate)
    return Analysis(cuts, low, low[:: cuts.every].astype(np.float64), features, _successors(features, cuts))


def at_least(samples: Pcm, count: int) -> Pcm:
    """The samples, over and over where there are fewer than `count`: a material of a few milliseconds."""
    return samples if len(samples) >= count else np.resize(samples, count)


def _low_part(samples: Pcm, sample_rate: int) -> Pcm:
    """What lies below LOW_HZ, without delay, in whole numbers: which joins fit is then the same on every processor."""
    from scipy.signal import firwin, oaconvolve

    taps = 2 * int(0.004 * sample_rate) + 1
    low = oaconvolve(samples.astype(np.float64), firwin(taps, LOW_HZ, fs=sample_rate), mode="same")
    return np.asarray(np.clip(np.rint(low[: len(samples)]), -32768, 32767).astype(np.int16))


@lru_cache
def _band_edges(size: int, sample_rate: int) -> tuple[int, ...]:
    """Bins of a spectrum of `size` samples where the bands begin, log-spaced, each at least one bin wide."""
    hertz = np.geomspace(LOWEST_HZ, sample_rate / 2, BANDS + 1)
    return tuple(np.unique(np.clip(np.rint(hertz * size / sample_rate), 1, size // 2)).astype(int).tolist())


def _features(samples: Pcm, cuts: Cuts, sample_rate: int) -> Samples:
    """Levels at each place where a piece may begin or end: of bands, and of all around.

    A frame is centred on the middle of the fade. Whole quarters of a dB are far above the noise of the arithmetic.
    """
    from scipy.fft import rfft

    size = min(len(samples), max(8, round(FRAME_SECONDS * sample_rate)))
    places = cuts.starts(np.arange(cuts.count + PER_CELL)) + (cuts.fade - size) // 2
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[np.clip(places, 0, len(samples) - size)]
    spectra = rfft(frames * open_hann(size))
    power = spectra.real**2 + spectra.imag**2
    edges = _band_edges(size, sample_rate)
    bands = np.add.reduceat(power, edges, axis=1)[:, :-1] if len(edges) > 1 else power
    around = _running_mean(power[:, 1:].sum(axis=1), round(CONTEXT_SECONDS * sample_rate / cuts.step))
    floor = float(size)  # the power of an error of one count
    levels = np.rint(40 * np.log10(np.column_stack([bands, around]) + floor))
    levels[:, -1] *= CONTEXT_WEIGHT
    return np.asarray(levels)


def _running_mean(values: Samples, width: int) -> Samples:
    """The mean of the values around each one, fewer of them at the ends."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, last = np.maximum(places - width // 2, 0), np.minimum(places + width // 2 + 1, len(values))
    return np.asarray((summed[last] - summed[first]) / (last - first))


FAR = 1e9  # above all squared differences; times 4000 pieces still exact in float64


def _successors(features: Samples, cuts: Cuts) -> list[list[int]]:
    """For each piece those that fit best behind it, best first; of equal ones the first in the recording.

    By the squared differences of the pieces' ends (rows) and all pieces' starts (columns): whole numbers, exact in
    float64 whatever the order of the sums. Far off is what was heard a moment ago, which would buzz, and what came next
    in the recording, which would play it again.
    """
    few, every = min(SUCCESSORS, cuts.count), np.arange(cuts.count)
    squares = np.einsum("ij,ij->i", features, features)
    found: list[list[int]] = []
    for rows in np.array_split(every, -(-cuts.count // 256)):
        keys = squares[rows + PER_CELL, None] + squares[every] - 2 * (features[rows + PER_CELL] @ features[every].T)
        keys[np.abs(every - rows[:, None]) <= PER_CELL] += FAR
        keys *= cuts.count
        keys += every
        keys.partition(few - 1, axis=1)
        found += (np.sort(keys[:, :few], axis=1) % cuts.count).astype(np.int64).tolist()
    return found
