"""Distributions of weighted values: quantiles, tails, the width of a kernel; and weights that balance groups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Vector

KNOTS = 25
"""Quantiles in a distribution without cases: of 100 clips the median itself is known to 0.12 SD only."""
EDGE_DB = 3.0
"""The condition `edge` reaches this far beyond the tails of dev."""

_HEAVIEST = 5.0  # times the mean weight: one clip of a small group must not be half of the recipe


def balanced_weights(groups: Sequence[str]) -> Vector:
    """One weight per clip, shape (n,), sum 1: groups count alike, but no clip more than 5 times the mean weight."""
    sizes = Counter(groups)
    weights = np.array([1 / sizes[group] for group in groups], np.float64)
    weights /= weights.sum()
    limit = _HEAVIEST / len(groups)
    for _ in range(50):  # what is taken from the heaviest goes to the others, which may pass the limit in turn
        heavy = weights >= limit - 1e-12
        rest = weights[~heavy].sum()
        weights[heavy] = limit
        if rest <= 0 or abs(weights.sum() - 1) < 1e-9:
            break
        weights[~heavy] *= (1 - limit * heavy.sum()) / rest
    return np.asarray(weights / weights.sum())


def weighted_quantiles(values: npt.ArrayLike, weights: npt.ArrayLike, probabilities: npt.ArrayLike) -> Vector:
    """Quantiles of weighted values, linear between the middles of their shares.

    Args:
        values: shape (n,), any unit.
        weights: shape (n,), of any sum.
        probabilities: shape (k,), 0 to 1.

    Returns:
        Shape (k,), in the unit of the values.
    """
    numbers, shares = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(numbers, kind="stable")
    sums = np.cumsum(shares[order])
    middles = (sums - shares[order] / 2) / sums[-1]
    return np.asarray(np.interp(np.asarray(probabilities, np.float64), middles, numbers[order]))


def jitter_sd(values: Sequence[float], *, uncertainty: float, least: float) -> float:
    """Width of a kernel around values that were measured with an error of SD `uncertainty`; at least 0.5.

    Silverman's rule, 0.9 min(SD, IQR / 1.34) n**-0.2, at least `least`; less the variance that the error added.

    Source: B. W. Silverman, "Density Estimation for Statistics and Data Analysis" (1986), equation 3.31.
    """
    if len(values) < 2:
        return least
    numbers = np.asarray(values, np.float64)
    low, high = np.quantile(numbers, [0.25, 0.75])
    width = max(0.9 * min(float(numbers.std()), float(high - low) / 1.34) * len(numbers) ** -0.2, least)
    return math.sqrt(max(0.25, width**2 - uncertainty**2))


def knots_of(values: Sequence[float], weights: Sequence[float], *, jitter: float = 0.0) -> tuple[float, ...]:
    """25 rising quantiles from 0 to 1; `jitter` widens them about their median as it would widen cases."""
    numbers = np.asarray(values, np.float64)
    spread = float(numbers.std())
    if jitter and spread:
        middle = float(weighted_quantiles(numbers, weights, 0.5))
        numbers = middle + (numbers - middle) * math.hypot(spread, jitter) / spread
    knots = weighted_quantiles(numbers, weights, np.linspace(0, 1, KNOTS))
    return tuple(np.round(np.maximum.accumulate(knots), 2).tolist())


def tails_of(values: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """The quantiles 0, 0.45, 0.55 and 1 of the condition `edge`: the tails of dev and 3 dB beyond."""
    low, lower, upper, high = weighted_quantiles(values, weights, [0.02, 0.1, 0.9, 0.98]).tolist()
    return (round(low - EDGE_DB, 2), round(lower, 2), round(upper, 2), round(high + EDGE_DB, 2))
