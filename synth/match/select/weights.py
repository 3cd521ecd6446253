"""Weights that make a pool of clips look like a target: classifier ratio, entropy balancing; and what they cost.

Matrices have shape (clips, columns) on scales of comparison, NaN where not measured. Weights have mean 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.stats.groups import deal_to_folds

ENOUGH = 0.3
"""Effective share (ESS / n) that weights are softened for; below it there is a warning (a convention)."""
REFUSED = 0.1
HEAVIEST = 10.0
"""No clip counts for more than so many (times the mean weight)."""
TEMPERS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)
RIDGES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)

_FOLDS = 5
_KNOTS, _DEGREE, _C = (
    4,
    2,
    0.1,
)  # our own choice: measured on tables of known ratio (tests/match/select/test_weights.py)
_MOST_MISSING, _SOME_MISSING = 0.5, 0.02
_NEIGHBOURS = 5
_STEPS, _TOLERANCE = 60, 1e-7
_ROUNDS, _EVEN, _PULL = 8, 1.05, 0.7


@dataclass(frozen=True, slots=True)
class Weighted:
    """Weights of the pool's clips, shape (n,), mean 1. `ess`: effective share, 0..1. `softened`: how they were held
    back, in words."""

    weights: Vector
    ess: float
    softened: str


def effective_share(weights: Vector) -> float:
    """ESS / n = (sum w)^2 / (n sum w^2) (Kish 1965): 1 where all count alike, 0 where nothing counts."""
    squares = float(np.dot(weights, weights))
    return float(weights.sum()) ** 2 / (len(weights) * squares) if squares > 0 else 0.0


def clipped(weights: Vector, heaviest: float = HEAVIEST) -> Vector:
    """The weights with mean 1, none above `heaviest`: what is taken away there is shared by the others."""
    if not weights.sum() > 0:
        return np.zeros_like(weights)
    found = weights / weights.mean()
    for _ in range(50):
        if found.max() <= heaviest * (1 + 1e-6):
            break
        found = np.minimum(found, heaviest)
        found /= found.mean()
    return np.asarray(np.minimum(found, heaviest))


def completed(pool: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """Both sides without NaN: columns that half of a side lacks are left out; elsewhere the target's median stands in,
    and where more than 2 % of a side lack the value a column is added that says which clips do."""
    columns: tuple[list[Vector], list[Vector]] = ([], [])
    for x, t in zip(pool.T, target.T, strict=True):
        gaps = [np.isnan(x), np.isnan(t)]
        missing = max(float(gap.mean()) for gap in gaps)
        if missing > _MOST_MISSING:
            continue
        middle = np.nanmedian(t)
        for side, values, gap in zip(columns, (x, t), gaps, strict=True):
            side.append(np.where(gap, middle, values))
            if missing > _SOME_MISSING:
                side.append(gap.astype(np.float64))
    return tuple(np.array(side).T.reshape(len(m), -1) for side, m in zip(columns, (pool, target), strict=True))  # type: ignore[return-value]


def within_reach(pool: Matrix, target: Matrix) -> float:
    """The share of the target's clips that the pool has something like: a clip nearer than their 5th neighbour in the
    target (coverage as of Naeem et al. 2020, but with the whole pool). Columns are divided by the target's SD.

    No weights can make up for what is not there, and a soft enough weighting hides it: an effective share says little
    without this one.
    """
    from scipy.spatial import cKDTree  # type: ignore[import-untyped, unused-ignore]

    pool, target = completed(pool, target)
    if len(target) <= _NEIGHBOURS or not pool.shape[1]:
        return float("nan")
    scale = np.maximum(target.std(axis=0), 1e-6)
    radius = cKDTree(target / scale).query(target / scale, k=_NEIGHBOURS + 1)[0][:, -1]
    nearest = cKDTree(pool / scale).query(target / scale)[0]
    return float((nearest <= np.maximum(radius, 1e-9)).mean())


# ----------------------------------------------------------------------------------------------------- classifier ratio


def ratio_weights(
    pool: Matrix, target: Matrix, pool_groups: Sequence[str], target_groups: Sequence[str], *, seed: int = 0
) -> Weighted:
    """Weights by the density ratio that a classifier finds: w = p(target|x) / p(pool|x), both sides counting alike.

    Cross-fitted: the weight of a clip comes from a classifier that has seen no clip of its group. The classifier is a
    logistic regression on splines of each column (additive: no interactions, our own choice), so that a uniform and a
    normal distribution, whose log ratio is a parabola, are told apart properly. Weights are tempered, w**alpha, with
    the largest alpha from 1 down to 0.5 at which the effective share is 0.3, and clipped at 10 times their mean.
    """
    pool, target = completed(pool, target)
    if not pool.shape[1]:
        return _unweighted(len(pool))
    logs = np.zeros(len(pool))
    for kept_pool, kept_target, out in _folds(pool_groups, target_groups, seed):
        model = _fitted(pool[kept_pool], target[kept_target])
        logs[out] = model.decision_function(pool[out])
    return tempered(np.exp(logs - logs.max()))


def tempered(ratio: Vector, said: str = "") -> Weighted:
    """Weights from density ratios: ratio**alpha, clipped; alpha is the first of TEMPERS that leaves an effective share
    of ENOUGH, or the last."""
    for alpha in TEMPERS:
        weights = clipped(ratio**alpha)
        if effective_share(weights) >= ENOUGH:
            break
    return Weighted(weights, effective_share(weights), f"{said}w**{alpha:g}, at most {HEAVIEST:g} times the mean")


def _fitted(pool: Matrix, target: Matrix) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    x = np.concatenate([pool, target])
    is_target = np.repeat([0, 1], [len(pool), len(target)])
    varied = x.std(axis=0) > 1e-9
    x = np.where(varied, x, x + np.linspace(0, 1e-6, len(x))[:, None])  # knots must differ
    splines = SplineTransformer(n_knots=_KNOTS, degree=_DEGREE, extrapolation="linear", include_bias=False)
    model = make_pipeline(
        splines, StandardScaler(), LogisticRegression(C=_C, class_weight="balanced", max_iter=2000, tol=1e-5)
    )
    return model.fit(x, is_target)


def _folds(
    pool_groups: Sequence[str], target_groups: Sequence[str], seed: int
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """(clips of the pool to learn from, clips of the target to learn from, clips of the pool to weigh)."""
    in_pool, in_target = (
        deal_to_folds(
            names, np.zeros(len(names), np.intp), min(_FOLDS, len(set(names))), generator(seed, "weights.fold", side)
        )
        for side, names in enumerate((pool_groups, target_groups))
    )
    count = int(in_pool.max()) + 1
    for fold in range(count):
        rest_pool, rest_target = np.flatnonzero(in_pool != fold), np.flatnonzero(in_target != fold)
        out = np.flatnonzero(in_pool == fold)
        yield (
            rest_pool if len(rest_pool) else np.arange(len(in_pool)),  # one group alone: nothing to leave out
            rest_target if len(rest_target) else np.arange(len(in_target)),
            out,
        )


# ---------------------------------------------------------------------------------------------------- entropy balancing


def balance_weights(pool: Matrix, target: Matrix, importance: Sequence[float] | None = None) -> Weighted:
    """Weights nearest to equal ones (in entropy) under which the pool has the target's moments (Hainmueller 2012).

    Moments: mean, variance and the shares below the target's deciles, of each column. The dual is convex: minimise
    log sum exp(lambda'(m_i - m_target)) + ridge/2 |lambda|^2, by Newton's method. The ridge lets moments differ that
    cannot be met, and is the smallest from 0.001 (or 1 / clips of the target: no closer than the target itself is
    known) up to 2 at which the effective share is 0.3. Weights are clipped at 10 times their mean. `importance`: one a
    column; the moments of a column with 0.5 may differ four times as much.
    """
    return _balanced_from(pool, target, importance, 0)[0]


def _balanced_from(
    pool: Matrix, target: Matrix, importance: Sequence[float] | None, first: int
) -> tuple[Weighted, int]:
    """As `balance_weights`, looking for the ridge from number `first` on: it and its number."""
    scales = _scales(pool, target, importance)
    pool, target = completed(pool, target)
    if not pool.shape[1]:
        return _unweighted(len(pool)), 0
    moments = _moments(pool, target, scales)
    least = max(RIDGES[0], 1 / len(target))
    ridges = sorted({least, *(r for r in RIDGES if r > least)})
    start = np.zeros(moments.shape[1])

    def at(number: int) -> Weighted:
        nonlocal start
        start = _dual(moments, ridges[number], start)
        exponent = moments @ start
        weights = clipped(np.exp(exponent - exponent.max()))
        softened = f"ridge {ridges[number]:.2g}, at most {HEAVIEST:g} times the mean"
        return Weighted(weights, effective_share(weights), softened)

    number = min(first, len(ridges) - 1)
    found = at(number)
    while found.ess < ENOUGH and number < len(ridges) - 1:
        number += 1
        found = at(number)
    while number and number <= first and (harder := at(number - 1)).ess >= ENOUGH:
        found, number = harder, number - 1
    return found, number


def evenly_balanced(pool: Matrix, target: Matrix, importance: Sequence[float], tolerances: Sequence[float]) -> Weighted:
    """`balance_weights`, with the effective share spent where it is needed: `importance` of the first columns, one for
    each of `tolerances`, is moved until the same share of the distance is left of each.

    A ridge alone lets moments differ by their size: an SNR that is far off is brought to a tenth before a level that is
    a little off moves at all. What is left of a column is its Wasserstein-1 distance, over what it was with equal
    weights or its tolerance, whichever is more. The rounds end where the most that is left is at most 5 % more than the
    geometric mean, and after eight; the best round counts: an effective share of 0.3, then the least of the most left.
    """
    scales, steered = np.asarray(importance, np.float64).copy(), range(len(tolerances))
    equal = np.ones(len(pool))
    at_first = [max(_apart(pool, equal, target, k), tolerances[k]) for k in steered]
    best, best_rank, ridge = None, (True, np.inf), 0
    for _ in range(_ROUNDS):
        found, ridge = _balanced_from(pool, target, scales.tolist(), ridge)
        left = np.array([_apart(pool, found.weights, target, k) / at_first[k] for k in steered]) + 1e-3
        rank = (found.ess < ENOUGH, float(left.max(initial=0.0)))
        if best is None or rank < best_rank:
            best, best_rank = found, rank
        middle = float(np.exp(np.log(left).mean())) if len(left) else 0.0
        if left.max(initial=0.0) <= _EVEN * middle:
            break
        scales[: len(left)] *= (left / middle) ** _PULL
    assert best is not None
    return best


def _apart(pool: Matrix, weights: Vector, target: Matrix, column: int) -> float:
    """Wasserstein-1 distance of a column; 0 where a side has no value, as nothing can be done about it."""
    return float(np.nan_to_num(weighted_wasserstein(pool[:, column], weights, target[:, column])))


def _unweighted(count: int) -> Weighted:
    return Weighted(np.ones(count), 1.0, "nothing was measured on both sides: all count alike")


def _scales(pool: Matrix, target: Matrix, importance: Sequence[float] | None) -> Vector:
    """The importance of each column that `completed` leaves or adds."""
    given = np.ones(pool.shape[1]) if importance is None else np.asarray(importance, np.float64)
    told = [np.where(np.isnan(side), np.nan, given) for side in (pool, target)]
    return np.asarray(completed(told[0], told[1])[0].max(axis=0, initial=0.0))


def _moments(pool: Matrix, target: Matrix, scales: Vector) -> Matrix:
    """Of each clip of the pool, how its moments differ from the target's, times the scale, shape (n, moments)."""
    columns = []
    for x, t, scale in zip(pool.T, target.T, scales, strict=True):
        middle, spread = t.mean(), max(float(t.std()), 1e-6)
        z, zt = np.clip((x - middle) / spread, -10, 10), (t - middle) / spread
        columns += [scale * (z - zt.mean()), scale * (z**2 - (zt**2).mean())]
        for edge in np.unique(np.quantile(t, np.linspace(0.1, 0.9, 9))):
            columns.append(scale * ((x <= edge) - (t <= edge).mean()))
    return np.asarray(np.stack(columns, axis=1))


def _dual(moments: Matrix, ridge: float, start: Vector) -> Vector:
    """The minimum, by Newton's method with step halving; the ridge keeps the Hessian regular."""
    point, value = start, _dual_value(moments, ridge, start)
    for _ in range(_STEPS):
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


# ---------------------------------------------------------------------------------------------------------- how far off


def weighted_wasserstein(pool: Vector, weights: Vector, target: Vector) -> float:
    """Wasserstein-1 distance of the weighted pool from the target in the unit of the values; NaN where either has no
    value or no weight."""
    from scipy.stats import wasserstein_distance  # type: ignore[import-untyped, unused-ignore]

    there = np.isfinite(pool) & (weights > 0)
    known = target[np.isfinite(target)]
    if not there.any() or not len(known):
        return float("nan")
    return float(wasserstein_distance(pool[there], known, weights[there]))


def drawn_by_weight(weights: Vector, count: int, marks: Vector, strata: Indices | None = None) -> Indices:
    """`count` clips without replacement, each with a chance in proportion to its weight (at most 1): systematic
    sampling in the order of `strata`, which so get their share each, and within one of `marks` (numbers in [0, 1),
    which make the order random). In the order of the pool."""
    count = min(count, int((weights > 0).sum()))
    chance = np.zeros(len(weights))
    left, todo = weights > 0, float(count)
    while True:
        share = todo * weights / weights[left].sum() if left.any() else chance
        full = left & (share >= 1)
        if not full.any():
            chance[left] = share[left]
            break
        chance[full], left, todo = 1.0, left & ~full, todo - full.sum()
    order = np.lexsort((marks, np.zeros(len(marks)) if strata is None else strata))
    ends = np.cumsum(chance[order])
    hit = np.floor(ends + marks[order[0]] - 1e-9) > np.floor(ends - chance[order] + marks[order[0]] - 1e-9)
    return np.asarray(np.sort(order[hit]))
