"""Audio quilting: a recording cut into short segments that are put together in another order, without end and period.

Source: Overath, McDermott, Zarate and Poeppel, "The cortical analysis of speech-specific temporal structure revealed by
responses to sound quilts", Nature Neuroscience 18, 2015, pages 903-911. From there: segments of 30 to 960 ms, the next
one chosen by how well the spectra fit at the boundary, and joins where the waveforms agree (there by pitch-synchronous
overlap-add).

Chosen here: the choice among the five best of the least used, the frames, bands and weights of the fit, how far a join
may move, the two bands of a join, and how long pairs are remembered so that they do not come back. The gains over a
join follow its correlation, so that the power neither dips nor bumps, as in Fink, Holters and Zoelzer, "Signal-matched
power-complementary cross-fading and dry-wet mixing", DAFx 2016. See docs/science.md, "Synthesized noise from
recordings".
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
"""The next segment is a random one of so many that fit best."""
REMEMBERED = 12
"""A cell does not follow another one again before so many others have."""
SPARE = 0.2
"""A clip reserves this times the root of the expected number of cells in addition, because segments vary in length."""


@dataclass(frozen=True, slots=True)
class Quilt(Generator):
    """Segments of a recording, `segment_ms` long, in another order, drawn with `seed`.

    Long segments keep more of a sound's own course, but can be recognized: in ten minutes from five seconds, no two
    seconds correlated above 0.5 with segments of up to 120 ms; from 240 ms on some did.
    """

    name = "quilt"
    slow_modules = ("scipy.fft", "scipy.signal")
    is_model = False

    segment_ms: Annotated[float, Parameter("length of the segments", low=30, high=960, unit="ms")] = 60
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Samples:
        """Synthesize noise, float64, shape (num_samples,), full scale 1.0, at the level of the material."""
        analysis = self._analysis(materials[0])
        _, seams = self._plan(num_samples, analysis)
        return sew(materials[0], analysis, seams)[:num_samples]

    def segments(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material]) -> Integers:
        """Return the cell of the material in which each segment begins, shape (segments,), below `cells`."""
        return self._plan(num_samples, self._analysis(materials[0]))[0] // PER_CELL

    def cells(self, material: Material) -> int:
        """Return how many cells the material has.

        Each is as long as a segment, and begins where the previous one ends.
        """
        return self._analysis(material).cuts.cells

    def _analysis(self, material: Material) -> Analysis:
        return material.analysis((self.name, self.segment_ms), lambda part: analyze_material(part, self.segment_ms))

    def _plan(self, num_samples: int, analysis: Analysis) -> tuple[Integers, Seams]:
        cuts = analysis.cuts
        most = num_samples // (cuts.segment - cuts.margin) + 1
        expected = num_samples / cuts.segment
        own = min(cuts.cells, math.ceil(expected + SPARE * math.sqrt(expected)) + 1)
        rng = audio_generator(self.seed)
        first = int(rng.integers(cuts.cells))
        # 60 is divisible by 1 to 5, so each choice is equally likely; the lowest bit decides about inversion
        draws = rng.integers(0, 120, size=most)
        order = np.asarray(_walk(analysis, first, own, (draws // 2).tolist()))
        seams = find_seams(analysis, order, 1 - 2 * (draws % 2)).first(num_samples)
        return order[: len(seams.begins)], seams


def _walk(analysis: Analysis, first: int, own: int, draws: list[int]) -> list[int]:
    """Return an order of segments: each a random one of the best allowed ones behind the one before.

    Allowed are cells that have been used least, and that did not follow this cell lately. So no cell is used an (n +
    1)th time before all were used n times: loud and rare moments come as often as they should, however badly they fit.
    A clip shorter than its material keeps to `own` cells in a row from cell `first` on (the first follows the last),
    and uses them up in the same way: otherwise it would consist of what fits most easily.
    """
    cells = analysis.cuts.cells
    followed: list[list[int]] = [[] for _ in range(cells)]
    used, remembered = [0] * own + [_CLOSED] * (cells - own), min(REMEMBERED, cells // 3)
    used = used[cells - first :] + used[: cells - first]
    now = _entry(analysis, first, own, draws[0])
    used[now // PER_CELL] = 1
    walk, remaining = [now], list(range(cells))
    for step, draw in enumerate(draws[1:], 1):
        if step == own:  # more segments than expected: the rest of the recording is opened
            used = [0 if count == _CLOSED else count for count in used]
        if step == own or step % cells == 0:
            remaining = list(range(cells))
        limit, late = 1 + step // cells, followed[now // PER_CELL]
        fitting = _fitting(analysis.successors[now], used, limit, late)
        if fitting:
            now = fitting[draw % len(fitting)]
        else:
            remaining = [cell for cell in remaining if used[cell] < limit]
            now = _best_remaining(analysis, now, remaining, late)
        used[now // PER_CELL] += 1
        late.append(now // PER_CELL)
        if len(late) > remembered:
            del late[0]
        walk.append(now)
    return walk


_CLOSED = 1 << 40


def _fitting(successors: list[int], used: list[int], limit: int, late: list[int]) -> list[int]:
    """Return the best allowed successors, at most BEST of them."""
    allowed = []
    for segment in successors:
        cell = segment // PER_CELL
        if used[cell] < limit and cell not in late:
            allowed.append(segment)
            if len(allowed) == BEST:
                break
    return allowed


def _entry(analysis: Analysis, first: int, own: int, draw: int) -> int:
    """Return the first segment, in one of the clip's own cells."""
    segment = (first + draw * own // 60) % analysis.cuts.cells * PER_CELL + draw % PER_CELL
    return min(segment, analysis.cuts.count - 1)


def _best_remaining(analysis: Analysis, now: int, remaining: list[int], late: list[int]) -> int:
    """Return the best of all remaining cells; those that came lately only if there are no others."""
    cells = [cell for cell in remaining if cell not in late] or remaining
    segments = (np.asarray(cells)[:, None] * PER_CELL + np.arange(PER_CELL)).ravel()
    segments = segments[segments < analysis.cuts.count]
    apart = analysis.features[segments] - analysis.features[now + PER_CELL]
    apart *= apart
    distances = apart.sum(axis=1)
    distances[np.abs(segments - now) <= PER_CELL] += FAR
    return int(segments[np.argmin(distances)])
