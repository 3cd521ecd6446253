"""Groups that stay together: joined by links, dealt to folds, cut into halves, summed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix

T = TypeVar("T", bound=Hashable)


def join_linked(members: Iterable[T], links: Iterable[tuple[T, T]]) -> dict[T, T]:
    """Join members that are linked, however indirectly, and name each group by its first member.

    Args:
        members: in any order; no member twice.
        links: pairs of members.

    Returns:
        For each member, in the order given, the first member of its group.
    """
    members, links = list(members), [(a, b) for a, b in links if a != b]
    if not links:
        return {member: member for member in members}
    from scipy.cluster.hierarchy import DisjointSet  # scipy takes half a second to import: only where it is used

    sets = DisjointSet(members)
    for a, b in links:
        sets.merge(a, b)
    first: dict[T, T] = {}
    return {member: first.setdefault(sets[member], member) for member in sets}


def sums_by_group(groups: Sequence[str], values: Matrix) -> Matrix:
    """Sum the rows of `values` (any unit, shape (clips, k)) within each group.

    Returns shape (groups, k), groups sorted by name.
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def deal_to_folds(groups: Sequence[str], sides: Indices, folds: int, rng: np.random.Generator) -> Indices:
    """Deal whole groups to folds so that each fold holds about an equal part of each side.

    The largest groups come first, each to the fold that has least of its sides. (scikit-learn's StratifiedGroupKFold
    does the same at 0.3 ms per group: too slow where each of 100,000 clips is its own group.)

    Args:
        groups: name of each clip's group.
        sides: the side of each clip, 0 or 1, shape (clips,). All 0 if there is one side only.
        folds: number of folds, at most the number of groups.
        rng: decides between groups of equal size.

    Returns:
        The fold of each clip, shape (clips,).
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.zeros((len(names), int(sides.max(initial=0)) + 1))
    np.add.at(sizes, (codes, sides), 1)
    shares = sizes / sizes.sum(axis=0)
    order = rng.permutation(len(names))
    order = order[np.argsort(-shares[order].sum(axis=1), kind="stable")]
    load, fold = np.zeros((folds, shares.shape[1])), np.zeros(len(names), np.intp)
    for group in order:
        fold[group] = np.argmin(load @ shares[group])
        load[fold[group]] += shares[group]
    return np.asarray(fold[codes])


def halvings(groups: Sequence[str], count: int, *, seed: int) -> list[tuple[Indices, Indices]]:
    """Halve the clips `count` times at random, whole groups at a time, as equally as the groups allow.

    Returns:
        Pairs of clip indices, one array per half.
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(codes, minlength=len(names))
    pairs = []
    for number in range(count):
        order = generator(seed, "groups.halvings", number).permutation(len(names))
        side, load = np.zeros(len(names), bool), [0, 0]
        # sizes are compared by pairs of clips, so that groups of 2k and 2k + 1 clips stay in random order
        for group in order[np.argsort(-sizes[order] // 2, kind="stable")]:
            side[group] = load[1] < load[0]
            load[int(side[group])] += int(sizes[group])
        pairs.append((np.flatnonzero(~side[codes]), np.flatnonzero(side[codes])))
    return pairs
