"""Weights: known density ratios are found, moments are met, the price is told, and nothing is hidden by softening."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from synth.match.select import density_ratio, entropy_balancing
from synth.match.select import weights as w


def groups(count: int, of: int) -> list[str]:
    return [str(k % of) for k in range(count)]


def test_effective_share_counts_what_counts() -> None:
    assert w.effective_share(np.ones(50)) == pytest.approx(1.0)
    assert w.effective_share(np.repeat([1.0, 0.0], [10, 90])) == pytest.approx(0.1)
    assert w.effective_share(np.zeros(5)) == 0.0
    # uniform on 30 dB to normal(8, 4): 1 / (30 * integral p^2) = 2 sqrt(pi) 4 / 30
    snr = np.linspace(-5, 25, 20001)
    assert w.effective_share(np.exp(-0.5 * ((snr - 8) / 4) ** 2)) == pytest.approx(
        2 * np.sqrt(np.pi) * 4 / 30, abs=2e-3
    )


def test_clipped_weights_keep_their_mean_and_their_order() -> None:
    rng = np.random.default_rng(1)
    raw = np.exp(3 * rng.standard_normal(500))
    found = w.bound_weights(raw)
    assert found.mean() == pytest.approx(1.0, abs=1e-3)
    assert found.max() <= w.HEAVIEST
    assert (np.diff(found[np.argsort(raw)]) >= -1e-12).all()


def test_the_classifier_finds_a_known_ratio() -> None:
    rng = np.random.default_rng(2)
    pool, target = rng.uniform(-5, 25, (4000, 1)), rng.normal(8, 4, (1000, 1))
    found = density_ratio.ratio_weights(pool, target, groups(4000, 40), groups(1000, 20), seed=0)
    assert found.softened.startswith("w**1,")
    true = np.exp(-0.5 * ((pool[:, 0] - 8) / 4) ** 2)
    true /= true.mean()
    near = (pool[:, 0] > 0) & (pool[:, 0] < 16)
    assert np.abs(np.log(found.weights[near] / true[near])).mean() < 0.15
    assert found.weights[pool[:, 0] > 22].max() < 0.1


def test_the_weight_of_a_clip_comes_from_a_classifier_that_has_not_seen_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    pool, target = rng.normal(0, 1, (60, 2)), rng.normal(0.5, 1, (40, 2))
    marks = np.arange(60) % 6
    seen: list[set[int]] = []
    weighed: list[set[int]] = []
    fitted = density_ratio._fit_classifier

    def watched(some_pool: np.ndarray, some_target: np.ndarray) -> object:
        rows = [int(np.flatnonzero((pool == row).all(axis=1))[0]) for row in some_pool]
        seen.append({int(marks[i]) for i in rows})
        model = fitted(some_pool, some_target)
        score = model.decision_function

        def decision(x: np.ndarray) -> np.ndarray:
            weighed.append({int(marks[np.flatnonzero((pool == row).all(axis=1))[0]]) for row in x})
            return np.asarray(score(x))

        model.decision_function = decision
        return model

    monkeypatch.setattr(density_ratio, "_fit_classifier", watched)
    density_ratio.ratio_weights(pool, target, [str(m) for m in marks], groups(40, 5))
    assert len(seen) == 5
    assert all(not (a & b) for a, b in zip(seen, weighed, strict=True))
    assert set.union(*weighed) == set(range(6))


def test_balancing_meets_moments_and_deciles() -> None:
    rng = np.random.default_rng(4)
    pool, target = rng.normal(0, 1.5, (5000, 2)), rng.normal(0.5, 1, (1000, 2))
    found = entropy_balancing.balance_weights(pool, target)
    assert np.average(pool, axis=0, weights=found.weights) == pytest.approx(target.mean(axis=0), abs=0.02)
    assert np.sqrt(np.average((pool - target.mean(axis=0)) ** 2, axis=0, weights=found.weights)) == pytest.approx(
        target.std(axis=0), abs=0.03
    )
    for k in range(2):
        for edge in np.quantile(target[:, k], np.linspace(0.1, 0.9, 9)):
            share = np.average(pool[:, k] <= edge, weights=found.weights)
            assert share == pytest.approx((target[:, k] <= edge).mean(), abs=0.01)
    assert found.ess > 0.3


def test_the_dual_is_solved() -> None:
    """Newton's method ends where a general minimiser does."""
    rng = np.random.default_rng(5)
    moments = entropy_balancing._moments(rng.normal(0, 1, (800, 2)), rng.normal(0.7, 0.8, (200, 2)), np.ones(2))
    mine = entropy_balancing._minimize_dual(moments, 0.01, np.zeros(moments.shape[1]))
    other = minimize(
        lambda x: entropy_balancing._dual_value(moments, 0.01, x), np.zeros(moments.shape[1]), method="L-BFGS-B"
    )
    assert entropy_balancing._dual_value(moments, 0.01, mine) <= other.fun + 1e-6


