"""Intervals: the figures of the books, and what they cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synth.stats.intervals import risks, weighted_share, wilson


@pytest.mark.parametrize(
    ("k", "low", "high"), [(2, 0.6, 7.0), (5, 2.2, 11.2), (10, 5.5, 17.4), (20, 13.3, 28.9), (40, 30.9, 49.8)]
)
def test_wilson_of_a_hundred(k: int, low: float, high: float) -> None:
    """Wilson's interval for k of 100 (docs/science.md, "Intervals")."""
    alone = [str(i) for i in range(100)]
    for found in (wilson(k / 100, 100), weighted_share([1.0] * k + [0.0] * (100 - k), [3.0] * 100, alone, seed=0)):
        assert (round(100 * found.low, 1), round(100 * found.high, 1)) == (low, high)
        assert found.value == pytest.approx(k / 100)


def test_equal_weights_are_no_weights_and_unequal_ones_widen() -> None:
    hit = [1.0] * 10 + [0.0] * 90
    alone = [str(i) for i in range(100)]
    uneven = weighted_share(hit, [5.0 if k % 2 else 1.0 for k in range(100)], alone, seed=0)
    even = weighted_share(hit, [1.0] * 100, alone, seed=0)
    assert uneven.value == pytest.approx(0.1)
    assert uneven.high - uneven.low > 1.1 * (even.high - even.low)


def test_intervals_over_groups_cover_the_truth_where_those_over_clips_do_not() -> None:
    """20 groups of 5 clips, whose shares vary: 0.5 +- 0.3."""
    rng = np.random.default_rng(3)
    groups = [str(k // 5) for k in range(100)]
    covered = {"groups": 0, "clips": 0}
    for _ in range(150):
        shares = np.clip(rng.normal(0.5, 0.3, size=20), 0, 1)
        hit = (rng.random(100) < np.repeat(shares, 5)).astype(float)
        for name, of in (("groups", groups), ("clips", [str(k) for k in range(100)])):
            found = weighted_share(hit.tolist(), [1.0] * 100, of, seed=0)
            covered[name] += found.low <= 0.5 <= found.high
    assert covered["groups"] >= 0.9 * 150
    assert covered["clips"] < covered["groups"]


def test_nothing_of_many_is_not_nothing() -> None:
    found = weighted_share([0.0] * 100, [1.0] * 100, [str(k // 10) for k in range(100)], seed=0)
    assert found.low == found.value == 0
    assert wilson(0, 100).high < found.high < wilson(0, 10).high
    empty = weighted_share([], [], [], seed=0)
    assert math.isnan(empty.value)
    assert (empty.low, empty.high) == (0, 1)


def test_risks_are_those_of_a_table() -> None:
    """40 of 100 wrong with it, 90 of 900 without: ratio 4, attributable 13 - 10 points. Interval after Katz (1978)."""
    errors = [1.0] * 40 + [0.0] * 60 + [1.0] * 90 + [0.0] * 810
    has: list[bool | None] = [True] * 100 + [False] * 900
    (found,) = risks(errors, [1.0] * 1000, [has], [str(k) for k in range(1000)])
    assert (found.with_property, found.without_property) == (0.4, 0.1)
    assert found.ratio.value == pytest.approx(4)
    assert found.attributable.value == pytest.approx(0.03)
    assert found.attributable.value == pytest.approx((0.4 - 0.1) * 0.1)  # risk difference times prevalence
    spread = 1.96 * math.sqrt(1 / 40 - 1 / 100 + 1 / 90 - 1 / 900)
    assert math.log(found.ratio.low) == pytest.approx(math.log(4) - spread, abs=0.05)
    assert math.log(found.ratio.high) == pytest.approx(math.log(4) + spread, abs=0.05)


def test_unknown_is_left_out_and_no_errors_make_no_ratio() -> None:
    has: list[bool | None] = [True] * 10 + [False] * 10 + [None] * 10
    errors = [1.0, 0.0] * 5 + [0.0] * 10 + [1.0] * 10
    (found,) = risks(errors, [1.0] * 30, [has], [str(k) for k in range(30)])
    assert (found.with_property, found.without_property) == (0.5, 0)
    assert math.isinf(found.ratio.value)
    assert found.attributable.value == pytest.approx(0.25)
