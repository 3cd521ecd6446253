"""Shares and rates with 95 % intervals, where clips of one group are not independent and do not weigh the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Vector

DRAWS = 2000
ALIKE = 0.1
"""Correlation within groups where nothing is there to measure it by (our own choice)."""
_Z = 1.959963984540054  # of 95 %
_AT_ONCE = 100  # draws whose counts are held at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval; infinite or NaN where the data do not say."""

    value: float
    low: float
    high: float

    def scaled(self, by: float) -> Estimate:
        """Times a number from 0 up."""
        return Estimate(self.value * by, self.low * by, self.high * by)


def wilson(share: float, count: float) -> Estimate:
    """A share of `count` independent things (a real number above 0), by Wilson's score interval (1927)."""
    if count <= 0:
        return Estimate(math.nan, 0.0, 1.0)
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def weighted_share(part: Sequence[float], weights: Sequence[float], groups: Sequence[str], *, seed: int) -> Estimate:
    """The mean of `part` (each in [0, 1]) by `weights` (0 or more), with Wilson's interval at an effective number.

    That number is Kish's, (sum w)^2 / sum w^2: with equal weights and every clip its own group it is their count. Where
    groups hold several clips it is as much smaller as the variance over a bootstrap of groups is larger; where that
    variance says nothing (none or all of them) clips of a group are taken to be as alike as ALIKE says. Wilson's
    interval at an effective number follows Korn and Graubard (1998), who take Clopper and Pearson's. NaN, [0, 1]
    without weight.
    """
    w = np.asarray(weights, np.float64)
    x = np.asarray(part, np.float64)
    if not len(w) or w.sum() <= 0:
        return Estimate(math.nan, 0.0, 1.0)
    share = float(min(1.0, max(0.0, (w * x).sum() / w.sum())))
    return wilson(share, _effective(x, w, groups, share, seed))


def _effective(x: Vector, w: Vector, groups: Sequence[str], share: float, seed: int) -> float:
    sums = by_group(groups, np.stack([w * x, w], axis=1))
    kish = float(w.sum() ** 2 / (w**2).sum())
    if len(sums) in (1, len(w)):
        return kish
    variance = _spread(sums, seed)
    if variance <= 0:
        alike = 1 + ALIKE * (len(w) * float((sums[:, 1] ** 2).sum() / sums[:, 1].sum() ** 2) - 1)
        return kish / max(1.0, alike)
    return min(kish, share * (1 - share) / variance)


def _spread(sums: Vector, seed: int) -> float:
    """Variance of the ratio of the first column to the second over draws of groups, G / (G - 1) for their number."""
    drawn = np.concatenate([counts @ sums for counts in draws(len(sums), seed=seed, key="intervals.share")])
    ratios = drawn[drawn[:, 1] > 0]
    return float((ratios[:, 0] / ratios[:, 1]).var() * len(sums) / (len(sums) - 1)) if len(ratios) > 1 else 0.0


def by_group(groups: Sequence[str], values: Vector) -> Vector:
    """Sums of the rows of `values`, shape (clips, k), within each group: shape (groups, k)."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((int(index.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, index, values)
    return sums


def draws(count: int, *, seed: int, key: str) -> Iterator[Vector]:
    """How often each of `count` groups is drawn, in DRAWS bootstrap draws: pieces of shape (_AT_ONCE, count)."""
    for k in range(0, DRAWS, _AT_ONCE):
        rng = generator(seed, key, k)
        yield rng.multinomial(count, np.full(count, 1 / count), size=_AT_ONCE).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Risk:
    """Errors where something is so against where it is not. `with_it`, `without`: error rates. `ratio`: of the two.
    `attributable`: the rate of all less `without`, which is risk difference times prevalence."""

    with_it: float
    without: float
    ratio: Estimate
    attributable: Estimate


def risks(
    errors: Sequence[float], lengths: Sequence[float], tagged: Sequence[Sequence[bool | None]], groups: Sequence[str]
) -> list[Risk]:
    """For each tag (its value for every clip, None unknown) the risk over the clips where it is known.

    `errors` and `lengths` of each clip; a rate is sum of errors by sum of lengths. Intervals: percentiles over 2,000
    draws of groups. A ratio over no errors at all is infinite; NaN where a side has nothing.
    """
    e, n = np.asarray(errors, np.float64), np.asarray(lengths, np.float64)
    columns = []
    for values in tagged:
        yes = np.array([value is True for value in values])
        no = np.array([value is False for value in values])
        columns += [e * yes, n * yes, e * no, n * no]
    if not columns:
        return []
    sums = by_group(groups, np.stack(columns, axis=1))
    drawn = np.concatenate([counts @ sums for counts in draws(len(sums), seed=0, key="intervals.rate")])
    whole = sums.sum(axis=0)
    return [_risk(whole[k : k + 4], drawn[:, k : k + 4]) for k in range(0, len(columns), 4)]


def _risk(whole: Vector, drawn: Vector) -> Risk:
    with np.errstate(divide="ignore", invalid="ignore"):
        point, many = _ratios(whole[None]), _ratios(drawn)
    ratio, attributable = (_percentiles(float(point[0, k]), many[:, k]) for k in (2, 3))
    return Risk(float(point[0, 0]), float(point[0, 1]), ratio, attributable)


def _ratios(s: Vector) -> Vector:
    """(rate with, rate without, their ratio, rate of all less rate without), shape (draws, 4)."""
    yes, no = s[:, 0] / s[:, 1], s[:, 2] / s[:, 3]
    both = (s[:, 0] + s[:, 2]) / (s[:, 1] + s[:, 3])
    return np.stack([yes, no, yes / no, both - no], axis=1)


def _percentiles(value: float, many: Vector) -> Estimate:
    known = np.sort(many[~np.isnan(many)])
    if not len(known):
        return Estimate(value, math.nan, math.nan)
    # by rank: a mean of two ranks would make NaN of two infinities
    low, high = (float(known[round(share * (len(known) - 1))]) for share in (0.025, 0.975))
    return Estimate(value, low, high)
