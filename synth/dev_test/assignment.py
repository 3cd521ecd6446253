"""Groups to splits: as near to the sizes asked for as whole groups allow, drawn by a key, alike in length of clips.

1. Groups are put into four strata by the mean length of their clips, and within each into a keyed order; then taken
   from all strata evenly, so that any stretch of the order is a fair sample.
2. Dev takes its stretch of that order, then test; what does not fit is passed on. They take groups above a part of
   their own size only where smaller ones are too few: one drive must not be half of dev.
3. What is missing (or too much) is taken out by moving one group, or exchanging two, as long as that comes nearer.

Our own choice of method; the aim is that of a subset sum, and with groups of a few clips it is met exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dev_test.sizes import Target
from synth.draws import uniform01
from synth.errors import GuardError

Ints = npt.NDArray[np.int64]

_STRATA = 4
_PARTS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""The largest group in dev or test, as a part of what it should hold; the first with enough to choose from."""
_ENOUGH = 1.5  # times what dev and test take together
_ROUNDS, _PASSES = 40, 4
_NEAR_MS = 1000
"""Hours are met to a second; nobody gains from less."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each group weighs: clips and milliseconds, shape (n,) int64; and the text that its draw hangs on."""

    clips: Ints
    ms: Ints
    keys: Sequence[str]

    def of(self, target: Target) -> Ints:
        """In the unit of a target."""
        return self.ms if target.kind == "ms" else self.clips


def assign(
    weights: Weights,
    wanted: Mapping[str, Target],
    *,
    seed: int,
    held: Mapping[int, str] | None = None,
) -> list[str | None]:
    """The split of each group; None where it is in none (no split takes the rest).

    Each split comes within one group's size of what it should hold: no single group that is free, put in or taken out,
    would bring it nearer (but the one that keeps a split from being empty). `held`: groups that are where they are.

    Raises GuardError where a split would be empty.
    """
    desk = _Desk(weights, wanted, seed, held or {})
    if len(desk.free) + len(desk.held) < len(wanted):
        raise GuardError(
            f"{len(weights.clips)} groups cannot fill {' and '.join(wanted)}; record more speakers or sessions, or "
            "name narrower groups by --by"
        )
    desk.fill()
    desk.rescue()
    desk.repair()
    desk.refuse_empty()
    return [None if name == "" else name for name in desk.split]


class _Desk:
    """Where the groups lie while they are dealt out; "" is in no split."""

    def __init__(self, weights: Weights, wanted: Mapping[str, Target], seed: int, held: Mapping[int, str]) -> None:
        self.weights, self.wanted, self.held = weights, wanted, held
        self.sized = [name for name, target in wanted.items() if target.kind != "rest"]
        self.pool = next((name for name, target in wanted.items() if target.kind == "rest"), "")
        self.split = [held.get(index, self.pool) for index in range(len(weights.clips))]
        self.rank = _ranks(weights, seed)
        self.free = [index for index in np.argsort(self.rank).tolist() if index not in held]
        self.missing = {
            name: wanted[name].amount - int(sum(self.sizes(name)[i] for i, where in held.items() if where == name))
            for name in self.sized
        }

    def sizes(self, name: str) -> Ints:
        return self.weights.of(self.wanted[name]) if name in self.wanted else self.weights.clips

    def fill(self) -> None:
        """Deal out in order: dev its stretch, then test, then train where it has a size; what is left is the rest's."""
        limit = self._limits()
        sizes = {name: self.sizes(name).tolist() for name in self.sized}
        for index in self.free:
            for name in self.sized:
                size = sizes[name][index]
                if size <= self.missing[name] and size <= limit[name]:
                    self.split[index] = name
                    self.missing[name] -= size
                    break

    def rescue(self) -> None:
        """Give each split that is empty a group of one that has several."""
        for name in (*self.sized, self.pool):
            if name == "" or name in self.split:
                continue
            count = Counter(self.split[index] for index in self.free)
            donor = self.pool if count[self.pool] > 1 else max(self.sized, key=lambda each: count[each])
            if count[donor] > 1 or (donor in self.held.values() and count[donor]):
                groups = self._members(donor)
                wanted = self.missing.get(name, int(self.weights.clips[groups].max()))
                sizes = self.sizes(name)
                self._move(name, donor, int(_nearest(sizes, groups, np.array([wanted]))[0]))

    def _limits(self) -> dict[str, float]:
        """The largest group that each split takes in `fill`."""
        small = [name for name in self.sized if name != "train"]
        limits = {name: float("inf") for name in self.sized}
        for name in small:
            sizes = self.sizes(name)[self.free]
            share = sum(self.wanted[n].amount / max(1, int(self.sizes(n).sum())) for n in small)
            need = min(_ENOUGH * share * float(self.sizes(name).sum()), float(sizes.sum()))
            parts = [self.wanted[name].amount * part for part in _PARTS]
            limits[name] = next((part for part in parts if sizes[sizes <= part].sum() >= need), parts[-1])
        return limits

    def repair(self) -> None:
        """Move one group or exchange two with the pool, as long as that brings a split nearer to its size."""
        for _ in range(_PASSES):
            moved = [name for name in self.sized if self._repaired(name)]
            if not moved:
                return

    def _repaired(self, name: str) -> bool:
        near = _NEAR_MS if self.wanted[name].kind == "ms" else 0
        for moves in range(_ROUNDS):
            mine, pool = self._members(name), self._members(self.pool)
            if abs(self.missing[name]) <= near or not len(pool):
                return moves > 0
            keep_one = self.pool != "" and self.pool not in self.held.values()
            out, into = _best_move(self.sizes(name), mine, pool, self.missing[name], last=keep_one and len(pool) == 1)
            if out is None and into is None:
                return moves > 0
            if out is not None:
                self._move(self.pool, name, out)
            if into is not None:
                self._move(name, self.pool, into)
        return True

    def _members(self, name: str) -> Ints:
        """The free groups of a split, in their keyed order."""
        return np.array([index for index in self.free if self.split[index] == name], np.int64)

    def _move(self, name: str, from_: str, group: int) -> None:
        self.split[group] = name
        for split, sign in ((name, -1), (from_, 1)):
            if split in self.missing:
                self.missing[split] += sign * int(self.sizes(split)[group])

    def refuse_empty(self) -> None:
        empty = [name for name in self.wanted if name not in self.split]
        if empty:
            sizes = sorted(self.weights.clips.tolist(), reverse=True)
            raise GuardError(
                f"{' and '.join(empty)} would be empty: the {len(sizes)} groups have {', '.join(map(str, sizes[:5]))}"
                f"{' ...' if len(sizes) > 5 else ''} clips. Ask for other sizes, record more speakers or sessions, or "
                "name narrower groups by --by"
            )


