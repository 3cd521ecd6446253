"""How a quilt is sew: each piece begins where its waveform fits, and fades in evenly (sources: quilt.py)."""

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
    """Where each piece begins and ends in the material, and -1 where it is turned over; shapes (pieces,)."""

    begins: Integers
    ends: Integers
    signs: Integers

    @property
    def lengths(self) -> Integers:
        return self.ends - self.begins

    def first(self, num_samples: int) -> Seams:
        """Those pieces that `num_samples` need."""
        count = int(np.searchsorted(np.cumsum(self.lengths), num_samples)) + 1
        return Seams(self.begins[:count], self.ends[:count], self.signs[:count])


def find_seams(analysis: Analysis, order: Integers, turns: Integers) -> Seams:
    """Each piece begins where its waveform fits the end of the one before.

    turns: -1 where a piece would rather be turned over against the one before, so that pairs come back in two forms.
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
    """(samples by which the starts move, -1 where to turn over): the largest correlation over the fade.

    Products of whole numbers, exact. Where a piece turned as asked for fits less than half as well as the other way
    (the lowest sound leaves no choice), it is the other way.
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
    other = fits[rows, best] < -0.25 * fits[rows, opposite]
    return moves[np.where(other, opposite, best)] * cuts.every, np.where(other, -turns, turns)


def sew(material: Material, analysis: Analysis, seams: Seams) -> Samples:
    """All pieces, one behind the other, with the fades between them."""
    samples = at_least(material.samples, len(analysis.low))
    places = np.concatenate([[0], np.cumsum(seams.lengths)])
    out = np.empty(int(places[-1]))
    gains = seams.signs * material.scale
    for first in range(0, len(gains), _JOINS_AT_ONCE):
        span, here = slice(first, first + _JOINS_AT_ONCE), places[first : first + _JOINS_AT_ONCE + 1]
        at = np.repeat(seams.begins[span] - here[:-1], seams.lengths[span])
        at += np.arange(here[0], here[-1])
        np.multiply(samples[at], np.repeat(gains[span], seams.lengths[span]), out=out[here[0] : here[-1]])
        joins = np.arange(max(first, 1), first + len(here) - 1)
        faded = _faded(samples, analysis, seams, joins) * gains[joins - 1, None]
        out[places[joins, None] + np.arange(analysis.cuts.fade)] = faded
    return out


def _faded(samples: Pcm, analysis: Analysis, seams: Seams, joins: Integers) -> Samples:
    """The sound over each join, shape (joins, fade), as the piece before it is turned; low and high faded apart."""
    along = np.arange(analysis.cuts.fade)
    before, behind = seams.ends[joins - 1, None] + along, seams.begins[joins, None] + along
    turns = (seams.signs[joins - 1] * seams.signs[joins]).astype(np.float64)[:, None]
    low_before, low_behind = analysis.low[before].astype(np.float64), analysis.low[behind] * turns
    faded = _crossfade(low_before, low_behind)
    faded += _crossfade(samples[before] - low_before, samples[behind] * turns - low_behind)
    return faded


_LEAST_POWER = 0.25
"""Where waveforms cancel out, the gain rises by 6 dB and no further."""


def _crossfade(before: Samples, behind: Samples) -> Samples:
    """Square-root fades, times what keeps the power on its way from the one's to the other's; shapes (joins, fade)."""
    down, up = _fades(before.shape[1])
    power_before, power_behind = (np.einsum("ij,ij->i", x, x)[:, None] for x in (before, behind))
    common = np.einsum("ij,ij->i", before, behind)[:, None]
    wanted = down**2 * power_before + up**2 * power_behind + 1.0
    found = np.maximum(wanted + 2 * down * up * common, _LEAST_POWER * wanted)
    return np.asarray((before * down + behind * up) * np.sqrt(wanted / found))


@lru_cache
def _fades(size: int) -> tuple[Samples, Samples]:
    angle = (np.arange(size) + 0.5) * (np.pi / 2 / size)
    return np.cos(angle), np.sin(angle)
