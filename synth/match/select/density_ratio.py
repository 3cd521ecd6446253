"""Weights by the density ratio of target and pool, which a classifier estimates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.match.select.weights import (
    ENOUGH,
    HEAVIEST,
    ClipWeights,
    bound_weights,
    effective_share,
    equal_weights,
    fill_missing,
)
from synth.stats.groups import deal_to_folds

TEMPERS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)

_FOLDS = 5
_KNOTS, _DEGREE, _C = (
    4,
    2,
    0.1,
)  # of the classifier: chosen on tables of known ratio (tests/match/select/test_weights.py)


def ratio_weights(
    pool: Matrix, target: Matrix, pool_groups: Sequence[str], target_groups: Sequence[str], *, seed: int = 0
) -> ClipWeights:
    """Weights w = p(target|x) / p(pool|x), both sides counting alike.

    They are cross-fitted: the weight of a clip comes from a classifier that has seen no clip of its group. The
    classifier is a logistic regression on splines of each column, without interactions, so that it can tell a uniform
    from a normal distribution, whose log ratio is a parabola. Weights are tempered, w**alpha, with the largest alpha
    from 1 to 0.5 at which the effective share is 0.3, and bounded to 10 times their mean.

    Args:
        pool: on scales of comparison, shape (n, columns); NaN if not measured.
        target: the same, shape (m, columns).
        pool_groups: one per clip of the pool.
        target_groups: one per clip of the target.
        seed: random seed of the folds.
    """
    pool, target = fill_missing(pool, target)
    if not pool.shape[1]:
        return equal_weights(len(pool))
    logs = np.zeros(len(pool))
    for pool_rows, target_rows, test_rows in _folds(pool_groups, target_groups, seed):
        logs[test_rows] = _fit_classifier(pool[pool_rows], target[target_rows]).decision_function(pool[test_rows])
    return temper(np.exp(logs - logs.max()))


def temper(ratio: Vector, prefix: str = "") -> ClipWeights:
    """Weights ratio**alpha, bounded, with the first alpha of TEMPERS that keeps an effective share of 0.3, or the last.

    `ratio`: density ratios, shape (n,). `prefix`: of the words that say how they were softened.
    """
    for alpha in TEMPERS:
        weights = bound_weights(ratio**alpha)
        if effective_share(weights) >= ENOUGH:
            break
    return ClipWeights(weights, effective_share(weights), f"{prefix}w**{alpha:g}, at most {HEAVIEST:g} times the mean")


def _fit_classifier(pool: Matrix, target: Matrix) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    x = np.concatenate([pool, target])
    is_target = np.repeat([0, 1], [len(pool), len(target)])
    varies = x.std(axis=0) > 1e-9
    x = np.where(varies, x, x + np.linspace(0, 1e-6, len(x))[:, None])  # the knots of a spline must differ
    splines = SplineTransformer(n_knots=_KNOTS, degree=_DEGREE, extrapolation="linear", include_bias=False)
    classifier = LogisticRegression(C=_C, class_weight="balanced", max_iter=2000, tol=1e-5)
    return make_pipeline(splines, StandardScaler(), classifier).fit(x, is_target)


def _folds(
    pool_groups: Sequence[str], target_groups: Sequence[str], seed: int
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """(rows of the pool to learn from, rows of the target to learn from, rows of the pool to weight)."""
    pool_fold, target_fold = (
        deal_to_folds(
            names, np.zeros(len(names), np.intp), min(_FOLDS, len(set(names))), generator(seed, "weights.fold", side)
        )
        for side, names in enumerate((pool_groups, target_groups))
    )
    for fold in range(int(pool_fold.max()) + 1):
        train_pool, train_target = np.flatnonzero(pool_fold != fold), np.flatnonzero(target_fold != fold)
        yield (
            train_pool if len(train_pool) else np.arange(len(pool_fold)),  # a single group cannot be left out
            train_target if len(train_target) else np.arange(len(target_fold)),
            np.flatnonzero(pool_fold == fold),
        )
