"""Assigns whole groups to splits: close to the requested sizes, and with clips of similar lengths in all splits.

1. Groups are put into four strata by the mean length of their clips, and into a random order (by key) within each. An
   order over all groups then draws evenly from the strata, so that any stretch of it is a fair sample.
2. Dev takes its groups from the start of this order, then test. A group that does not fit is passed on. Groups above a
   small part of the split's size are only taken if the smaller ones do not suffice: one drive must not be half of dev.
3. What is missing (or too much) is corrected by moving one group, or exchanging two, as long as that helps.

The method is our own choice. The problem is a subset sum; with groups of a few clips the sizes are met exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dev_test.sizes import TargetSize
from synth.draws import uniform01
from synth.dsp.arrays import Vector
from synth.errors import GuardError
from synth.text import listed

Ints: TypeAlias = npt.NDArray[np.int64]

_STRATA: Final = 4
#: The largest group in dev or test as a part of its size: the first part that leaves enough groups to choose from.
_PARTS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
_ENOUGH: Final = 1.5  # times what dev and test take together
_MAX_MOVES, _MAX_PASSES = 40, 4
_NEAR_MS: Final = 1000  # hours are met to a second


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """The sizes of all groups."""

    clips: Ints  # shape (groups,)
    ms: Ints  # shape (groups,)
    keys: Sequence[str]  # what the random order depends on

    def in_unit_of(self, target: TargetSize) -> Ints:
        """Return the sizes in the unit of a target, shape (groups,)."""
        return self.ms if target.unit == "ms" else self.clips


@dataclass(frozen=True, slots=True)
class _Move:
    """A change of a split."""

    out: int | None = None  # group that leaves it
    into: int | None = None  # group that joins it


def assign_groups(
    sizes: GroupSizes, targets: Mapping[str, TargetSize], *, seed: int, fixed: Mapping[int, str] | None = None
) -> list[str | None]:
    """Return the split of each group; None if it is in none (no split takes the rest).

    Each split comes within the size of one group of its target: no single free group that is added or removed would
    bring it closer (except the one that keeps a split from being empty).

    Args:
        sizes: of the groups.
        targets: split -> its target.
        seed: random seed.
        fixed: group -> the split in which it stays.

    Raises:
        GuardError: a split would be empty.
    """
    assigner = GroupAssigner(sizes, targets, seed, fixed or {})
    if len(sizes.clips) < len(targets):
        raise GuardError(
            f"{len(sizes.clips)} groups cannot fill {' and '.join(targets)}; record more speakers or sessions, or "
            "define smaller groups with --by"
        )
    assigner.fill()
    assigner.rescue_empty()
    assigner.improve()
    assigner.check_not_empty()
    return [name or None for name in assigner.split_of]


class GroupAssigner:
    """The state of an assignment. The split "" stands for none."""

    def __init__(
        self, sizes: GroupSizes, targets: Mapping[str, TargetSize], seed: int, fixed: Mapping[int, str]
    ) -> None:
        self.sizes, self.targets, self.fixed = sizes, targets, fixed
        self.sized = [name for name, target in targets.items() if target.unit != "rest"]
        self.pool = next((name for name, target in targets.items() if target.unit == "rest"), "")  # takes the rest
        self.split_of = [fixed.get(index, self.pool) for index in range(len(sizes.clips))]
        self.free = [index for index in np.argsort(_ranks(sizes, seed)).tolist() if index not in fixed]
        self.missing = {}  # split -> what it lacks of its target; negative: too much
        for name in self.sized:
            fixed_sizes = [int(self.sizes_for(name)[index]) for index, split in fixed.items() if split == name]
            self.missing[name] = targets[name].amount - sum(fixed_sizes)

    def sizes_for(self, name: str) -> Ints:
        """Return the sizes of all groups in the unit of a split's target, shape (groups,)."""
        return self.sizes.in_unit_of(self.targets[name]) if name in self.targets else self.sizes.clips

    def fill(self) -> None:
        """Give each free group in order to the first split that it fits into; the others stay in the pool."""
        limits = self._size_limits()
        sizes = {name: self.sizes_for(name).tolist() for name in self.sized}
        for index in self.free:
            for name in self.sized:
                size = sizes[name][index]
                if size <= self.missing[name] and size <= limits[name]:
                    self.split_of[index] = name
                    self.missing[name] -= size
                    break

    def _size_limits(self) -> dict[str, float]:
        """Return the largest group that each split accepts in `fill`."""
        limited = [name for name in self.sized if name != "train"]
        limits = {name: float("inf") for name in self.sized}
        share = sum(self.targets[name].amount / max(1, int(self.sizes_for(name).sum())) for name in limited)
        for name in limited:
            free_sizes = self.sizes_for(name)[self.free]
            enough = min(_ENOUGH * share * float(self.sizes_for(name).sum()), float(free_sizes.sum()))
            parts = [self.targets[name].amount * part for part in _PARTS]
            limits[name] = next((part for part in parts if free_sizes[free_sizes <= part].sum() >= enough), parts[-1])
        return limits

    def rescue_empty(self) -> None:
        """Give each empty split a group of a split that has several."""
        for name in (*self.sized, self.pool):
            if name == "" or name in self.split_of:
                continue
            count = Counter(self.split_of[index] for index in self.free)
            donor = self.pool if count[self.pool] > 1 else max(self.sized, key=lambda each: count[each])
            if count[donor] > 1 or (donor in self.fixed.values() and count[donor]):
                groups = self._free_groups(donor)
                size = self.missing.get(name, int(self.sizes.clips[groups].max()))
                self._move(int(_nearest(self.sizes_for(name), groups, np.array([size]))[0]), donor, name)

    def improve(self) -> None:
        """Move groups to and from the pool as long as that brings a split closer to its target."""
        for _ in range(_MAX_PASSES):
            has_changed = [self._improve_split(name) for name in self.sized]
            if not any(has_changed):
                return

    def _improve_split(self, name: str) -> bool:
        """Move one group or exchange two, again and again; return whether anything changed."""
        tolerance = _NEAR_MS if self.targets[name].unit == "ms" else 0
        pool_needs_one = self.pool != "" and self.pool not in self.fixed.values()
        for moves in range(_MAX_MOVES):
            groups, pool = self._free_groups(name), self._free_groups(self.pool)
            if abs(self.missing[name]) <= tolerance or not len(pool):
                return moves > 0
            keep_pool = pool_needs_one and len(pool) == 1
            move = _best_move(self.sizes_for(name), groups, pool, self.missing[name], keep_pool=keep_pool)
            if move == _Move():
                return moves > 0
            if move.out is not None:
                self._move(move.out, name, self.pool)
            if move.into is not None:
                self._move(move.into, self.pool, name)
        return True

    def _free_groups(self, name: str) -> Ints:
        """Return the free groups of a split in their order, shape (groups of the split,)."""
        return np.array([index for index in self.free if self.split_of[index] == name], np.int64)

    def _move(self, group: int, source: str, target: str) -> None:
        self.split_of[group] = target
        for split, sign in ((target, -1), (source, 1)):
            if split in self.missing:
                self.missing[split] += sign * int(self.sizes_for(split)[group])

    def check_not_empty(self) -> None:
        """Raise GuardError if a split is empty."""
        empty = [name for name in self.targets if name not in self.split_of]
        if empty:
            sizes = sorted(self.sizes.clips.tolist(), reverse=True)
            raise GuardError(
                f"{' and '.join(empty)} would be empty: the {len(sizes)} groups have {listed(sizes)} clips. Choose "
                "other sizes, record more speakers or sessions, or define smaller groups with --by"
            )


