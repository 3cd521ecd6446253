"""The result of a fit."""

from __future__ import annotations

from dataclasses import dataclass

from synth.match.fit.conditions import MatchedCases
from synth.match.fit.match_score import MatchScore
from synth.match.fit.snr_curve import SnrCurve
from synth.match.measure.trust import Trust
from synth.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Round:
    """One simulation of the condition `matched`."""

    number: int  # from 0
    fitted: MatchScore  # against the clips that are fitted to
    held_out: MatchScore  # against the held-out clips


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a fit found. All scores are against the held-out clips."""

    recipe: Recipe  # with the fitted conditions; without any if they did not help
    matched: MatchedCases
    helped: bool  # the condition `matched` is better than the recipe before
    trust: Trust  # in the clips that were fitted to
    clips: tuple[int, int]  # numbers of clips fitted to, and held out
    groups: tuple[int, int]  # numbers of their groups
    auc_dev: float | None  # of halves of dev against each other: no recipe gets below
    before: MatchScore  # the recipe as it was
    after: MatchScore  # the condition `matched` of the best round; `before` if it did not help
    mixture: MatchScore  # the whole recipe with its conditions
    rounds: tuple[Round, ...]
    kept: int  # number of the best round
    calibrations: tuple[SnrCurve, ...]  # with the recipe's own noise, and with noise equalized to dev
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
