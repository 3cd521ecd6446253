"""Wasserstein-1 distances of each feature, and how large they are by chance at these numbers of clips and groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector

_POINTS = 96  # at which distribution functions are compared when groups are drawn again
_ROUNDS = 800
_PERMUTATIONS = 999
_FAMILY = 0.99
_LEAST = 2  # values on a side


@dataclass(frozen=True, slots=True)
class Distances:
    """One value a feature; NaN where a side has no two values, or (for the null) fewer than two groups.

    `w1`: on the scale of comparison. `null95`: what 95 % of equal sets of this size stay below. `family`: the factor
    on null95 that 99 % of equal sets stay below in *all* features. `p`: by permutation of groups, corrected for the
    number of features (Holm 1979).
    """

    w1: Vector
    null95: Vector
    family: float
    p: Vector


def distances(a: Matrix, b: Matrix, groups_a: Sequence[str], groups_b: Sequence[str], *, seed: int = 0) -> Distances:
    """W1 of each column of two matrices of shape (clips, features), and its null.

    The null is drawn: groups of each side are taken again with replacement (cluster bootstrap), and the W1 between the
    two deviations of the distribution functions from those of the whole sides is noted. It knows that both sides are
    samples, and how many groups they have; unlike a permutation of pooled groups it does not widen with the difference
    itself. Deviations grow by sqrt(G / (G - 1)), and the 95 % point by Student's t over the normal at the degrees of
    freedom of Welch and Satterthwaite, because few groups tell little of their own spread.
    """
    from scipy.stats import t as student  # type: ignore[import-untyped, unused-ignore]

    sides = (_Groups(groups_a, seed, 0), _Groups(groups_b, seed, 1))
    features = a.shape[1]
    w1, null95, p = (np.full(features, np.nan) for _ in range(3))
    draws: list[Vector] = []
    least = math.inf
    taken = _permutations(sides[0].count, sides[1].count, seed)
    for k in range(features):
        x, y = a[:, k], b[:, k]
        if min(np.isfinite(x).sum(), np.isfinite(y).sum()) < _LEAST:
            continue
        w1[k] = wasserstein(x[np.isfinite(x)], y[np.isfinite(y)])
        if min(side.count for side in sides) < 2:
            continue
        grid = _grid(x, y)
        counts = (sides[0].counts(x, grid), sides[1].counts(y, grid))
        drawn, freedom = _null(sides, counts, np.diff(grid))
        null95[k] = np.quantile(drawn, 0.95) * student.ppf(0.975, freedom) / student.ppf(0.975, np.inf)
        if null95[k] > 0:
            draws.append(drawn / np.quantile(drawn, 0.95))
            least = min(least, freedom)
        p[k] = _permuted(taken, counts, np.diff(grid))
    return Distances(w1, null95, _family(draws, least), holm(p))


def wasserstein(x: Vector, y: Vector) -> float:
    """Area between the two distribution functions, in the unit of the values."""
    points = np.sort(np.concatenate([x, y]))
    below = [np.searchsorted(np.sort(side), points[:-1], side="right") / len(side) for side in (x, y)]
    return float(np.sum(np.abs(below[0] - below[1]) * np.diff(points)))


def holm(p: Vector) -> Vector:
    """p-values corrected for their number by Holm's step-down; NaN stays NaN."""
    there = np.flatnonzero(np.isfinite(p))
    order = there[np.argsort(p[there], kind="stable")]
    found = p.copy()
    found[order] = np.minimum(np.maximum.accumulate(p[order] * (len(order) - np.arange(len(order)))), 1.0)
    return found


def _family(draws: Sequence[Vector], freedom: float) -> float:
    """The factor on null95 for all features at once. `draws`: of each feature, distances over their 95 % point.

    Tails of few groups are heavier the farther out one looks: the factor is taken for a normal distribution, and the
    same share of a Student's t with the fewest degrees of freedom then gives it.
    """
    from scipy.stats import norm, t  # type: ignore[import-untyped, unused-ignore]

    if not draws:
        return 1.0
    beyond = norm.sf(norm.isf(0.025) * float(np.quantile(np.max(draws, axis=0), _FAMILY)))
    return float(t.isf(beyond, freedom) / t.isf(0.025, freedom))


class _Groups:
    """The groups of one side, and how often each was drawn in each round: the same for all features."""

    def __init__(self, groups: Sequence[str], seed: int, side: int) -> None:
        names, codes = np.unique(np.asarray(groups), return_inverse=True)
        self.codes: Indices = codes
        self.count = len(names)
        rng = generator(seed, "wasserstein.bootstrap", side)
        self.drawn = rng.multinomial(self.count, np.full(self.count, 1 / self.count), size=_ROUNDS).astype(float)

    def counts(self, values: Vector, grid: Vector) -> Matrix:
        """Of each group, how many values are at most each point of the grid, shape (groups, points)."""
        there = np.isfinite(values)
        place = np.searchsorted(grid, values[there], side="left")
        found = np.zeros((self.count, len(grid) + 1))
        np.add.at(found, (self.codes[there], place), 1)
        return np.asarray(found[:, :-1].cumsum(axis=1))


def _grid(x: Vector, y: Vector) -> Vector:
    points = np.unique(np.concatenate([x[np.isfinite(x)], y[np.isfinite(y)]]))
    if len(points) > _POINTS:
        points = np.unique(np.quantile(points, np.linspace(0, 1, _POINTS)))
    return points


def _null(sides: tuple[_Groups, _Groups], counts: tuple[Matrix, Matrix], widths: Vector) -> tuple[Vector, float]:
    """Distances of equal sets, shape (rounds,), and their degrees of freedom."""
    deviations, variances = [], []
    for side, count in zip(sides, counts, strict=True):
        sums = side.drawn @ count
        functions = sums[:, :-1] / np.maximum(sums[:, -1:], 1)
        whole = count.sum(axis=0)
        deviation = (functions - whole[:-1] / whole[-1]) * np.sqrt(side.count / (side.count - 1))
        deviations.append(deviation)
        variances.append(float((deviation.var(axis=0) * widths).sum()))
    spread = sum(v**2 / (side.count - 1) for v, side in zip(variances, sides, strict=True))
    freedom = sum(variances) ** 2 / spread if spread > 0 else np.inf
    return np.asarray(np.abs(deviations[0] - deviations[1]) @ widths), float(freedom)


def _permutations(first: int, second: int, seed: int) -> Matrix:
    """Which groups stand on the first side, shape (permutations + 1, groups): as they are, then at random."""
    rng = generator(seed, "wasserstein.permutation")
    taken = np.zeros((_PERMUTATIONS + 1, first + second))
    taken[0, :first] = 1
    for row in taken[1:]:
        row[rng.permutation(first + second)[:first]] = 1
    return taken


def _permuted(taken: Matrix, counts: tuple[Matrix, Matrix], widths: Vector) -> float:
    """The share of permutations of the groups (not of clips) that lie as far apart as the two sides do."""
    pooled = np.concatenate(counts)
    sums = taken @ pooled
    rest = pooled.sum(axis=0) - sums
    apart = np.abs(sums[:, :-1] / np.maximum(sums[:, -1:], 1) - rest[:, :-1] / np.maximum(rest[:, -1:], 1)) @ widths
    return float(np.mean(apart >= apart[0] * (1 - 1e-9)))
