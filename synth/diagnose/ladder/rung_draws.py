"""The sampling error of all rungs at once: a cluster bootstrap that draws whole groups, never single clips of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from synth.diagnose.ladder.overlap import recordings_of
from synth.diagnose.ladder.predictions import Prediction
from synth.draws import generator
from synth.dsp.arrays import Indices, Mask, Vector
from synth.errors import UsageError
from synth.stats.bootstrap import DRAWS, draw_sums, widening
from synth.stats.groups import join_linked

#: What may define a group.
BY: Final = ("group", "speaker", "session", "source", "noise", "clip")

_TITLES: Final = {"group": "group of the list", "source": "source utterance", "noise": "noise recording"}
_FEW_GROUPS: Final = 10  # with fewer, a note says that the interval is rough (our own choice)


@dataclass(frozen=True, slots=True)
class RungDraws:
    """Bootstrap draws of the errors of several rungs, by name of the rung."""

    draws: Mapping[str, Vector]  # errors (shares or losses), shape (DRAWS,); draw k of all rungs has the same groups
    groups: Mapping[str, int]  # number of groups
    notes: tuple[str, ...]


def bootstrap(rows: Mapping[str, Sequence[Prediction]], *, by: Sequence[str] = (), seed: int = 0) -> RungDraws:
    """Draw the groups of all rungs with replacement, and compute the error of each draw.

    A group that is in several rungs (the same dev clips under two models) is drawn for all of them at once, so that
    what they have in common cancels in a difference. Deviations are widened if there are few groups (`widening`).

    Args:
        rows: rung -> its clips.
        by: what defines a group, as in `group_names`.
        seed: random seed.
    """
    names, notes = group_names(rows, by)
    groups = sorted({name for rung_names in names.values() for name in rung_names})
    index = {name: k for k, name in enumerate(groups)}
    errors, words = np.zeros((2, len(groups), len(rows)))
    is_member = np.zeros((len(groups), len(rows)), bool)
    for column, (rung, clips) in enumerate(rows.items()):
        for clip, group in zip(clips, names[rung], strict=True):
            errors[index[group], column] += clip.weight * (clip.errors or 0.0)
            words[index[group], column] += clip.weight * (clip.words or 0.0)
            is_member[index[group], column] = True

    sums = np.concatenate([errors, words], axis=1)
    drawn = np.zeros((DRAWS, 2 * len(rows)))
    for number, members in enumerate(_strata(is_member)):
        drawn += draw_sums(sums[members], seed=seed, key="ladder.bootstrap", number=number)
    drawn_errors, drawn_words = np.split(drawn, 2, axis=1)
    observed = errors.sum(axis=0) / words.sum(axis=0)
    # a draw without any words says nothing: it counts as the observed error
    has_words = drawn_words > 0
    rates = np.where(has_words, drawn_errors / np.where(has_words, drawn_words, 1.0), observed)

    counts = {rung: int(count) for rung, count in zip(rows, is_member.sum(axis=0), strict=True)}
    draws = {}
    for column, (rung, clips) in enumerate(rows.items()):
        draws[rung] = observed[column] + (rates[:, column] - observed[column]) * widening(counts[rung])
        if not any(clip.errors for clip in clips):
            # no draw of clips without errors has any; the Jeffreys posterior Beta(1/2, n + 1/2) knows better
            draws[rung] = generator(seed, "ladder.never_wrong", column).beta(0.5, len(clips) + 0.5, DRAWS)
    few = [f"{rung} has only {n} groups: its interval is rough" for rung, n in counts.items() if n < _FEW_GROUPS]
    return RungDraws(draws, counts, (*notes, *few))


def _strata(is_member: Mask) -> Iterator[Indices]:
    """Yield the groups that are in the same rungs, shape (groups,) each.

    Args:
        is_member: bool, shape (groups, rungs).
    """
    codes = (is_member @ (1 << np.arange(is_member.shape[1]))).astype(np.int64)
    values, counts = np.unique(codes, return_counts=True)
    for code in values[counts == 1]:
        # a group alone in its stratum would be drawn exactly once, always: it joins others of one of its rungs
        similar = [value for value, count in zip(values, counts, strict=True) if count > 1 and value & code]
        if similar:
            codes[codes == code] = similar[0]
    for code in np.unique(codes):
        yield np.flatnonzero(codes == code)


def group_names(
    rows: Mapping[str, Sequence[Prediction]], by: Sequence[str] = ()
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the group of each clip of each rung, and notes on how they were found.

    Args:
        rows: rung -> its clips.
        by: some of BY; clips that share a value of one of them, directly or through other clips, are one group.
            Without it, a rung goes by the first of group, speaker, session and source that all its clips have; if
            there is none, each clip is a group.

    Raises:
        UsageError: `by` has something else.
    """
    if unknown := [name for name in by if name not in BY]:
        raise UsageError(f"--by {unknown[0]}: choose from {', '.join(BY)}, such as --by speaker,session")
    columns: dict[str, tuple[str, ...]] = {}
    keys: dict[str, list[list[str]]] = {}
    for rung, clips in rows.items():
        usual = ("group", "speaker", "session", "source")
        first_usual = next((column for column in usual if all(_values(clip, column) for clip in clips)), "clip")
        columns[rung] = tuple(by) or (first_usual,)
        keys[rung] = [
            [f"{column}:{value}" for column in columns[rung] for value in _values(clip, column)] or [f"clip:{clip.id}"]
            for clip in clips
        ]
    all_keys = [clip_keys for rung_keys in keys.values() for clip_keys in rung_keys]
    members = sorted({key for clip_keys in all_keys for key in clip_keys})
    first_member = join_linked(members, ((clip_keys[0], key) for clip_keys in all_keys for key in clip_keys[1:]))
    names = {rung: [first_member[clip_keys[0]] for clip_keys in rung_keys] for rung, rung_keys in keys.items()}

    titles = sorted({" and ".join(_TITLES.get(column, column) for column in each) for each in columns.values()})
    notes = [f"intervals: 95 %, by a bootstrap of groups; a group is a {' or a '.join(titles)}"]
    for rung, groups in names.items():
        if len(set(groups)) == 1 and len(groups) > 1:
            names[rung] = [f"clip:{clip.id}" for clip in rows[rung]]
            notes.append(
                f"{rung} is a single group by {' and '.join(columns[rung])}: single clips are drawn instead, and the "
                "interval is too narrow"
            )
    return names, notes


def _values(clip: Prediction, column: str) -> list[str]:
    if column == "noise":
        return recordings_of(clip)
    value = getattr(clip, {"clip": "id", "source": "source_id"}.get(column, column))
    return [] if value is None else [str(value)]
