"""How small a difference a set of clips can resolve: the standard error of an error rate that is measured on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: The error rate that is assumed unless the user gives one.
ERROR_RATE: Final = 0.1
#: How alike the errors of clips of one group are (intra-class correlation). Our own choice: it depends on the task.
CORRELATION: Final = 0.05


@dataclass(frozen=True, slots=True)
class Resolution:
    """Standard errors of an error rate, as shares (0.007 is 0.7 points)."""

    error_rate: float
    independent: float  # as if all clips were independent
    grouped: float  # with the design effect of the groups
    design_effect: float  # factor by which groups increase the variance


def resolution_of(group_sizes: Sequence[int], *, error_rate: float = ERROR_RATE) -> Resolution:
    """Compute the resolution of a set; infinite for an empty one.

    The standard error is sqrt(p (1 - p) / n), times the root of the design effect 1 + (m - 1) * CORRELATION, where
    m = sum(m_i^2) / sum(m_i) is the mean size of the group of a clip. Source: docs/science.md, "Sizes of dev and test".

    Args:
        group_sizes: clips of each group, all above 0.
        error_rate: expected error rate p, 0 to 1.
    """
    clips = sum(group_sizes)
    if not clips:
        return Resolution(error_rate, math.inf, math.inf, 1.0)
    independent = math.sqrt(error_rate * (1 - error_rate) / clips)
    design_effect = 1 + (sum(size * size for size in group_sizes) / clips - 1) * CORRELATION
    return Resolution(error_rate, independent, independent * math.sqrt(design_effect), design_effect)
