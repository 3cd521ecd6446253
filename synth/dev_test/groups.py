"""Which clips may never stand on two sides of a split: connected components over what they share."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Tie: TypeAlias = tuple[str, str]
"""(column, value) that a clip has, such as ("session", "drive 7") or ("file", "a.wav"). Equal ties join clips."""

Pairs: TypeAlias = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Group:
    """Clips that stay together, by their indices, ascending. `name` is the smallest of the ties within."""

    name: str
    members: tuple[int, ...]


def grouped(ties: Sequence[Iterable[Tie]], pairs: Pairs = ()) -> list[Group]:
    """The groups of the clips 0 .. len(ties) - 1, in the order of their first members.

    ties: of each clip; pairs: clips that are near-duplicates.
    """
    root = list(range(len(ties)))
    first: dict[Hashable, int] = {}
    for index, mine in enumerate(ties):
        for tie in mine:
            _join(root, first.setdefault(tie, index), index)
    for one, other in pairs:
        _join(root, one, other)
    members: dict[int, list[int]] = {}
    for index in range(len(ties)):
        members.setdefault(_find(root, index), []).append(index)
    return [Group(_name(ties, mine), tuple(mine)) for mine in members.values()]


def _find(root: list[int], index: int) -> int:
    while root[index] != index:
        root[index] = root[root[index]]
        index = root[index]
    return index


def _join(root: list[int], one: int, other: int) -> None:
    low, high = sorted((_find(root, one), _find(root, other)))
    root[high] = low


def _name(ties: Sequence[Iterable[Tie]], members: Iterable[int]) -> str:
    """Ties to columns stand before ties to files, which every clip has."""
    found = {tie for index in members for tie in ties[index]}
    column, value = min(found, key=lambda tie: (tie[0] == FILE, tie)) if found else ("clip", str(min(members)))
    return f"{column}={value}"


FILE = "file"


def chain(
    ties: Sequence[Iterable[Tie]], pairs: Pairs, members: Sequence[int], start: set[int], goal: set[int]
) -> list[tuple[int, str]]:
    """The shortest way from a clip of `start` to one of `goal` within one group: (clip, what joins it to the one
    before); "" for the first. Empty where there is none."""
    ways = _ways(ties, pairs, set(members))
    came: dict[int, tuple[int, str] | None] = dict.fromkeys(sorted(start))
    waiting = deque(came)
    while waiting:
        here = waiting.popleft()
        if here in goal:
            return _walked(came, here)
        for there, why in ways[here]:
            if there not in came:
                came[there] = (here, why)
                waiting.append(there)
    return []


def _ways(ties: Sequence[Iterable[Tie]], pairs: Pairs, members: set[int]) -> dict[int, list[tuple[int, str]]]:
    """Steps from clip to clip. Those of one tie stand in a star around its first: enough to walk, and few.

    A walk through the middle of a star names the tie twice, which `_walked` takes out.
    """
    ways: dict[int, list[tuple[int, str]]] = {index: [] for index in sorted(members)}
    centre: dict[Tie, int] = {}
    for index in sorted(members):
        for tie in sorted(set(ties[index])):
            other = centre.setdefault(tie, index)
            if other != index:
                why = f"the same {tie[0]} ({tie[1]})"
                ways[index].append((other, why))
                ways[other].append((index, why))
    for one, other in pairs:
        if one in members:
            ways[one].append((other, "the same sound"))
            ways[other].append((one, "the same sound"))
    return ways


def _walked(came: Mapping[int, tuple[int, str] | None], end: int) -> list[tuple[int, str]]:
    steps: list[tuple[int, str]] = []
    here, step = end, came[end]
    while step is not None:
        if steps and steps[-1][1] == step[1] and step[1] != "the same sound":
            pass  # the middle of a star
        else:
            steps.append((here, step[1]))
        here, step = step[0], came[step[0]]
    return [(here, ""), *reversed(steps)]
