"""Cluster bootstrap of the errors of several sets at once: whole groups are drawn again, never single clips of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from synth.diagnose.ladder.overlap import recordings_of
from synth.diagnose.ladder.predictions import Prediction
from synth.draws import generator
from synth.dsp.arrays import Matrix, Vector
from synth.errors import UsageError

DRAWS: Final = 2000
"""Sets drawn again; 2,000 put the ends of a 95 % interval within about 2 % of its width (our own choice)."""

BY: Final = ("group", "speaker", "session", "source", "noise", "clip")
"""What may make a group."""

_TITLES: Final = {"group": "group of the list", "source": "source utterance", "noise": "noise recording"}
_MOST_GROUPS = 1000  # more are put together at random: the interval's width then wavers by 2 %
_FEW_GROUPS = 10  # below this an interval is said to be rough (our own choice)


@dataclass(frozen=True, slots=True)
class Drawn:
    """By set: `draws` of its error, shape (DRAWS,), and the number of its groups."""

    draws: Mapping[str, Vector]
    groups: Mapping[str, int]
    notes: tuple[str, ...]


def bootstrap(rows: Mapping[str, Sequence[Prediction]], *, by: Sequence[str] = (), seed: int = 0) -> Drawn:
    """Errors of sets drawn again by group, with replacement (Davison & Hinkley 1997, sec. 3.8, from memory).

    A group that is in several sets (the same dev clips under two models) is drawn for all of them at once, so that
    what they share cancels in a difference. Groups are drawn among those that are in the same sets. Deviations are
    widened (_widened) where groups are few.
    """
    names, notes = group_names(rows, by)
    groups = sorted({name for clips in names.values() for name in clips})
    index = {name: k for k, name in enumerate(groups)}
    errors, words = np.zeros((2, len(groups), len(rows)))
    there = np.zeros((len(groups), len(rows)), bool)
    for column, (name, clips) in enumerate(rows.items()):
        for clip, group in zip(clips, names[name], strict=True):
            errors[index[group], column] += clip.weight * (clip.errors or 0.0)
            words[index[group], column] += clip.weight * (clip.words or 0.0)
            there[index[group], column] = True
    summed = np.zeros((2, DRAWS, len(rows)))
    for number, members in enumerate(_strata(there)):
        summed += _drawn(errors[members], words[members], seed, number)
    counts = there.sum(axis=0)
    told = errors.sum(axis=0) / words.sum(axis=0)
    ratios = np.where(summed[1] > 0, summed[0] / np.where(summed[1] > 0, summed[1], 1.0), told)
    draws = told + (ratios - told) * [_widened(int(n)) for n in counts]
    few = [
        f"{name} has only {n} groups: its interval is rough"
        for name, n in zip(rows, counts, strict=True)
        if n < _FEW_GROUPS
    ]
    return Drawn(
        {name: _never_wrong(rows[name], draws[:, k], seed, k) for k, name in enumerate(rows)},
        {name: int(n) for name, n in zip(rows, counts, strict=True)},
        (*notes, *few),
    )


def _widened(groups: int) -> float:
    """By sqrt(G / (G - 1)), as deviations of G groups drawn with replacement fall short by that; and as the quantile of
    Student's t with G - 1 degrees of freedom lies beyond the normal one (usual for few clusters: Cameron, Gelbach &
    Miller 2008, from memory)."""
    from scipy.stats import norm, t

    if groups < 2:
        return 1.0
    return float(np.sqrt(groups / (groups - 1)) * t.ppf(0.975, groups - 1) / norm.ppf(0.975))


def _drawn(errors: Matrix, words: Matrix, seed: int, number: int) -> Matrix:
    """Sums over groups drawn again, shape (2, DRAWS, sets)."""
    together = min(len(errors), _MOST_GROUPS)
    order = generator(seed, "ladder.merge_groups", number).permutation(len(errors)) % together
    sums = np.zeros((2, together, errors.shape[1]))
    np.add.at(sums[0], order, errors)
    np.add.at(sums[1], order, words)
    counts = generator(seed, "ladder.bootstrap", number).multinomial(together, np.full(together, 1 / together), DRAWS)
    return np.stack([counts @ sums[0], counts @ sums[1]])


def _strata(there: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.intp]]:
    """Groups that are in the same sets. One that is alone goes with the others of its first set, or it would never
    be drawn twice."""
    codes = (there @ (1 << np.arange(there.shape[1]))).astype(np.int64)
    found, counts = np.unique(codes, return_counts=True)
    for code in found[counts == 1]:
        kin = [other for other, n in zip(found, counts, strict=True) if n > 1 and other & code]
        if kin:
            codes[codes == code] = kin[0]
    for code in np.unique(codes):
        yield np.flatnonzero(codes == code)


def _never_wrong(clips: Sequence[Prediction], draws: Vector, seed: int, number: int) -> Vector:
    """Where no clip is wrong, drawing again says that none ever is; Jeffreys' Beta(1/2, n + 1/2) of n clips instead."""
    if any(clip.errors for clip in clips):
        return draws
    return generator(seed, "ladder.never_wrong", number).beta(0.5, len(clips) + 0.5, DRAWS)


