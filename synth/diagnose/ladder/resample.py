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
from synth.dsp.arrays import Vector
from synth.errors import UsageError
from synth.stats.bootstrap import DRAWS, draw_sums, widening
from synth.stats.groups import join_linked

BY: Final = ("group", "speaker", "session", "source", "noise", "clip")
"""What may make a group."""

_TITLES: Final = {"group": "group of the list", "source": "source utterance", "noise": "noise recording"}
_FEW_GROUPS = 10  # below this an interval is said to be rough (our own choice)


@dataclass(frozen=True, slots=True)
class Drawn:
    """By set: `draws` of its error, shape (DRAWS,), and the number of its groups."""

    draws: Mapping[str, Vector]
    groups: Mapping[str, int]
    notes: tuple[str, ...]


def bootstrap(rows: Mapping[str, Sequence[Prediction]], *, by: Sequence[str] = (), seed: int = 0) -> Drawn:
    """Errors of sets drawn again by group, with replacement.

    A group that is in several sets (the same dev clips under two models) is drawn for all of them at once, so that
    what they share cancels in a difference. Groups are drawn among those that are in the same sets. Deviations are
    widened (synth.stats.bootstrap.widening) where groups are few.
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
    sums = np.concatenate([errors, words], axis=1)
    drawn = sum(
        draw_sums(sums[members], seed=seed, key="ladder.bootstrap", number=number)
        for number, members in enumerate(_strata(there))
    )
    summed = np.split(np.asarray(drawn), 2, axis=1)
    counts = there.sum(axis=0)
    told = errors.sum(axis=0) / words.sum(axis=0)
    ratios = np.where(summed[1] > 0, summed[0] / np.where(summed[1] > 0, summed[1], 1.0), told)
    draws = told + (ratios - told) * [widening(int(n)) for n in counts]
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
    keys = {name: [_keys(clip, chosen[name]) for clip in clips] for name, clips in rows.items()}
    every = [of_clip for of_set in keys.values() for of_clip in of_set]
    members = sorted({key for of_clip in every for key in of_clip})
    first = join_linked(members, ((of_clip[0], key) for of_clip in every for key in of_clip[1:]))
    found = {name: [first[of_clip[0]] for of_clip in of_set] for name, of_set in keys.items()}
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
