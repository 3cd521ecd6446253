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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Generator, Material
from synth.dsp.generators.quilt_analysis import FAR, PER_CELL, Analysis, Integers, analyze_material
from synth.dsp.generators.quilt_seams import Seams, find_seams, sew
from synth.dsp.parameters import Parameter

BEST = 5
REMEMBERED = 12
"""A cell does not come again behind another before so many others have."""
SPARE = 0.2
"""Cells that a clip has more than it is expected to need, times the root of that: pieces are not all of one length."""


@dataclass(frozen=True, slots=True)
class Quilt(Generator):
    """Pieces of a recording, `segment_ms` long, in an order of their own, drawn with `seed`.

    Long segments keep more of a sound's own course, and are known again: of ten minutes made from five seconds, no two
    seconds were found to correlate above 0.5 with segments of up to 120 ms; from 240 ms on there were such.
    """

    name = "quilt"
    is_model = False

    segment_ms: Annotated[float, Parameter("length of the pieces", low=30, high=960, unit="ms")] = 60
    seed: int = 0

    def sources(self) -> int:
        return 1

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Noise of shape (num_samples,) at the level of the material, which has this rate."""
        analysis = self._analysis(materials[0])
        _, seams = self._planned(num_samples, analysis)
        return sew(materials[0], analysis, seams)[:num_samples]

    def pieces(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Integers:
        """The cell of the material that each piece of the noise begins in, shape (pieces,), below `cells`."""
        return self._planned(num_samples, self._analysis(materials[0]))[0] // PER_CELL

    def cells(self, material: Material) -> int:
        """How many cells the material has; each is as long as a segment, and begins where the one before ends."""
        return self._analysis(material).cuts.cells

    def _analysis(self, material: Material) -> Analysis:
        return material.known((self.name, self.segment_ms), lambda it: analyze_material(it, self.segment_ms))

    def _planned(self, num_samples: int, analysis: Analysis) -> tuple[Integers, Seams]:
        cuts = analysis.cuts
        most = num_samples // (cuts.segment - cuts.margin) + 1
        expected = num_samples / cuts.segment
        own = min(cuts.cells, math.ceil(expected + SPARE * math.sqrt(expected)) + 1)
        random = audio_generator(self.seed)
        first = int(random.integers(cuts.cells))
        draws = random.integers(0, 120, size=most)  # 120 divides by 1, 2, 3, 4 and 5, each times 2
        order = np.asarray(_walk(analysis, first, own, (draws // 2).tolist()))
        seams = find_seams(analysis, order, 1 - 2 * (draws % 2)).first(num_samples)
        return order[: len(seams.begins)], seams


def _walk(analysis: Analysis, first: int, own: int, draws: list[int]) -> list[int]:
    """An order of pieces: each a random one of the best behind the one before, of those that may come.

    May come: cells that have been used least, and that did not follow this cell lately. So no cell comes an (n + 1)th
    time before all have come n times, at most twice its even share: loud and rare moments come as often as they should,
    however badly they fit. A clip shorter than its material keeps to `own` cells in a row from cell `first` on (behind
    the last comes the first), and uses them up likewise: otherwise it would be made of what fits most easily.
    """
    cells = analysis.cuts.cells
    followed: list[list[int]] = [[] for _ in range(cells)]
    used, remembered = [0] * own + [_CLOSED] * (cells - own), min(REMEMBERED, cells // 3)
    used = used[cells - first :] + used[: cells - first]
    now = _entry(analysis, first, own, draws[0])
    used[now // PER_CELL] = 1
    walk, left = [now], list(range(cells))
    for step, draw in enumerate(draws[1:], 1):
        if step == own:  # more pieces than were expected: the rest of the recording may come
            used = [0 if count == _CLOSED else count for count in used]
        if step == own or step % cells == 0:
            left = list(range(cells))
        limit, late = 1 + step // cells, followed[now // PER_CELL]
        fitting = _fitting(analysis.successors[now], used, limit, late)
        if fitting:
            now = fitting[draw % len(fitting)]
        else:
            left = [cell for cell in left if used[cell] < limit]
            now = _best_left(analysis, now, left, late)
        used[now // PER_CELL] += 1
        late.append(now // PER_CELL)
        if len(late) > remembered:
            del late[0]
        walk.append(now)
    return walk


_CLOSED = 1 << 40


def _fitting(successors: list[int], used: list[int], limit: int, late: list[int]) -> list[int]:
    """The best that may come, at most BEST of them."""
    found = []
    for piece in successors:
        cell = piece // PER_CELL
        if used[cell] < limit and cell not in late:
            found.append(piece)
            if len(found) == BEST:
                break
    return found


def _entry(analysis: Analysis, first: int, own: int, draw: int) -> int:
    """A piece in one of the clip's own cells, to begin with."""
    piece = (first + draw * own // 60) % analysis.cuts.cells * PER_CELL + draw % PER_CELL
    return min(piece, analysis.cuts.count - 1)


def _best_left(analysis: Analysis, now: int, left: list[int], late: list[int]) -> int:
    """The best of all cells that are left; those that came lately only where there is no other."""
    others = [cell for cell in left if cell not in late] or left
    pieces = (np.asarray(others)[:, None] * PER_CELL + np.arange(PER_CELL)).ravel()
    pieces = pieces[pieces < analysis.cuts.count]
    apart = analysis.features[pieces] - analysis.features[now + PER_CELL]
    apart *= apart
    distances = apart.sum(axis=1)
    distances[np.abs(pieces - now) <= PER_CELL] += FAR
    return int(pieces[np.argmin(distances)])
