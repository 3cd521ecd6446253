"""Shares and rates with 95 % intervals, for clips that come in groups and have unequal weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.dsp.arrays import Matrix, Vector
from synth.stats.bootstrap import draw_sums
from synth.stats.groups import sums_by_group

WITHIN_GROUP_CORRELATION = 0.1
"""Correlation of clips of a group if the data cannot show it: a choice, between independent (0) and equal (1)."""

_Z = 1.959963984540054  # the normal distribution's 97.5 % point


def json_number(value: float) -> float | None:
    """Round a number for JSON, to 6 decimals; None if it is infinite or NaN."""
    return round(value, 6) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float  # NaN if there are no data
    low: float
    high: float  # infinite if the data allow any value

    def to_json(self, scale: float = 1.0) -> dict[str, float | None]:
        """Return plain values, times `scale`."""
        return {name: json_number(scale * getattr(self, name)) for name in ("value", "low", "high")}

    def scaled(self, factor: float) -> Estimate:
        """Multiply by a number of at least 0."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def wilson(share: float, count: float) -> Estimate:
    """Return Wilson's score interval of a share.

    Args:
        share: 0 to 1.
        count: number of independent observations; need not be whole.

    Returns:
        NaN with the interval [0, 1] if `count` is 0.

    Source: E. B. Wilson, Journal of the American Statistical Association 22, 1927.
    """
    if count <= 0:
        return Estimate(math.nan, 0.0, 1.0)
    center = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    # rounding must not put the share itself outside of its interval
    return Estimate(share, max(0.0, min(share, center - half)), min(1.0, max(share, center + half)))


def weighted_share(part: Sequence[float], weights: Sequence[float], groups: Sequence[str], *, seed: int) -> Estimate:
    """Return a weighted share with Wilson's interval at the effective number of clips.

    The effective number is Kish's, (sum w)^2 / sum w^2. If groups hold several clips, it is smaller by as much as the
    variance over a bootstrap of groups is larger. If there is no variance to compare (none of the clips, or all of
    them), WITHIN_GROUP_CORRELATION stands in. Wilson's interval at an effective number follows Korn and Graubard
    (Survey Methodology 24(2), 1998), who use the interval of Clopper and Pearson.

    Args:
        part: how much of each clip counts, 0 to 1, shape (clips,).
        weights: at least 0, shape (clips,).
        groups: name of each clip's group.
        seed: for the bootstrap.

    Returns:
        NaN with the interval [0, 1] if all weights are 0.
    """
    w = np.asarray(weights, np.float64)
    x = np.asarray(part, np.float64)
    if not len(w) or w.sum() <= 0:
        return Estimate(math.nan, 0.0, 1.0)
    share = float(min(1.0, max(0.0, (w * x).sum() / w.sum())))
    return wilson(share, _effective_number(x, w, groups, share, seed))


def _effective_number(x: Vector, w: Vector, groups: Sequence[str], share: float, seed: int) -> float:
    sums = sums_by_group(groups, np.stack([w * x, w], axis=1))
    kish = float(w.sum() ** 2 / (w**2).sum())
    if len(sums) in (1, len(w)):
        return kish
    drawn = draw_sums(sums, seed=seed, key="intervals.share")
    drawn = drawn[drawn[:, 1] > 0]
    variance = (drawn[:, 0] / drawn[:, 1]).var() * len(sums) / (len(sums) - 1) if len(drawn) > 1 else 0.0
    if variance > 0:
        return min(kish, share * (1 - share) / float(variance))
    mean_group_size = len(w) * float((sums[:, 1] ** 2).sum() / sums[:, 1].sum() ** 2)
    return kish / max(1.0, 1 + WITHIN_GROUP_CORRELATION * (mean_group_size - 1))


@dataclass(frozen=True, slots=True)
class Risk:
    """Error rates of clips that have a property, against those that do not."""

    with_property: float  # errors per unit
    without_property: float  # errors per unit
    ratio: Estimate  # of the two; infinite if there are no errors without the property
    attributable: Estimate  # the rate of all clips less `without_property`: risk difference times prevalence


def risks(
    errors: Sequence[float], lengths: Sequence[float], tagged: Sequence[Sequence[bool | None]], groups: Sequence[str]
) -> list[Risk]:
    """Return the risk of each tag, over the clips for which the tag is known.

    A rate is the sum of errors over the sum of lengths. Intervals are percentiles over a bootstrap of groups.

    Args:
        errors: of each clip, shape (clips,).
        lengths: of each clip in units (words, ...), shape (clips,).
        tagged: of each tag, whether each clip has it; None if unknown.
        groups: name of each clip's group.

    Returns:
        One per tag; NaN where no clips have it, or all of them.
    """
    if not tagged:
        return []
    e, n = np.asarray(errors, np.float64), np.asarray(lengths, np.float64)
    columns = []
    for values in tagged:
        yes = np.array([value is True for value in values])
        no = np.array([value is False for value in values])
        columns += [e * yes, n * yes, e * no, n * no]
    sums = sums_by_group(groups, np.stack(columns, axis=1))
    drawn = draw_sums(sums, seed=0, key="intervals.rate")
    totals = sums.sum(axis=0)
    return [_risk(totals[k : k + 4], drawn[:, k : k + 4]) for k in range(0, len(columns), 4)]


def _risk(totals: Vector, drawn: Matrix) -> Risk:
    with np.errstate(divide="ignore", invalid="ignore"):
        (point,), many = _rates(totals[None]), _rates(drawn)
    ratio, attributable = (_percentiles(float(point[k]), many[:, k]) for k in (2, 3))
    return Risk(float(point[0]), float(point[1]), ratio, attributable)


def _rates(sums: Matrix) -> Matrix:
    """Return (rate with, rate without, their ratio, rate of all less rate without), shape (draws, 4)."""
    yes, no = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    overall = (sums[:, 0] + sums[:, 2]) / (sums[:, 1] + sums[:, 3])
    return np.stack([yes, no, yes / no, overall - no], axis=1)


def _percentiles(value: float, draws: Vector) -> Estimate:
    ordered = np.sort(draws[~np.isnan(draws)])
    if not len(ordered):
        return Estimate(value, math.nan, math.nan)
    # by rank, because the mean of two ranks would turn two infinities into NaN
    low, high = (float(ordered[round(share * (len(ordered) - 1))]) for share in (0.025, 0.975))
    return Estimate(value, low, high)
