"""How a quilt cuts a recording, and which segment fits behind which. Sources: `synth.dsp.generators.quilt`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Matrix, Samples
from synth.dsp.generators.generator import Material
from synth.dsp.windows import open_hann

FADE_SECONDS = 0.020
SHIFT_SECONDS = 0.005
"""A join may move by this much either way to where the waveforms fit: half a period of 100 Hz."""
LOW_HZ = 600.0
"""Joins fit the waveform below this frequency, and fade it separately from what lies above, where waveforms of noise
never agree."""
FRAME_SECONDS = 0.032
LOWEST_HZ = 40.0
BANDS = 20
CONTEXT_SECONDS = 0.2
CONTEXT_WEIGHT = 6
"""The level of 0.2 s around a join counts as much as 36 bands, so that slow level changes of the recording survive."""
SUCCESSORS = 32
PER_CELL = 2

Pcm = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cuts:
    """How a material is cut, in samples that are multiples of `every`.

    Segment k is the material from `margin + k * step` on, `segment` samples and `fade` more to fade out. Its beginning
    may move by up to `margin`. PER_CELL segments begin in each cell: a cell is as long as a segment.
    """

    segment: int  # samples
    step: int  # samples between the beginnings of two segments
    fade: int  # samples
    margin: int  # samples
    every: int  # samples: the grid on which waveforms are compared
    count: int  # number of segments

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return -(-self.count // PER_CELL)

    @property
    def needed(self) -> int:
        """Return how many samples all segments together need."""
        return 2 * self.margin + (self.count - 1) * self.step + self.segment + self.fade

    def starts(self, segments: Integers) -> Integers:
        """Return the first sample of each segment, shape (n,)."""
        return self.margin + segments * self.step


def plan_cuts(num_samples: int, *, sample_rate: int, segment_ms: float) -> Cuts:
    """Plan the cuts of a material of `num_samples`; a segment is at most a quarter of the material long."""
    every = max(1, int(sample_rate // (6.6 * LOW_HZ)))

    def on_grid(samples: float) -> int:
        return max(1, round(samples / every)) * every

    step = on_grid(min(segment_ms / 1000 * sample_rate, num_samples / 4) / PER_CELL)
    segment = PER_CELL * step
    fade = on_grid(min(FADE_SECONDS * sample_rate, segment / 3))
    margin = on_grid(min(SHIFT_SECONDS * sample_rate, segment / 6))
    count = max(1, (num_samples - segment - fade - 2 * margin) // step + 1)
    return Cuts(segment, step, fade, margin, every, count)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a quilt needs of a material."""

    cuts: Cuts
    low: Pcm  # the part below LOW_HZ, shape (n,)
    coarse: Samples  # every `cuts.every`-th sample of it, scale of int16
    features: Matrix
    """Levels where a segment may begin or end, unit: quarters of a dB, shape (count + PER_CELL, bands + 1)."""
    successors: list[list[int]]  # of each segment those that fit best behind it, best first


def analyze_material(material: Material, segment_ms: float) -> Analysis:
    """Analyze a material for segments of `segment_ms`."""
    cuts = plan_cuts(len(material.samples), sample_rate=material.sample_rate, segment_ms=segment_ms)
    samples = at_least(material.samples, cuts.needed)
    low = _low_part(samples, material.sample_rate)
    features = _features(samples, cuts, material.sample_rate)
    return Analysis(cuts, low, low[:: cuts.every].astype(np.float64), features, _successors(features, cuts))


def at_least(samples: Pcm, count: int) -> Pcm:
    """Repeat samples of shape (n,), int16, until there are `count`: for a material of a few milliseconds."""
    return samples if len(samples) >= count else np.resize(samples, count)


def _low_part(samples: Pcm, sample_rate: int) -> Pcm:
    """Return the part below LOW_HZ, without delay, in integers, so that joins are the same on every processor."""
    from scipy.signal import firwin, oaconvolve

    taps = 2 * int(0.004 * sample_rate) + 1
    low = oaconvolve(samples.astype(np.float64), firwin(taps, LOW_HZ, fs=sample_rate), mode="same")
    return np.asarray(np.clip(np.rint(low[: len(samples)]), -32768, 32767).astype(np.int16))


@lru_cache
def _band_edges(size: int, sample_rate: int) -> tuple[int, ...]:
    """Return the bins of a spectrum of `size` samples where bands begin: log-spaced, each at least one bin wide."""
    hertz = np.geomspace(LOWEST_HZ, sample_rate / 2, BANDS + 1)
    return tuple(np.unique(np.clip(np.rint(hertz * size / sample_rate), 1, size // 2)).astype(int).tolist())


def _features(samples: Pcm, cuts: Cuts, sample_rate: int) -> Samples:
    """Measure levels where a segment may begin or end: of bands, and of the sound around.

    A frame is centered on the middle of the fade. Whole quarters of a dB are far above rounding errors.
    """
    from scipy.fft import rfft

    size = min(len(samples), max(8, round(FRAME_SECONDS * sample_rate)))
    positions = cuts.starts(np.arange(cuts.count + PER_CELL)) + (cuts.fade - size) // 2
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[np.clip(positions, 0, len(samples) - size)]
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
    """Return the mean of the values around each one, of fewer at the ends."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    first, last = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, len(values))
    return np.asarray((summed[last] - summed[first]) / (last - first))


FAR = 1e9  # above all squared differences; times 4000 segments still exact in float64


def _successors(features: Samples, cuts: Cuts) -> list[list[int]]:
    """Return for each segment those that fit best behind it, best first; of equal ones the first in the recording.

    By the squared differences between the end of a segment (rows) and the starts of all (columns): integers, exact in
    float64 whatever the order of the sums. FAR is added to what was just played, which would buzz, and to what came
    next in the recording, which would play it again.
    """
    few, every = min(SUCCESSORS, cuts.count), np.arange(cuts.count)
    squares = np.einsum("ij,ij->i", features, features)
    best: list[list[int]] = []
    for rows in np.array_split(every, -(-cuts.count // 256)):
        keys = squares[rows + PER_CELL, None] + squares[every] - 2 * (features[rows + PER_CELL] @ features[every].T)
        keys[np.abs(every - rows[:, None]) <= PER_CELL] += FAR
        keys *= cuts.count
        keys += every
        keys.partition(few - 1, axis=1)
        best += (np.sort(keys[:, :few], axis=1) % cuts.count).astype(np.int64).tolist()
    return best