def _ranks(weights: Weights, seed: int) -> npt.NDArray[np.float64]:
    """Where each group stands in the order: its place within its stratum, from 0 to 1 of the stratum's clips."""
    count = len(weights.clips)
    draws = np.array([uniform01(seed, key, "synth split") for key in weights.keys])
    length = weights.ms / np.maximum(weights.clips, 1)
    by_length = np.lexsort((draws, length))
    before = np.cumsum(weights.clips[by_length]) - weights.clips[by_length]
    stratum = np.empty(count, np.int64)
    stratum[by_length] = before * _STRATA // max(1, int(weights.clips.sum()))
    rank = np.empty(count)
    for one in np.unique(stratum):
        mine = np.flatnonzero(stratum == one)
        mine = mine[np.argsort(draws[mine], kind="stable")]
        sizes = weights.clips[mine]
        rank[mine] = (np.cumsum(sizes) - sizes * draws[mine]) / sizes.sum()
    return rank


Move: TypeAlias = tuple[int | None, int | None]
"""(group to take out, group to put in)."""


def _best_move(sizes: Ints, mine: Ints, pool: Ints, missing: int, *, last: bool) -> Move:
    """What leaves the least missing; (None, None) where nothing does better. `last`: the pool must not become empty."""
    moves: list[tuple[int, Move]] = [(abs(missing), (None, None))]
    if not last:
        into = int(_nearest(sizes, pool, np.array([missing]))[0])
        moves.append((abs(missing - int(sizes[into])), (None, into)))
    if len(mine) > 1:
        out = int(_nearest(sizes, mine, np.array([-missing]))[0])
        moves.append((abs(missing + int(sizes[out])), (out, None)))
    if len(mine):
        into_each = _nearest(sizes, pool, sizes[mine] + missing)
        left = np.abs(missing + sizes[mine] - sizes[into_each])
        at = int(np.argmin(left))
        moves.append((int(left[at]), (int(mine[at]), int(into_each[at]))))
    return min(moves, key=lambda move: move[0])[1]


def _nearest(sizes: Ints, groups: Ints, wanted: Ints) -> Ints:
    """For each size that is wanted the group with the nearest one."""
    ordered = groups[np.argsort(sizes[groups], kind="stable")]
    have = sizes[ordered]
    at = np.clip(np.searchsorted(have, wanted), 1, max(1, len(have) - 1))
    if len(have) == 1:
        return np.full(len(wanted), ordered[0])
    lower = wanted - have[at - 1] <= have[at] - wanted
    return ordered[np.where(lower, at - 1, at)]
