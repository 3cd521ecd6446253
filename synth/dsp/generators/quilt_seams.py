"""How a quilt is sewn: each segment begins where its waveform fits, and fades in evenly.

Sources: `synth.dsp.generators.quilt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Material
from synth.dsp.generators.quilt_analysis import Analysis, Integers, Pcm, at_least

_JOINS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Seams:
    """Where each segment begins and ends in the material; arrays of shape (segments,)."""

    begins: Integers  # samples
    ends: Integers  # samples
    signs: Integers  # -1 if the waveform is inverted, else 1

    @property
    def lengths(self) -> Integers:
        """Return the length of each segment in samples."""
        return self.ends - self.begins

    def first(self, num_samples: int) -> Seams:
        """Return those segments that `num_samples` need."""
        count = int(np.searchsorted(np.cumsum(self.lengths), num_samples)) + 1
        return Seams(self.begins[:count], self.ends[:count], self.signs[:count])


def find_seams(analysis: Analysis, order: Integers, turns: Integers) -> Seams:
    """Let each segment begin where its waveform fits the end of the one before.

    Args:
        analysis: of the material.
        order: numbers of the segments, shape (segments,).
        turns: -1 if a segment is preferably inverted relative to the one before, so that pairs come back in two forms;
            dimensionless, shape (segments,).
    """
    starts = analysis.cuts.starts(order)
    ends = starts + analysis.cuts.segment
    begins, turned = starts.copy(), turns.copy()
    for first in range(1, len(order), _JOINS_AT_ONCE):
        joins = np.arange(first, min(first + _JOINS_AT_ONCE, len(order)))
        shifts, turned[joins] = _fitted(analysis, ends[joins - 1], starts[joins], turns[joins])
        begins[joins] += shifts
    return Seams(begins, ends, np.cumprod(turned))


def _fitted(analysis: Analysis, ends: Integers, starts: Integers, turns: Integers) -> tuple[Integers, Integers]:
    """Return the samples by which the starts move, and -1 where to invert: the largest correlation over the fade.

    Products of integers are exact. If a segment fits less than half as well as preferred than the other way (the lowest
    sound leaves no choice), it is turned the other way.
    """
    cuts = analysis.cuts
    reach, size = cuts.margin // cuts.every, cuts.fade // cuts.every
    moves = np.asarray(sorted(range(-reach, reach + 1), key=abs))  # of equal ones the smallest is taken
    windows = np.lib.stride_tricks.sliding_window_view(analysis.coarse, size)
    before, behind = windows[ends // cuts.every], windows[(starts // cuts.every)[:, None] + moves]
    products = np.matmul(behind, before[:, :, None])[:, :, 0] * turns[:, None]
    fits = products * np.abs(products) / (np.einsum("ikj,ikj->ik", behind, behind) + 1.0)
    best, opposite = np.argmax(fits, axis=1), np.argmin(fits, axis=1)
    rows = np.arange(len(ends))
    is_opposite = fits[rows, best] < -0.25 * fits[rows, opposite]
    return moves[np.where(is_opposite, opposite, best)] * cuts.every, np.where(is_opposite, -turns, turns)


def sew(material: Material, analysis: Analysis, seams: Seams) -> Samples:
    """Join all segments with the fades between them: float64, shape (n,), full scale 1.0."""
    samples = at_least(material.samples, len(analysis.low))
    positions = np.concatenate([[0], np.cumsum(seams.lengths)])
    out = np.empty(int(positions[-1]))
    gains = seams.signs * material.scale
    for first in range(0, len(gains), _JOINS_AT_ONCE):
        span, edges = slice(first, first + _JOINS_AT_ONCE), positions[first : first + _JOINS_AT_ONCE + 1]
        at = np.repeat(seams.begins[span] - edges[:-1], seams.lengths[span])
        at += np.arange(edges[0], edges[-1])
        np.multiply(samples[at], np.repeat(gains[span], seams.lengths[span]), out=out[edges[0] : edges[-1]])
        joins = np.arange(max(first, 1), first + len(edges) - 1)
        faded = _faded(samples, analysis, seams, joins) * gains[joins - 1, None]
        out[positions[joins, None] + np.arange(analysis.cuts.fade)] = faded
    return out


def _faded(samples: Pcm, analysis: Analysis, seams: Seams, joins: Integers) -> Samples:
    """Return the sound over each join, shape (joins, fade), with the sign of the previous segment.

    Low and high parts are separate.
    """
    along = np.arange(analysis.cuts.fade)
    before, behind = seams.ends[joins - 1, None] + along, seams.begins[joins, None] + along
    turns = (seams.signs[joins - 1] * seams.signs[joins]).astype(np.float64)[:, None]
    low_before, low_behind = analysis.low[before].astype(np.float64), analysis.low[behind] * turns
    faded = _crossfade(low_before, low_behind)
    faded += _crossfade(samples[before] - low_before, samples[behind] * turns - low_behind)
    return faded


_LEAST_POWER = 0.25
"""Where waveforms cancel, the gain rises by 6 dB and no further."""


def _crossfade(before: Samples, behind: Samples) -> Samples:
    """Crossfade by square roots, with a gain that keeps the power in between; shapes (joins, fade)."""
    down, up = _fades(before.shape[1])
    power_before, power_behind = (np.einsum("ij,ij->i", x, x)[:, None] for x in (before, behind))
    common = np.einsum("ij,ij->i", before, behind)[:, None]
    target = down**2 * power_before + up**2 * power_behind + 1.0
    actual = np.maximum(target + 2 * down * up * common, _LEAST_POWER * target)
    return np.asarray((before * down + behind * up) * np.sqrt(target / actual))


@lru_cache
def _fades(size: int) -> tuple[Samples, Samples]:
    angle = (np.arange(size) + 0.5) * (np.pi / 2 / size)
    return np.cos(angle), np.sin(angle)
