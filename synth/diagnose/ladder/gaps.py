"""The gaps of an error ladder: how large each is, whether that is more than chance, and which one to work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import numpy as np

from synth.diagnose.ladder.ladder import ORACLE, RUNGS, Ladder, Rung
from synth.dsp.arrays import Vector
from synth.errors import UsageError

#: The step below each rung of RUNGS but the last. Source: docs/science.md, "Error ladder".
STEPS: Final = ("bias", "variance", "noise_overfitting", "mismatch", "dev_overfitting")
STEP_NAMES: Final = ("avoidable bias", "variance", "noise overfitting", "data mismatch", "dev overfitting")
MATCHING: Final = "matching"
MATCHING_NAME: Final = "what matching could still give"

#: A gap is large from this share of the dev error on, if its interval excludes 0 (our own convention).
LARGE: Final = 0.2

_LOW, _HIGH = 0.025, 0.975
_POWER: Final = ((1.96 + 0.84) / 1.96) ** 2  # to see a gap of this size with a probability of 80 %

Verdict: TypeAlias = Literal["named", "cannot tell", "none large"]


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """The error of one rung minus that of the rung above it, in the errors' own unit (a share, or a loss)."""

    steps: tuple[str, ...]  # of STEPS: one, or several if rungs are missing; (MATCHING,) for dev minus oracle
    name: str
    above: str  # name of the upper rung
    below: str  # name of the lower rung
    size: float
    low: float  # ends of the 95 % interval
    high: float
    share: float | None  # of the error of the reference rung; None if that error is 0
    draws: Vector  # bootstrap draws of the size, shape (draws,)

    @property
    def clear(self) -> bool:
        """Whether the interval lies above 0."""
        return self.size > 0 and self.low > 0

    @property
    def large(self) -> bool:
        """Whether the gap is clear and at least LARGE of the reference error."""
        return self.clear and (self.share is None or self.share >= LARGE)

    @property
    def is_step(self) -> bool:
        """Whether it is a step of the ladder; dev minus oracle is only a bound on what one of them can give back."""
        return self.steps != (MATCHING,)


@dataclass(frozen=True, slots=True)
class GapAnalysis:
    """All gaps of a ladder, and the verdict on them."""

    gaps: tuple[Gap, ...]  # the largest first
    reference: str  # the rung that shares refer to
    verdict: Verdict
    named: tuple[Gap, ...]  # the gaps to work on
    rivals: tuple[Gap, ...]  # the gaps that may be as large as the largest one
    more: float | None  # if the verdict is "cannot tell": how many times as many clips would probably suffice


def analyze_gaps(ladder: Ladder) -> GapAnalysis:
    """Compute the gaps between neighboring rungs, and decide which of them to work on.

    A rival is a gap that cannot be told from the largest one (the interval of their difference includes 0). The
    verdict is "named" if the largest gap is large, and so is each rival even by the lower end of its interval; then
    all large gaps are named. It is "none large" if no gap's interval reaches what is large, or if the largest gap is
    clear but not large. Otherwise it is "cannot tell".

    Raises:
        UsageError: fewer than two rungs.
    """
    rungs = [ladder.rungs[name] for name in RUNGS if name in ladder.rungs]
    if len(rungs) < 2:
        raise UsageError(
            f"a gap needs two errors; there is only {rungs[0].name if rungs else 'no rung'}. Give --human, or scores "
            "of train, train-dev, train-dev-noise, dev or test"
        )
    reference = next((ladder.rungs[name] for name in ("dev", "test") if name in ladder.rungs), rungs[-1])
    gaps = []
    for above, below in pairwise(rungs):
        spanned = STEPS[RUNGS.index(above.name) : RUNGS.index(below.name)]
        gaps.append(_gap_between(above, below, reference, steps=spanned, name=span_name(spanned)))
    steps = sorted(gaps, key=_sort_key)
    if ORACLE in ladder.rungs and "dev" in ladder.rungs:
        dev = ladder.rungs["dev"]
        gaps.append(_gap_between(ladder.rungs[ORACLE], dev, dev, steps=(MATCHING,), name=MATCHING_NAME))

    large = LARGE * reference.error
    largest = steps[0]
    rivals = tuple(gap for gap in steps[1:] if float(np.quantile(largest.draws - gap.draws, _LOW)) <= 0)
    verdict: Verdict
    if all(gap.high < large for gap in steps):
        verdict = "none large"
    elif not largest.clear or not all(gap.low >= large for gap in rivals):
        verdict = "cannot tell"
    else:
        verdict = "named" if largest.large else "none large"
    return GapAnalysis(
        gaps=tuple(sorted(gaps, key=_sort_key)),
        reference=reference.name,
        verdict=verdict,
        named=tuple(gap for gap in steps if gap.large) if verdict == "named" else (),
        rivals=rivals,
        more=_times_as_many_clips(largest, rivals, large) if verdict == "cannot tell" else None,
    )


def span_name(steps: Sequence[str]) -> str:
    """Return the name of a gap; if rungs are missing, the names of all steps that it spans."""
    names = [STEP_NAMES[STEPS.index(step)] for step in steps]
    if len(names) == 1:
        return names[0]
    if len(names) == 2 and "noise_overfitting" in steps:
        main = next(name for step, name in zip(steps, names, strict=True) if step != "noise_overfitting")
        return f"{main} (noise overfitting included)"
    return f"{', '.join(names[:-1])} and {names[-1]} together"


def _sort_key(gap: Gap) -> float:
    return -round(gap.size, 12)  # gaps that are equal except for rounding stay in the order of the ladder


def _gap_between(above: Rung, below: Rung, reference: Rung, *, steps: tuple[str, ...], name: str) -> Gap:
    draws = below.draws - above.draws
    low, high = np.quantile(draws, (_LOW, _HIGH))
    size = below.error - above.error
    share = size / reference.error if reference.error > 0 else None
    return Gap(steps, name, above.name, below.name, size, float(low), float(high), share, draws)


def _times_as_many_clips(largest: Gap, rivals: Sequence[Gap], large: float) -> float | None:
    """Estimate how many times as many clips would make the verdict clear; None if no number would.

    The widths of intervals shrink with the root of the number of clips; the sizes are taken as they are. A rival is
    settled if its difference from the largest gap is above 0, or if it is certainly large itself and so named too.
    """

    def times(size: float, low: float) -> float:
        # until the lower end of the interval of `size` reaches 0
        return _POWER * (size - low) ** 2 / size**2 if size > 0 else float("inf")

    factors = [] if largest.clear else [times(largest.size, largest.low)]
    for gap in rivals:
        difference_low = float(np.quantile(largest.draws - gap.draws, _LOW))
        factors.append(min(times(largest.size - gap.size, difference_low), times(gap.size - large, gap.low - large)))
    return max(factors) if factors and np.isfinite(max(factors)) else None
