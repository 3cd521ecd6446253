"""Cluster bootstrap: counts of drawn groups and what they sum to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from synth.stats.bootstrap import DRAWS, draw_counts, draw_sums, widening


def test_each_draw_has_as_many_groups_as_there_are() -> None:
    counts = np.concatenate(list(draw_counts(7, 250, seed=1, key="test")))
    assert counts.shape == (250, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_keys_and_numbers_are_independent_and_seeds_repeat() -> None:
    sums = np.arange(20.0)[:, None]
    first = draw_sums(sums, seed=1, key="test.a")
    assert (first == draw_sums(sums, seed=1, key="test.a")).all()
    for other in (
        draw_sums(sums, seed=2, key="test.a"),
        draw_sums(sums, seed=1, key="test.b"),
        draw_sums(sums, seed=1, key="test.a", number=1),
    ):
        assert abs(np.corrcoef(first[:, 0], other[:, 0])[0, 1]) < 0.1


@pytest.mark.parametrize("groups", [50, 5000])
def test_sums_scatter_as_sums_of_independent_groups_do(groups: int) -> None:
    """Also where groups are merged, from 1,000 on."""
    values = np.random.default_rng(3).gamma(2.0, 1.0, groups)
    drawn = draw_sums(values[:, None], seed=0, key="test")[:, 0]
    assert drawn.shape == (DRAWS,)
    assert drawn.mean() == pytest.approx(values.sum(), rel=0.02)
    assert drawn.std() == pytest.approx(values.std() * np.sqrt(groups), rel=0.1)


def test_few_groups_widen_an_interval() -> None:
    assert widening(1) == 1.0
    assert widening(5) == pytest.approx(np.sqrt(5 / 4) * t.ppf(0.975, 4) / norm.ppf(0.975))
    assert widening(10_000) == pytest.approx(1.0, abs=0.001)