# --- groups -----------------------------------------------------------------------------------------------------------


def group_names(
    rows: Mapping[str, Sequence[Prediction]], by: Sequence[str] = ()
) -> tuple[dict[str, list[str]], list[str]]:
    """The group of each clip of each set, and notes on how they were found.

    `by`: some of BY; clips that have one of these in common, however indirectly, are one group. Without it a set
    goes by the first of group, speaker, session and source that all its clips have; else each clip is a group.
    """
    wrong = [name for name in by if name not in BY]
    if wrong:
        raise UsageError(f"groups by {wrong[0]!r}: some of {', '.join(BY)} are needed, such as speaker,session")
    chosen = {name: tuple(by) or _chosen(clips) for name, clips in rows.items()}
    joined = _Joined()
    for name, clips in rows.items():
        for clip in clips:
            joined.join(_keys(clip, chosen[name]))
    found = {name: [joined.root(_keys(clip, chosen[name])[0]) for clip in clips] for name, clips in rows.items()}
    return _at_least_two(rows, found, chosen)


def _at_least_two(
    rows: Mapping[str, Sequence[Prediction]], found: dict[str, list[str]], chosen: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[str]], list[str]]:
    notes = []
    for name, groups in found.items():
        if len(set(groups)) == 1 and len(groups) > 1:
            found[name] = [_keys(clip, ("clip",))[0] for clip in rows[name]]
            notes.append(
                f"{name} is a single group by {' and '.join(chosen[name])}: clips are drawn again in its place, and "
                "the interval is too narrow"
            )
    by = sorted({" and ".join(_TITLES.get(one, one) for one in way) for way in chosen.values()})
    return found, [f"intervals: 95 %, by drawing groups again; a group is a {' or a '.join(by)}", *notes]


def _chosen(clips: Sequence[Prediction]) -> tuple[str, ...]:
    ways = ("group", "speaker", "session", "source")
    return (next((way for way in ways if all(_values(clip, way) for clip in clips)), "clip"),)


def _keys(clip: Prediction, ways: Sequence[str]) -> list[str]:
    found = [f"{way}:{value}" for way in ways for value in _values(clip, way)]
    return found or [f"clip:{clip.id}"]


def _values(clip: Prediction, way: str) -> list[str]:
    if way == "noise":
        return recordings_of(clip)
    own = {"clip": clip.id, "source": clip.source_id}.get(way) if way in ("clip", "source") else getattr(clip, way)
    return [] if own is None else [str(own)]


class _Joined:
    """Names that were found together, however indirectly, have one root."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (parent := self._parent.setdefault(name, name)) != name:
            self._parent[name] = name = self._parent.setdefault(parent, parent)
        return name

    def join(self, names: Sequence[str]) -> None:
        roots = sorted({self.root(name) for name in names})
        for other in roots[1:]:
            self._parent[other] = roots[0]
