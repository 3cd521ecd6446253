"""What difference a set of clips can resolve: the standard error of an error rate measured on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ERROR_RATE = 0.1
CORRELATION = 0.05
"""How alike the errors of clips of one group are taken to be (intra-class correlation). Our own choice: it depends on
the task; errors by speaker or drive are often said to lie at 0.01 to 0.1."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Standard errors as shares (0.007 is 0.7 points). `alone`: as if all clips were independent; `grouped`: with the
    design effect of groups; `design_effect`: how many times the variance grows by them."""

    error_rate: float
    alone: float
    grouped: float
    design_effect: float


def resolution(group_sizes: Sequence[int], *, error_rate: float = ERROR_RATE) -> Resolution:
    """Of a set whose groups have so many clips each (all above 0); inf for an empty one.

    sqrt(p (1 - p) / n), times the root of the design effect 1 + (m - 1) * CORRELATION, where m = sum(m_i^2) / sum(m_i)
    is the size of the group that a clip finds itself in (Kish, Survey Sampling, 1965; for unequal groups from memory).
    """
    clips = sum(group_sizes)
    if not clips:
        return Resolution(error_rate, math.inf, math.inf, 1.0)
    alone = math.sqrt(error_rate * (1 - error_rate) / clips)
    effect = 1 + (sum(size * size for size in group_sizes) / clips - 1) * CORRELATION
    return Resolution(error_rate, alone, alone * math.sqrt(effect), effect)
