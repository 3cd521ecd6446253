"""Audio quilting: a recording cut into short pieces and put together in another order, without end and without period.

Overath, McDermott, Zarate and Poeppel (2015), "The cortical analysis of speech-specific temporal structure revealed by
responses to sound quilts", Nature Neuroscience 18:903-911. From there: segments of 30 to 960 ms, the next one chosen by
how well the spectra fit at the boundary, and joins where the waveforms agree (there by pitch-synchronous overlap-add).

Our own, without a source: the choice among the five best of the least used, the frames, bands and weights of the fit,
how far a join may move, the two bands of a join, and what is remembered so that pairs do not come back. The gains over
a join follow its correlation, so that the power neither dips nor bumps; the idea is that of Fink, Holters and Zoelzer
(2016), "Signal-matched power-complementary cross-fading and dry-wet mixing", Proc. DAFx-16 (cited from memory).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from synth.dsp.effects.effect import Parameter, Samples
from synth.dsp.noise.generator import Material, random_of

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
BEST = 5
SUCCESSORS = 32
REMEMBERED = 12
SPARE = 0.2
"""Cells that a clip has more than it is expected to need, times the root of that: pieces are not all of one length."""
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


def cuts_of(num_samples: int, *, sample_rate: int, segment_ms: float) -> Cuts:
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


@dataclass(frozen=True, slots=True)
class Quilt:
    """Pieces of a recording, `segment_ms` long, in an order of their own, drawn with `seed`."""

    segment_ms: float = 60.0
    seed: int = 0

    name: ClassVar[str] = "quilt"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "segment_ms": Parameter("length of the pieces", low=30, high=960, unit="ms", default=60)
    }
    main: ClassVar[str | None] = None
    needs_seed: ClassVar[bool] = True
    modelled: ClassVar[bool] = False

    def sources(self) -> int:
        return 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Noise of shape (num_samples,) at the level of the material, which has this rate."""
        analysis = self._analysis(materials[0])
        _, seams = self._planned(num_samples, analysis)
        return _sewn(materials[0], analysis, seams)[:num_samples]

    def pieces(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Integers:
        """The cell of the material that each piece of the noise begins in, shape (pieces,), below `cells`."""
        return self._planned(num_samples, self._analysis(materials[0]))[0] // PER_CELL

    def cells(self, material: Material) -> int:
        """How many cells the material has; each is as long as a segment, and begins where the one before ends."""
        return self._analysis(material).cuts.cells

    def _analysis(self, material: Material) -> Analysis:
        return material.known((self.name, self.segment_ms), lambda it: _analyse(it, self.segment_ms))

    def _planned(self, num_samples: int, analysis: Analysis) -> tuple[Integers, Seams]:
        cuts = analysis.cuts
        most = num_samples // (cuts.segment - cuts.margin) + 1
        expected = num_samples / cuts.segment
        own = min(cuts.cells, math.ceil(expected + SPARE * math.sqrt(expected)) + 1)
        random = random_of(self.seed)
        first = int(random.integers(cuts.cells))
        draws = random.integers(0, 120, size=most)  # 120 divides by 1, 2, 3, 4 and 5, each times 2
        order = np.asarray(_walk(analysis, first, own, (draws // 2).tolist()))
        seams = _seams(analysis, order, 1 - 2 * (draws % 2)).first(num_samples)
        return order[: len(seams.begins)], seams


# --- which piece fits behind which ------------------------------------------------------------------------------------


def _analyse(material: Material, segment_ms: float) -> Analysis:
    cuts = cuts_of(len(material.samples), sample_rate=material.sample_rate, segment_ms=segment_ms)
    samples = _at_least(material.samples, cuts.needed)
    low = _low_part(samples, material.sample_rate)
    features = _features(samples, cuts, material.sample_rate)
    return Analysis(cuts, low, low[:: cuts.every].astype(np.float64), features, _successors(features, cuts))


def _at_least(samples: Pcm, count: int) -> Pcm:
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
    spectra = rfft(frames * np.hanning(size + 2)[1:-1])
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


_FAR = 1e9  # above all squared differences; times 4000 pieces still exact in float64


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
        keys[np.abs(every - rows[:, None]) <= PER_CELL] += _FAR
        keys *= cuts.count
        keys += every
        keys.partition(few - 1, axis=1)
        found += (np.sort(keys[:, :few], axis=1) % cuts.count).astype(np.int64).tolist()
    return found


def _walk(analysis: Analysis, first: int, own: int, draws: list[int]) -> list[int]:
    """An order of pieces: each a random one of the best behind the one before, of those that may come.

    May come: cells that have been used least, and that did not follow this cell lately. So no cell comes an (n + 1)th
    time before all have come n times, at most twice its even share: loud and rare moments come as often as they should,
    however badly they fit. A clip shorter than its material keeps to `own` cells in a row from cell `first` on (behind
    the last comes the first), and uses them up likewise: otherwise it would be made of what fits most easily.
    """
    successors, cells = analysis.successors, analysis.cuts.cells
    followed: list[list[int]] = [[] for _ in range(cells)]
    used, remembered = [0] * own + [_CLOSED] * (cells - own), min(REMEMBERED, cells // 3)
    used = used[cells - first :] + used[: cells - first]
    now = _entry(analysis, first, own, draws[0])
    used[now // PER_CELL] = 1
    walk = [now]
    for step, draw in enumerate(draws[1:], 1):
        if step == own:
            used = [0 if count == _CLOSED else count for count in used]
        limit, late = 1 + step // cells, followed[now // PER_CELL]
        fitting = []
        for piece in successors[now]:
            cell = piece // PER_CELL
            if used[cell] < limit and cell not in late:
                fitting.append(piece)
                if len(fitting) == BEST:
                    break
        now = fitting[draw % len(fitting)] if fitting else _fallback(analysis, now, used, limit, late)
        used[now // PER_CELL] += 1
        late.append(now // PER_CELL)
        if len(late) > remembered:
            del late[0]
        walk.append(now)
    return walk


_CLOSED = 1 << 40


def _entry(analysis: Analysis, first: int, own: int, draw: int) -> int:
    """A piece in one of the clip's own cells, to begin with."""
    piece = (first + draw * own // 60) % analysis.cuts.cells * PER_CELL + draw % PER_CELL
    return min(piece, analysis.cuts.count - 1)


def _fallback(analysis: Analysis, now: int, used: list[int], limit: int, late: list[int]) -> int:
    """The best of all cells that may be used; those that came lately only where there is no other."""
    free = [cell for cell, count in enumerate(used) if count < limit]
    others = [cell for cell in free if cell not in late] or free
    pieces = (np.asarray(others)[:, None] * PER_CELL + np.arange(PER_CELL)).ravel()
    pieces = pieces[pieces < analysis.cuts.count]
    apart = analysis.features[pieces] - analysis.features[now + PER_CELL]
    apart *= apart
    distances = apart.sum(axis=1)
    distances[np.abs(pieces - now) <= PER_CELL] += _FAR
    return int(pieces[np.argmin(distances)])


# --- sewing -----------------------------------------------------------------------------------------------------------

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


def _seams(analysis: Analysis, order: Integers, turns: Integers) -> Seams:
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


def _sewn(material: Material, analysis: Analysis, seams: Seams) -> Samples:
    """All pieces, one behind the other, with the fades between them."""
    samples = _at_least(material.samples, len(analysis.low))
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