def _ranks(sizes: GroupSizes, seed: int) -> Vector:
    """Return each group's place in the order: where it is within its stratum, 0 to 1 of the stratum's clips.

    Shape (groups,).
    """
    draws = np.array([uniform01(seed, key, "synth split") for key in sizes.keys])
    mean_ms = sizes.ms / np.maximum(sizes.clips, 1)
    by_length = np.lexsort((draws, mean_ms))
    clips_before = np.cumsum(sizes.clips[by_length]) - sizes.clips[by_length]
    stratum = np.empty(len(draws), np.int64)
    stratum[by_length] = clips_before * _STRATA // max(1, int(sizes.clips.sum()))
    rank = np.empty(len(draws))
    for number in np.unique(stratum):
        members = np.flatnonzero(stratum == number)
        members = members[np.argsort(draws[members], kind="stable")]
        clips = sizes.clips[members]
        rank[members] = (np.cumsum(clips) - clips * draws[members]) / clips.sum()
    return rank


def _best_move(sizes: Ints, groups: Ints, pool: Ints, missing: int, *, keep_pool: bool) -> _Move:
    """Return the move after which the least is missing; an empty one if none helps.

    Args:
        sizes: of all groups, shape (groups,).
        groups: the groups of the split, shape (k,).
        pool: the groups of the pool, shape (m,).
        missing: what the split lacks.
        keep_pool: the pool must not become empty.
    """
    moves = [(abs(missing), _Move())]
    if not keep_pool:
        into = int(_nearest(sizes, pool, np.array([missing]))[0])
        moves.append((abs(missing - int(sizes[into])), _Move(into=into)))
    if len(groups) > 1:
        out = int(_nearest(sizes, groups, np.array([-missing]))[0])
        moves.append((abs(missing + int(sizes[out])), _Move(out=out)))
    if len(groups):
        partners = _nearest(sizes, pool, sizes[groups] + missing)
        remaining = np.abs(missing + sizes[groups] - sizes[partners])
        best = int(np.argmin(remaining))
        moves.append((int(remaining[best]), _Move(out=int(groups[best]), into=int(partners[best]))))
    return min(moves, key=lambda move: move[0])[1]


def _nearest(sizes: Ints, groups: Ints, targets: Ints) -> Ints:
    """Return the group with the nearest size for each target.

    Args:
        sizes: of all groups, shape (groups,).
        groups: indices of those to choose from, shape (k,), k > 0.
        targets: sizes, shape (m,).

    Returns:
        Indices, shape (m,).
    """
    ordered = groups[np.argsort(sizes[groups], kind="stable")]
    if len(ordered) == 1:
        return np.full(len(targets), ordered[0])
    ordered_sizes = sizes[ordered]
    at = np.clip(np.searchsorted(ordered_sizes, targets), 1, len(ordered) - 1)
    lower_is_nearer = targets - ordered_sizes[at - 1] <= ordered_sizes[at] - targets
    return ordered[np.where(lower_is_nearer, at - 1, at)]
