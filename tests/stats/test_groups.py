"""Groups that stay together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synth.draws import generator
from synth.stats.groups import deal_to_folds, join_linked, sums_by_group

PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15)


@given(PAIRS)
def test_linked_members_are_one_group_named_by_its_first(pairs: list[tuple[int, int]]) -> None:
    first = list(range(12))  # by repeated replacement, the plainest way
    for a, b in pairs:
        low, high = sorted((first[a], first[b]))
        first = [low if name == high else name for name in first]
    assert join_linked(range(12), pairs) == dict(enumerate(first))


def test_members_keep_their_order() -> None:
    assert list(join_linked("cab", [("a", "b")]).items()) == [("c", "c"), ("a", "a"), ("b", "a")]


def test_sums_are_by_group() -> None:
    values = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert sums_by_group(["b", "a", "b"], values).tolist() == [[2.0, 20.0], [5.0, 50.0]]


@given(st.integers(5, 40), st.integers(0, 3))
def test_folds_keep_groups_and_are_about_equal_on_both_sides(count: int, seed: int) -> None:
    groups = [f"g{k % count}" for k in range(6 * count)]
    sides = (np.arange(6 * count) // count) % 2
    fold = deal_to_folds(groups, sides, 5, generator(seed, "test"))
    assert set(fold.tolist()) == set(range(5))
    assert len(set(zip(groups, fold.tolist(), strict=True))) == count
    for side in (0, 1):
        sizes = np.bincount(fold[sides == side], minlength=5)
        assert np.ptp(sizes) <= 3  # one group's clips of that side
