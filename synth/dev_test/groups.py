"""Clips that must never be in different splits: connected components over what they share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from synth.stats.groups import join_linked

#: (column, value) of a clip, such as ("session", "drive 7") or ("file", "a.wav"). Equal ties join clips.
Tie: TypeAlias = tuple[str, str]
#: Indices of clips that share their sound.
Pairs: TypeAlias = Sequence[tuple[int, int]]

#: Column of the tie that every clip has: its file.
FILE: Final = "file"
_SAME_SOUND: Final = "the same sound"


@dataclass(frozen=True, slots=True)
class ClipGroup:
    """Clips that stay together."""

    name: str  # the smallest of their ties
    members: tuple[int, ...]  # indices of the clips, ascending


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A clip on the way from one clip of a group to another."""

    clip: int
    reason: str  # what joins it to the clip before; empty for the first


def group_clips(ties: Sequence[Iterable[Tie]], pairs: Pairs = ()) -> list[ClipGroup]:
    """Group the clips 0 .. len(ties) - 1; the groups are in the order of their first members.

    Args:
        ties: those of each clip.
        pairs: clips that are near-duplicates.
    """

    def links() -> Iterator[tuple[int, int]]:
        first: dict[Tie, int] = {}
        for index, of_clip in enumerate(ties):
            for tie in of_clip:
                yield first.setdefault(tie, index), index
        yield from pairs

    members: dict[int, list[int]] = {}
    for index, first_member in join_linked(range(len(ties)), links()).items():
        members.setdefault(first_member, []).append(index)
    groups = []
    for indices in members.values():
        # ties to files come last: every clip has one, and they say least
        own_ties = sorted({tie for index in indices for tie in ties[index]}, key=lambda tie: (tie[0] == FILE, tie))
        column, value = own_ties[0] if own_ties else ("clip", str(min(indices)))
        groups.append(ClipGroup(f"{column}={value}", tuple(indices)))
    return groups


def shortest_chain(
    ties: Sequence[Iterable[Tie]], pairs: Pairs, members: Sequence[int], start: set[int], goal: set[int]
) -> list[ChainLink]:
    """Find the shortest way from a clip of `start` to a clip of `goal` within a group; empty if there is none.

    Args:
        ties: those of each clip.
        pairs: clips that are near-duplicates.
        members: the clips of the group.
        start: clips of the group.
        goal: clips of the group.
    """
    neighbors = _neighbors(ties, pairs, set(members))
    previous: dict[int, ChainLink | None] = dict.fromkeys(sorted(start))
    queue = deque(previous)
    while queue:
        clip = queue.popleft()
        if clip in goal:
            return _walk_back(previous, clip)
        for neighbor, reason in neighbors[clip]:
            if neighbor not in previous:
                previous[neighbor] = ChainLink(clip, reason)
                queue.append(neighbor)
    return []


def _neighbors(ties: Sequence[Iterable[Tie]], pairs: Pairs, members: set[int]) -> dict[int, list[tuple[int, str]]]:
    """Return the neighbors of each clip, with the reason.

    The clips of a tie form a star around its first clip, not a complete graph, whose size would be quadratic.
    """
    neighbors: dict[int, list[tuple[int, str]]] = {index: [] for index in sorted(members)}
    centers: dict[Tie, int] = {}
    links: list[tuple[int, int, str]] = []
    for index in sorted(members):
        for tie in sorted(set(ties[index])):
            center = centers.setdefault(tie, index)
            if center != index:
                links.append((index, center, f"the same {tie[0]} ({tie[1]})"))
    links += [(first, second, _SAME_SOUND) for first, second in pairs if first in members]
    for first, second, reason in links:
        neighbors[first].append((second, reason))
        neighbors[second].append((first, reason))
    return neighbors


def _walk_back(previous: Mapping[int, ChainLink | None], end: int) -> list[ChainLink]:
    chain: list[ChainLink] = []
    clip, step = end, previous[end]
    while step is not None:
        # a walk through the center of a star has the same reason twice: the center itself is left out
        if not chain or chain[-1].reason != step.reason or step.reason == _SAME_SOUND:
            chain.append(ChainLink(clip, step.reason))
        clip, step = step.clip, previous[step.clip]
    return [ChainLink(clip, ""), *reversed(chain)]
