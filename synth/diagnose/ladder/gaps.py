"""The gaps of an error ladder: how large each is, whether that is more than chance, and which is the one to work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import numpy as np

from synth.diagnose.ladder.ladder import ORACLE, RUNGS, Ladder, Rung
from synth.dsp.arrays import Vector
from synth.errors import UsageError

STEPS: Final = ("bias", "variance", "noise_overfitting", "mismatch", "dev_overfitting")
"""The step below each rung of RUNGS but the last (A. Ng, Machine Learning Yearning, ch. 40-43; the second train-dev
set, with unseen noise, is ours)."""

STEP_NAMES: Final = ("avoidable bias", "variance", "noise overfitting", "data mismatch", "dev overfitting")
MATCHING: Final = "matching"
MATCHING_NAME: Final = "what matching could still give"

LARGE: Final = 0.2
"""A gap is large from this share of the dev error on, where its interval excludes 0 (our own convention)."""

_LEVELS: Final = (0.025, 0.975)
_POWER: Final = ((1.96 + 0.84) / 1.96) ** 2  # to see a gap of this size in 4 of 5 cases

Verdict: TypeAlias = Literal["told", "cannot tell", "none large"]


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """The error of `below` less that of `above`, in errors' own unit (a share, or a loss).

    `steps`: the steps of STEPS that it spans, one where no rung is missing; `matching` alone for dev less oracle,
    which is no step of the ladder but a bound on what one of them could give back. `low`, `high`: 95 % interval.
    `share`: of the dev error. `clear`: the interval lies above 0. `large`: clear, and `share` at least LARGE.
    """

    steps: tuple[str, ...]
    name: str
    above: str
    below: str
    size: float
    low: float
    high: float
    share: float | None
    draws: Vector

    @property
    def clear(self) -> bool:
        return self.size > 0 and self.low > 0

    @property
    def large(self) -> bool:
        return self.clear and (self.share is None or self.share >= LARGE)

    @property
    def is_step(self) -> bool:
        return self.steps != (MATCHING,)


@dataclass(frozen=True, slots=True)
class Found:
    """`gaps`: by size, the largest first. `reference`: the rung whose error shares are of. `named`: the gaps to work
    on. `rivals`: the gaps that the largest cannot be told from. `more`: where nothing can be told, how many times as
    many clips would probably do; None where there is no saying."""

    gaps: tuple[Gap, ...]
    reference: str
    verdict: Verdict
    named: tuple[Gap, ...]
    rivals: tuple[Gap, ...]
    more: float | None


def gaps_of(ladder: Ladder) -> Found:
    """The gaps between neighbours of the rungs that there are, and the verdict.

    Told: the largest gap is large, and each that it cannot be told from (the interval of their difference includes 0)
    is large beyond doubt itself (by the lower end of its interval); all large ones are named. None large: no gap's
    interval reaches what is large, or the largest is clearly there and less. Else: cannot tell.

    Raises:
        UsageError: fewer than two rungs.
    """
    there = [ladder.rungs[name] for name in RUNGS if name in ladder.rungs]
    if len(there) < 2:
        raise UsageError(
            f"a gap needs two errors; there is only {there[0].name if there else 'no rung'}. Give --human, or "
            "scores of train, train-dev, train-dev-noise, dev or test"
        )
    reference = next((ladder.rungs[name] for name in ("dev", "test") if name in ladder.rungs), there[-1])
    gaps = [_gap(one, other, reference) for one, other in pairwise(there)]
    steps = sorted(gaps, key=_order)
    if ORACLE in ladder.rungs and "dev" in ladder.rungs:
        gaps.append(_matching(ladder.rungs[ORACLE], ladder.rungs["dev"]))
    verdict, named, rivals = _judged(steps, LARGE * reference.error)
    more = _more(steps[0], rivals, LARGE * reference.error) if verdict == "cannot tell" else None
    return Found(tuple(sorted(gaps, key=_order)), reference.name, verdict, named, rivals, more)


def span_name(steps: Sequence[str]) -> str:
    """One step by its name; several by the names of all that cannot be told apart for want of a rung."""
    names = [STEP_NAMES[STEPS.index(step)] for step in steps]
    if len(names) == 1:
        return names[0]
    if len(names) == 2 and "noise_overfitting" in steps:
        main = next(name for step, name in zip(steps, names, strict=True) if step != "noise_overfitting")
        return f"{main} (noise overfitting included)"
    return f"{', '.join(names[:-1])} and {names[-1]} together"


def _order(gap: Gap) -> float:
    return -round(gap.size, 12)  # what is equal but for rounding stays in the order of the ladder


def _gap(above: Rung, below: Rung, reference: Rung) -> Gap:
    steps = STEPS[RUNGS.index(above.name) : RUNGS.index(below.name)]
    return _between(steps, span_name(steps), above, below, reference)


def _matching(oracle: Rung, dev: Rung) -> Gap:
    return _between((MATCHING,), MATCHING_NAME, oracle, dev, dev)


def _between(steps: tuple[str, ...], name: str, above: Rung, below: Rung, reference: Rung) -> Gap:
    draws = below.draws - above.draws
    low, high = np.quantile(draws, _LEVELS)
    size = below.error - above.error
    share = size / reference.error if reference.error > 0 else None
    return Gap(steps, name, above.name, below.name, size, float(low), float(high), share, draws)


def _judged(steps: Sequence[Gap], large: float) -> tuple[Verdict, tuple[Gap, ...], tuple[Gap, ...]]:
    """The verdict on gaps in order of size; what is named; what the largest cannot be told from.

    `large`: the error from which a gap is large.
    """
    top = steps[0]
    rivals = tuple(gap for gap in steps[1:] if float(np.quantile(top.draws - gap.draws, _LEVELS[0])) <= 0)
    if all(gap.high < large for gap in steps):
        return "none large", (), rivals
    if not top.clear or not all(gap.low >= large for gap in rivals):
        return "cannot tell", (), rivals
    if not top.large:
        return "none large", (), rivals
    return "told", tuple(gap for gap in steps if gap.large), rivals


def _more(top: Gap, rivals: Sequence[Gap], large: float) -> float | None:
    """How many times as many clips: widths shrink with the root of the number, sizes taken as they are. A rival is told
    from the top where their difference is above 0, or named with it where it is large itself."""
    ways = [] if top.clear else [[_times(top.size, top.low)]]
    for gap in rivals:
        apart = top.draws - gap.draws
        ways.append([_times(top.size - gap.size, float(np.quantile(apart, _LEVELS[0])))])
        ways[-1].append(_times(gap.size - large, gap.low - large))
    factors = [min(way) for way in ways]
    return max(factors) if factors and np.isfinite(max(factors)) else None


def _times(size: float, low: float) -> float:
    """How many times the clips until the lower end of the interval of a difference reaches 0; inf where it is none."""
    return _POWER * (size - low) ** 2 / size**2 if size > 0 else float("inf")
