"""Weights by entropy balancing: as equal as possible while the pool gets the moments of the target.

Source: J. Hainmueller, "Entropy balancing for causal effects" (Political Analysis 20(1), 2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.dsp.arrays import Matrix, Vector
from synth.match.select.weights import (
    ENOUGH,
    HEAVIEST,
    ClipWeights,
    bound_weights,
    effective_share,
    equal_weights,
    fill_missing,
    weighted_wasserstein,
)

RIDGES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)

_MAX_STEPS, _TOLERANCE = 60, 1e-7  # of Newton's method
# Steering ends when the largest remainder is within 5 % of the mean one, or after eight rounds; the exponent below 1
# keeps it from swinging.
_ROUNDS, _EVEN, _EXPONENT = 8, 1.05, 0.7


def balance_weights(pool: Matrix, target: Matrix, importance: Sequence[float] | None = None) -> ClipWeights:
    """The most equal weights (by entropy) with which the pool has the moments of the target.

    Moments are the mean, the variance and the shares below the target's deciles, of each column. The dual is convex:
    minimize log sum exp(lambda'(m_i - m_target)) + ridge/2 |lambda|^2. The ridge lets moments differ that cannot be
    met; it is the smallest from 0.001 (or 1 / clips of the target: no closer than the target itself is known) to 2 that
    keeps an effective share of 0.3. Weights are bounded to 10 times their mean.

    Args:
        pool: on scales of comparison, shape (n, columns); NaN if not measured.
        target: the same, shape (m, columns).
        importance: one per column; with 0.5 the moments of a column may differ four times as much.
    """
    return _balance_from(pool, target, importance, 0)[0]


def balance_evenly(
    pool: Matrix, target: Matrix, importance: Sequence[float], tolerances: Sequence[float]
) -> ClipWeights:
    """Balance so that the same share of its distance remains of each of the first columns.

    A ridge alone lets moments differ by their size: an SNR that is far off comes to a tenth before a level that is a
    little off moves at all. So the importance of the columns is steered. The remainder of a column is its Wasserstein-1
    distance over that with equal weights (at least its tolerance). The round with an effective share of 0.3 and the
    least largest remainder counts.

    Args:
        pool: on scales of comparison, shape (n, columns); NaN if not measured.
        target: the same, shape (m, columns).
        importance: one per column, to begin with.
        tolerances: one per steered column, on its scale.
    """

    def distance(column: int, weights: Vector) -> float:
        # 0 if a side has no value, as nothing can be done about it
        return float(np.nan_to_num(weighted_wasserstein(pool[:, column], weights, target[:, column])))

    scales = np.asarray(importance, np.float64).copy()
    before = [max(distance(k, np.ones(len(pool))), tolerance) for k, tolerance in enumerate(tolerances)]
    best, best_rank, ridge = None, (True, np.inf), 0
    for _ in range(_ROUNDS):
        balanced, ridge = _balance_from(pool, target, scales.tolist(), ridge)
        remainder = np.array([distance(k, balanced.weights) / each for k, each in enumerate(before)]) + 1e-3
        rank = (balanced.ess < ENOUGH, float(remainder.max(initial=0.0)))
        if best is None or rank < best_rank:
            best, best_rank = balanced, rank
        mean = float(np.exp(np.log(remainder).mean())) if len(remainder) else 0.0
        if remainder.max(initial=0.0) <= _EVEN * mean:
            break
        scales[: len(remainder)] *= (remainder / mean) ** _EXPONENT
    assert best is not None
    return best


def _balance_from(
    pool: Matrix, target: Matrix, importance: Sequence[float] | None, first: int
) -> tuple[ClipWeights, int]:
    """(the weights, the number of their ridge); the search for the ridge starts at number `first`."""
    per_column = np.ones(pool.shape[1]) if importance is None else np.asarray(importance, np.float64)
    # Columns may be omitted and added, so the importance passes through the same step as the values.
    importances = [np.where(np.isnan(side), np.nan, per_column) for side in (pool, target)]
    scales = fill_missing(importances[0], importances[1])[0].max(axis=0, initial=0.0)
    pool, target = fill_missing(pool, target)
    if not pool.shape[1]:
        return equal_weights(len(pool)), 0
    moments = _moments(pool, target, scales)
    least = max(RIDGES[0], 1 / len(target))
    ridges = sorted({least, *(ridge for ridge in RIDGES if ridge > least)})
    start = np.zeros(moments.shape[1])

    def solve(number: int) -> ClipWeights:
        nonlocal start
        start = _minimize_dual(moments, ridges[number], start)
        exponent = moments @ start
        weights = bound_weights(np.exp(exponent - exponent.max()))
        softened = f"ridge {ridges[number]:.2g}, at most {HEAVIEST:g} times the mean"
        return ClipWeights(weights, effective_share(weights), softened)

    number = min(first, len(ridges) - 1)
    balanced = solve(number)
    while balanced.ess < ENOUGH and number < len(ridges) - 1:
        number += 1
        balanced = solve(number)
    while number and number <= first and (harder := solve(number - 1)).ess >= ENOUGH:
        balanced, number = harder, number - 1
    return balanced, number


def _moments(pool: Matrix, target: Matrix, scales: Vector) -> Matrix:
    """How the moments of each clip of the pool differ from the target's, times the scale, shape (n, moments)."""
    columns = []
    for x, t, scale in zip(pool.T, target.T, scales, strict=True):
        mean, spread = t.mean(), max(float(t.std()), 1e-6)
        z, zt = np.clip((x - mean) / spread, -10, 10), (t - mean) / spread
        columns += [scale * (z - zt.mean()), scale * (z**2 - (zt**2).mean())]
        for edge in np.unique(np.quantile(t, np.linspace(0.1, 0.9, 9))):
            columns.append(scale * ((x <= edge) - (t <= edge).mean()))
    return np.asarray(np.stack(columns, axis=1))


def _minimize_dual(moments: Matrix, ridge: float, start: Vector) -> Vector:
    """The minimum, by Newton's method with step halving; the ridge keeps the Hessian regular."""
    point, value = start, _dual_value(moments, ridge, start)
    for _ in range(_MAX_STEPS):
        exponent = moments @ point
        p = np.exp(exponent - exponent.max())
        p /= p.sum()
        mean = p @ moments
        gradient = mean + ridge * point
        if np.abs(gradient).max() < _TOLERANCE:
            break
        hessian = (moments * p[:, None]).T @ moments - np.outer(mean, mean) + ridge * np.eye(len(point))
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while (new := _dual_value(moments, ridge, point - size * step)) > value and size > 1e-8:
            size /= 2
        if value - new < 1e-13:
            break
        point, value = point - size * step, new
    return point


def _dual_value(moments: Matrix, ridge: float, point: Vector) -> float:
    exponent = moments @ point
    top = exponent.max()
    return float(top + np.log(np.exp(exponent - top).sum()) + ridge / 2 * (point @ point))
