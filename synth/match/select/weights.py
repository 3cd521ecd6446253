"""Weights of clips: what they cost, how they are bounded, how far the weighted pool is from the target.

Matrices have shape (clips, columns) on scales of comparison, NaN if not measured. Weights have mean 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp.arrays import Indices, Matrix, Vector

ENOUGH = 0.3
"""Effective share that weights are softened to keep; below it there is a warning. It is a convention: at 0.3 a mean has
1.8 times the standard error that equal weights would give it."""
REFUSED = 0.1
"""Effective share, and share of the target within reach, below which a selection is refused."""
HEAVIEST = 10.0
"""No clip counts for more than this (times the mean weight)."""

_MAX_MISSING = 0.5  # share of a side without a value, above which a column is not used
_SOME_MISSING = 0.02  # from here on, which clips lack the value is a column itself
_NEIGHBORS = 5


@dataclass(frozen=True, slots=True)
class ClipWeights:
    """Weights of the clips of a pool."""

    weights: Vector  # (n,), mean 1
    ess: float  # effective share of the clips, 0 to 1
    softened: str  # how they were bounded, in words


def effective_share(weights: Vector) -> float:
    """Effective sample size over the number of clips: 1 if all count alike, near 0 if one counts for all.

    Args:
        weights: shape (n,), any scale.

    Source: L. Kish, "Survey Sampling" (1965).
    """
    squares = float(np.dot(weights, weights))
    return float(weights.sum()) ** 2 / (len(weights) * squares) if squares > 0 else 0.0


def bound_weights(weights: Vector, heaviest: float = HEAVIEST) -> Vector:
    """The weights, shape (n,), with mean 1 and none above `heaviest`; what is cut off is shared by the others."""
    if not weights.sum() > 0:
        return np.zeros_like(weights)
    bounded = weights / weights.mean()
    for _ in range(50):
        if bounded.max() <= heaviest * (1 + 1e-6):
            break
        bounded = np.minimum(bounded, heaviest)
        bounded /= bounded.mean()
    return np.asarray(np.minimum(bounded, heaviest))


def equal_weights(count: int) -> ClipWeights:
    """Equal weights, for sides that have no feature in common."""
    return ClipWeights(np.ones(count), 1.0, "nothing was measured on both sides: all count alike")


def fill_missing(pool: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """Both sides without NaN.

    Columns that half of a side lacks are omitted. Elsewhere the target's median is filled in, and if more than 2 % of a
    side lack the value, a column is added that says which clips do.

    Args:
        pool: on scales of comparison, shape (n, columns).
        target: the same, shape (m, columns).

    Returns:
        Shapes (n, k) and (m, k).
    """
    columns: tuple[list[Vector], list[Vector]] = ([], [])
    for x, t in zip(pool.T, target.T, strict=True):
        gaps = [np.isnan(x), np.isnan(t)]
        missing = max(float(gap.mean()) for gap in gaps)
        if missing > _MAX_MISSING:
            continue
        median = np.nanmedian(t)
        for side, values, gap in zip(columns, (x, t), gaps, strict=True):
            side.append(np.where(gap, median, values))
            if missing > _SOME_MISSING:
                side.append(gap.astype(np.float64))
    filled_pool, filled_target = (
        np.array(side).T.reshape(len(matrix), -1) for side, matrix in zip(columns, (pool, target), strict=True)
    )
    return filled_pool, filled_target


def within_reach(pool: Matrix, target: Matrix) -> float:
    """The share of the target's clips that the pool has something like.

    That is a clip nearer than their 5th neighbor in the target, as for the coverage of a comparison, but with the whole
    pool. No weights can replace what is missing, and soft weights hide it: an effective share says little alone.

    Args:
        pool: on scales of comparison, shape (n, columns); divided by the target's SD here.
        target: the same, shape (m, columns).

    Returns:
        0 to 1; NaN if the target is too small or nothing was measured on both sides.
    """
    from scipy.spatial import cKDTree  # type: ignore[import-untyped, unused-ignore]

    pool, target = fill_missing(pool, target)
    if len(target) <= _NEIGHBORS or not pool.shape[1]:
        return float("nan")
    scale = np.maximum(target.std(axis=0), 1e-6)
    radius = cKDTree(target / scale).query(target / scale, k=_NEIGHBORS + 1)[0][:, -1]
    nearest = cKDTree(pool / scale).query(target / scale)[0]
    return float((nearest <= np.maximum(radius, 1e-9)).mean())


def weighted_wasserstein(pool: Vector, weights: Vector, target: Vector) -> float:
    """Wasserstein-1 distance of the weighted pool from the target.

    Args:
        pool: values, shape (n,), in any unit.
        weights: shape (n,).
        target: values, shape (m,), in the same unit.

    Returns:
        In the unit of the values; NaN if a side has no value or no weight.
    """
    from scipy.stats import wasserstein_distance  # type: ignore[import-untyped, unused-ignore]

    is_used = np.isfinite(pool) & (weights > 0)
    finite = target[np.isfinite(target)]
    if not is_used.any() or not len(finite):
        return float("nan")
    return float(wasserstein_distance(pool[is_used], finite, weights[is_used]))


def draw_by_weight(weights: Vector, count: int, marks: Vector, strata: Indices | None = None) -> Indices:
    """Draw clips without replacement, each with a probability in proportion to its weight (at most 1).

    This is systematic sampling in the order of the strata, each of which so gets its share.

    Args:
        weights: shape (n,), any scale.
        count: number of clips.
        marks: random numbers in [0, 1), shape (n,), which set the order within a stratum.
        strata: index of the stratum of each clip, shape (n,).

    Returns:
        Indices of the clips, ascending.
    """
    count = min(count, int((weights > 0).sum()))
    probability = np.zeros(len(weights))
    is_open, remaining = weights > 0, float(count)
    while True:  # clips whose probability would pass 1 are taken, and the others share what remains
        share = remaining * weights / weights[is_open].sum() if is_open.any() else probability
        is_certain = is_open & (share >= 1)
        if not is_certain.any():
            probability[is_open] = share[is_open]
            break
        probability[is_certain], is_open = 1.0, is_open & ~is_certain
        remaining -= is_certain.sum()
    order = np.lexsort((marks, np.zeros(len(marks)) if strata is None else strata))
    ends = np.cumsum(probability[order])
    offset = marks[order[0]]
    is_drawn = np.floor(ends + offset - 1e-9) > np.floor(ends - probability[order] + offset - 1e-9)
    return np.asarray(np.sort(order[is_drawn]))
