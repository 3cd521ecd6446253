"""Wasserstein-1 distances of features, and how large they are by chance for so many clips and groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Matrix, Vector
from synth.stats.bootstrap import draw_counts

_MAX_POINTS = 96  # at which distribution functions are compared; more do not change the 95 % point visibly
_DRAWS = 800
_PERMUTATIONS = 999
_FAMILY = 0.99
_MIN_VALUES = 2  # on each side


@dataclass(frozen=True, slots=True)
class Distances:
    """One value per feature, arrays of shape (features,).

    NaN if a side has fewer than two values, or (`null95` and `p`) fewer than two groups.
    """

    w1: Vector  # Wasserstein-1 distance, on the scale of comparison
    null95: Vector  # 95 % of equal sets of this size stay below
    family: float  # 99 % of equal sets stay below null95 times this factor in *all* features
    p: Vector  # by permutation of groups, corrected for the number of features (Holm 1979)


def measure_distances(
    a: Matrix, b: Matrix, groups_a: Sequence[str], groups_b: Sequence[str], *, seed: int = 0
) -> Distances:
    """Measure how far each feature of two sets is apart, and how far equal sets of this size would be.

    The null distribution comes from a cluster bootstrap: the groups of each side are drawn with replacement, and the
    distance between the two deviations of the distribution functions from those of the original sides is taken. It
    accounts for both sides being samples of so many groups. Unlike a permutation of the pooled groups it does not
    widen with the difference itself. Few groups say little about their own spread: the 95 % point grows by the ratio
    of Student's t to the normal quantile, at the degrees of freedom of Welch and Satterthwaite.

    Args:
        a: shape (clips, features), NaN if not measured.
        b: shape (clips, features).
        groups_a: name of each clip's group in `a`.
        groups_b: name of each clip's group in `b`.
        seed: for the bootstrap and the permutations.
    """
    from scipy.stats import t as student
    from scipy.stats import wasserstein_distance

    sides = (_DrawnGroups(groups_a, seed, 0), _DrawnGroups(groups_b, seed, 1))
    features = a.shape[1]
    w1, null95, p = (np.full(features, np.nan) for _ in range(3))
    relative: list[Vector] = []
    least_freedom = math.inf
    permutations = _permute_groups(sides[0].count, sides[1].count, seed)
    for k in range(features):
        x, y = a[:, k], b[:, k]
        if min(np.isfinite(x).sum(), np.isfinite(y).sum()) < _MIN_VALUES:
            continue
        w1[k] = wasserstein_distance(x[np.isfinite(x)], y[np.isfinite(y)])
        if min(side.count for side in sides) < 2:
            continue
        grid = np.unique(np.concatenate([x[np.isfinite(x)], y[np.isfinite(y)]]))
        if len(grid) > _MAX_POINTS:
            grid = np.unique(np.quantile(grid, np.linspace(0, 1, _MAX_POINTS)))
        counts = (sides[0].cumulative_counts(x, grid), sides[1].cumulative_counts(y, grid))
        drawn, freedom = _null_distances(sides, counts, np.diff(grid))
        null95[k] = np.quantile(drawn, 0.95) * student.ppf(0.975, freedom) / student.ppf(0.975, np.inf)
        if null95[k] > 0:
            relative.append(drawn / np.quantile(drawn, 0.95))
            least_freedom = min(least_freedom, freedom)
        p[k] = _permutation_p(permutations, counts, np.diff(grid))
    return Distances(w1, null95, _family_factor(relative, least_freedom), correct_by_holm(p))


def correct_by_holm(p: Vector) -> Vector:
    """Correct p-values (no unit, shape (n,)) for their number by Holm's procedure (1979); NaN stays NaN."""
    valid = np.flatnonzero(np.isfinite(p))
    order = valid[np.argsort(p[valid], kind="stable")]
    corrected = p.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * (len(order) - np.arange(len(order)))), 1.0)
    return corrected


def _family_factor(relative: Sequence[Vector], freedom: float) -> float:
    """Return the factor on null95 for all features at once.

    Tails of few groups get heavier the farther out one looks. So the factor is taken for a normal distribution, and
    the same share of a Student's t with the fewest degrees of freedom then gives the result.

    Args:
        relative: of each feature, drawn distances over their 95 % point.
        freedom: the fewest degrees of freedom of any feature.
    """
    from scipy.stats import norm, t

    if not relative:
        return 1.0
    beyond = norm.sf(norm.isf(0.025) * float(np.quantile(np.max(relative, axis=0), _FAMILY)))
    return float(t.isf(beyond, freedom) / t.isf(0.025, freedom))


class _DrawnGroups:
    """The groups of one side, and how often each is drawn: the same draws for all features."""

    def __init__(self, groups: Sequence[str], seed: int, side: int) -> None:
        names, self.codes = np.unique(np.asarray(groups), return_inverse=True)
        self.count = len(names)
        draws = draw_counts(self.count, _DRAWS, seed=seed, key="wasserstein.bootstrap", number=side)
        self.drawn: Matrix = np.concatenate(list(draws))

    def cumulative_counts(self, values: Vector, grid: Vector) -> Matrix:
        """Count the values of each group up to each point of the grid, shape (groups, points)."""
        measured = np.isfinite(values)
        position = np.searchsorted(grid, values[measured], side="left")
        counts = np.zeros((self.count, len(grid) + 1))
        np.add.at(counts, (self.codes[measured], position), 1)
        return np.asarray(counts[:, :-1].cumsum(axis=1))


def _null_distances(
    sides: tuple[_DrawnGroups, _DrawnGroups], counts: tuple[Matrix, Matrix], widths: Vector
) -> tuple[Vector, float]:
    """Return distances of equal sets, shape (draws,), and their degrees of freedom."""
    deviations, variances = [], []
    for side, count in zip(sides, counts, strict=True):
        sums = side.drawn @ count
        functions = sums[:, :-1] / np.maximum(sums[:, -1:], 1)
        total = count.sum(axis=0)
        # drawn with replacement, G groups vary too little by this factor
        deviation = (functions - total[:-1] / total[-1]) * np.sqrt(side.count / (side.count - 1))
        deviations.append(deviation)
        variances.append(float((deviation.var(axis=0) * widths).sum()))
    spread = sum(v**2 / (side.count - 1) for v, side in zip(variances, sides, strict=True))
    freedom = sum(variances) ** 2 / spread if spread > 0 else np.inf
    return np.asarray(np.abs(deviations[0] - deviations[1]) @ widths), float(freedom)


def _permute_groups(first: int, second: int, seed: int) -> Matrix:
    """Return which groups are on the first side (1 or 0), shape (permutations + 1, groups); row 0 is the data's own."""
    rng = generator(seed, "wasserstein.permutation")
    on_first = np.zeros((_PERMUTATIONS + 1, first + second))
    on_first[0, :first] = 1
    for row in on_first[1:]:
        row[rng.permutation(first + second)[:first]] = 1
    return on_first


def _permutation_p(on_first: Matrix, counts: tuple[Matrix, Matrix], widths: Vector) -> float:
    """Return the share of permutations of the groups (not of clips) that lie as far apart as the two sides do."""
    pooled = np.concatenate(counts)
    sums = on_first @ pooled
    rest = pooled.sum(axis=0) - sums
    apart = np.abs(sums[:, :-1] / np.maximum(sums[:, -1:], 1) - rest[:, :-1] / np.maximum(rest[:, -1:], 1)) @ widths
    return float(np.mean(apart >= apart[0] * (1 - 1e-9)))