@pytest.mark.parametrize("method", ["ratio", "balance"])
def test_equal_sets_are_left_as_they_are(method: str) -> None:
    rng = np.random.default_rng(6)
    pool, target = rng.normal(0, 1, (2000, 4)), rng.normal(0, 1, (500, 4))
    found = (
        density_ratio.ratio_weights(pool, target, groups(2000, 40), groups(500, 20))
        if method == "ratio"
        else entropy_balancing.balance_weights(pool, target)
    )
    assert found.ess > 0.8


@pytest.mark.parametrize("method", ["ratio", "balance"])
def test_the_bar_on_tables(method: str) -> None:
    """SNR uniform on -5..25 to normal(8, 4), another level, another tilt, two columns alike: each W1 to a third, at an
    effective share of 0.3."""
    rng = np.random.default_rng(7)
    n, m = 4000, 300
    pool = np.stack(
        [rng.uniform(-5, 25, n), rng.uniform(-34, -16, n), rng.normal(0, 4, n), *rng.normal(0, 1, (2, n))], axis=1
    )
    target = np.stack(
        [rng.normal(8, 4, m), rng.normal(-27, 3.5, m), rng.normal(-2.5, 3, m), *rng.normal(0, 1, (2, m))], axis=1
    )
    found = (
        density_ratio.ratio_weights(pool, target, groups(n, 50), groups(m, 20))
        if method == "ratio"
        else entropy_balancing.balance_weights(pool, target)
    )
    assert found.ess >= 0.3
    for k in range(3):
        before = w.weighted_wasserstein(pool[:, k], np.ones(n), target[:, k])
        assert w.weighted_wasserstein(pool[:, k], found.weights, target[:, k]) <= before / 3


def test_reach_tells_what_softened_weights_hide() -> None:
    rng = np.random.default_rng(8)
    pool, target = rng.normal(0, 1, (2000, 3)), rng.normal(0, 1, (200, 3))
    assert w.within_reach(pool, target) > 0.95
    assert w.within_reach(pool, target + np.array([8.0, 0, 0])) < 0.05
    half = target + np.repeat([[0.0, 0, 0], [12, 0, 0]], 100, axis=0)
    assert w.within_reach(pool, half) == pytest.approx(0.5, abs=0.05)


def test_values_that_are_missing_are_matched_as_missing() -> None:
    """A fifth of the target lacks a value, half of the pool does: the weights bring that to a fifth, too."""
    rng = np.random.default_rng(9)
    pool, target = rng.normal(0, 1, (2000, 2)), rng.normal(0, 1, (500, 2))
    pool[: 2000 * 45 // 100, 0] = np.nan
    target[:100, 0] = np.nan
    for found in (
        entropy_balancing.balance_weights(pool, target),
        density_ratio.ratio_weights(
            pool, target, [str(k) for k in rng.integers(0, 50, 2000)], [str(k) for k in range(500)]
        ),
    ):
        share = np.average(np.isnan(pool[:, 0]), weights=found.weights)
        assert share == pytest.approx(0.2, abs=0.04)
    pool[:, 1] = np.nan
    assert w.fill_missing(pool, target)[0].shape[1] == 2  # the first column and its gaps


def test_drawn_by_weight() -> None:
    weights = np.repeat([0.0, 1.0, 3.0], [100, 100, 100])
    rng = np.random.default_rng(10)
    often = np.zeros(300)
    for _ in range(400):
        drawn = w.draw_by_weight(weights, 80, rng.random(300))
        assert len(set(drawn.tolist())) == len(drawn)
        assert abs(len(drawn) - 80) <= 1
        often[drawn] += 1
    assert often[:100].sum() == 0
    assert often[200:].mean() / often[100:200].mean() == pytest.approx(3, rel=0.1)
    heavy = np.array([1000.0, *np.ones(99)])  # more than its share: taken once, the rest by the rest
    drawn = w.draw_by_weight(heavy, 10, rng.random(100))
    assert 0 in drawn and abs(len(drawn) - 10) <= 1


def test_same_seed_same_weights() -> None:
    rng = np.random.default_rng(11)
    pool, target = rng.normal(0, 1, (300, 3)), rng.normal(0.5, 1, (80, 3))
    once, again = (density_ratio.ratio_weights(pool, target, groups(300, 9), groups(80, 7), seed=3) for _ in range(2))
    assert (once.weights == again.weights).all()
