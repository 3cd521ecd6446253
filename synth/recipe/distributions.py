"""Distributions of numbers (and of words): each is the inverse CDF of one uniform number.

`value(u)` takes u in [0, 1) and returns the draw; nothing is rejected, nothing piles up at the ends. All are frozen and
compare by what the recipe says; what `value` needs is computed once, in `__post_init__`.

`low` and `high` are the ends of what `value` can return, always finite: a normal distribution without `clip` ends 8
standard deviations from its mean, which one draw in 10**15 would pass.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Any, TypeAlias

from synth.draws import ClipDraws

NORMAL_REACH = 8.0
"""Standard deviations at which a normal distribution without `clip` ends."""

LEAST_CLIP_MASS = 1e-6
"""A clip that keeps less than this share of a normal distribution is taken for a mistake."""


def _set(frozen: object, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(frozen, name, value)


@dataclass(frozen=True, slots=True)
class Constant:
    """Always `number`."""

    number: float

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        return self.number

    @property
    def low(self) -> float:
        """The least draw."""
        return self.number

    @property
    def high(self) -> float:
        """The greatest draw."""
        return self.number


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every number of [low, high] equally often."""

    low: float
    high: float
    _width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"the range must rise, not go from {self.low:g} to {self.high:g}")
        if not math.isfinite(self.high - self.low):
            raise ValueError(f"the range from {self.low} to {self.high} is too wide")
        _set(self, _width=self.high - self.low)

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        return self.low + u * self._width


@dataclass(frozen=True, slots=True)
class Integers:
    """Every whole number from low to high, both included, equally often: what `[low, high]` means for a count."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"the range must rise, not go from {self.low} to {self.high}")

    def value(self, u: float) -> int:
        """The draw for u in [0, 1)."""
        return self.low + int(u * (self.high - self.low + 1))


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Every ratio equally often: log(x) is uniform on [log(low), log(high)]; 0 < low <= high."""

    low: float
    high: float
    _log_low: float = field(init=False, repr=False, compare=False)
    _log_width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            raise ValueError(f"the range must rise from above 0, not go from {self.low:g} to {self.high:g}")
        _set(self, _log_low=math.log(self.low), _log_width=math.log(self.high) - math.log(self.low))

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        # exp(log(x)) can miss x by a rounding error: the ends hold
        return min(max(math.exp(self._log_low + u * self._log_width), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution, truncated to `clip`: conditioned on being there, never piled up at the ends.

    The inverse CDF of a truncated normal is that of the full one, taken on the part [cdf(low), cdf(high)] of [0, 1].
    `center` and `sd` belong to the distribution before truncation.
    """

    center: float
    sd: float
    clip: tuple[float, float] | None = None
    low: float = field(init=False, repr=False, compare=False)
    high: float = field(init=False, repr=False, compare=False)
    _inverse: Callable[[float], float] = field(init=False, repr=False, compare=False)
    _cdf_low: float = field(init=False, repr=False, compare=False)
    _cdf_width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.center) and 0 < self.sd < math.inf):
            raise ValueError(f"the standard deviation {self.sd:g} must be above 0")
        clip, reach = self.clip or (-math.inf, math.inf), NORMAL_REACH * self.sd
        if not clip[0] < clip[1]:
            raise ValueError(f"the clip must rise, not go from {clip[0]:g} to {clip[1]:g}")
        normal = NormalDist(self.center, self.sd)
        low, high = max(clip[0], self.center - reach), min(clip[1], self.center + reach)
        cdf_low, cdf_high = normal.cdf(low), normal.cdf(high)
        if not (low < high and cdf_high - cdf_low >= LEAST_CLIP_MASS):
            raise ValueError(f"less than one draw in a million lies in the clip from {clip[0]:g} to {clip[1]:g}")
        _set(self, low=low, high=high, _inverse=normal.inv_cdf, _cdf_low=cdf_low, _cdf_width=cdf_high - cdf_low)

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        p = self._cdf_low + u * self._cdf_width
        if not 0.0 < p < 1.0:  # only by rounding, at the very ends
            return self.low if p <= 0.0 else self.high
        return min(max(self._inverse(p), self.low), self.high)


def _thresholds(num_values: int, weights: Sequence[float] | None) -> tuple[float, ...]:
    """Where in [0, 1) the second value begins, the third, and so on."""
    if num_values == 0:
        raise ValueError("there is nothing to choose from")
    if weights is None:
        weights = [1 / num_values] * num_values
    elif len(weights) != num_values:
        raise ValueError(f"{len(weights)} weights for {num_values} values")
    elif not all(0 <= w < math.inf for w in weights) or not 0 < sum(weights) < math.inf:
        raise ValueError("weights must be 0 or more, and one of them above 0")
    else:
        weights = [w / sum(weights) for w in weights]
    # nothing begins behind the last value that has a share, whatever the rounding
    last = max(i for i, weight in enumerate(weights) if weight > 0)
    return tuple(accumulate(weights[:last]))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some numbers, with weights (default: all the same)."""

    values: tuple[float, ...]
    weights: tuple[float, ...] | None = None
    _thresholds: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, _thresholds=_thresholds(len(self.values), self.weights))

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        return self.values[bisect_right(self._thresholds, u)]

    @property
    def low(self) -> float:
        """The least draw."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest draw."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class WordChoice:
    """One of some words, with weights (default: all the same)."""

    values: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    _thresholds: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, _thresholds=_thresholds(len(self.values), self.weights))

    def value(self, u: float) -> str:
        """The draw for u in [0, 1)."""
        return self.values[bisect_right(self._thresholds, u)]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """An empirical distribution: its quantiles at `probabilities` (default: equally spaced from 0 to 1).

    Between two quantiles every number is equally likely: the inverse CDF is piecewise linear.
    """

    values: tuple[float, ...]
    probabilities: tuple[float, ...] | None = None
    _at: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _slopes: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        n = len(self.values)
        at = self.probabilities if self.probabilities is not None else tuple(i / max(n - 1, 1) for i in range(n))
        if len(at) != n:
            raise ValueError(f"{n} values, but {len(at)} probabilities")
        if n <= 1:
            raise ValueError("at least two values are needed")
        if not all(math.isfinite(v) for v in self.values) or any(b < a for a, b in pairwise(self.values)):
            raise ValueError("the values must rise")
        if at[0] != 0 or at[-1] != 1 or any(not a < b for a, b in pairwise(at)):
            raise ValueError("the probabilities must rise from 0 to 1")
        slopes = ((b - a) / (q - p) for (a, b), (p, q) in zip(pairwise(self.values), pairwise(at), strict=True))
        _set(self, _at=at, _slopes=tuple(slopes))

    def value(self, u: float) -> float:
        """The draw for u in [0, 1)."""
        i = bisect_right(self._at, u) - 1
        return min(self.values[i] + (u - self._at[i]) * self._slopes[i], self.values[i + 1])

    @property
    def low(self) -> float:
        """The least draw."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The greatest draw."""
        return self.values[-1]


Distribution: TypeAlias = Constant | Uniform | Integers | LogUniform | Normal | Choice | Quantiles
"""A distribution of numbers: `.value(u)`, `.low`, `.high`."""


def draw_from(distribution: Distribution, draws: ClipDraws, key: str) -> float:
    """The draw of a clip that has this key; a constant is not drawn."""
    if distribution.__class__ is Constant:
        return distribution.low
    return distribution.value(draws(key))
