"""The diagnosis of a ladder: its gaps, the verdict in words, the next actions, and notes on the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from synth.diagnose.ladder.gaps import LARGE, MATCHING, Gap, GapAnalysis, analyze_gaps
from synth.diagnose.ladder.ladder import ORACLE, RUNGS, TITLES, Ladder, Rung
from synth.diagnose.ladder.next_steps import MORE_CLIPS, Action, actions_for

_MAX_TIMES: Final = 1000  # if more clips than this would be needed, their number is not the problem


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next."""

    title: str  # what it is for, such as "for variance"
    gap: Gap | None  # None: it is for telling the gaps apart
    action: Action


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the ladder says, and what to do."""

    ladder: Ladder
    analysis: GapAnalysis
    headline: str
    actions: tuple[NextStep, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values.

        Errors and gaps are in percent and percentage points (losses as they are). Next to each number that is shown
        to people is its text (`shown`).
        """
        is_rate = self.ladder.is_rate
        return {
            "measure": self.ladder.measure,
            "unit": "%" if is_rate else "",
            "verdict": self.analysis.verdict,
            "headline": self.headline,
            "named": [gap.name for gap in self.analysis.named],
            "rungs": [_rung_json(rung, is_rate) for rung in self.ladder.rungs.values()],
            "gaps": [_gap_json(gap, is_rate, is_named=gap in self.analysis.named) for gap in self.analysis.gaps],
            "large_from": LARGE,
            "reference": self.analysis.reference,
            "actions": [
                {
                    "title": step.title,
                    "gap": None if step.gap is None else step.gap.name,
                    "words": step.action.words,
                    "recipe": step.action.recipe,
                    "commands": list(step.action.commands),
                }
                for step in self.actions
            ],
            "notes": list(self.notes),
        }


def diagnose(ladder: Ladder) -> Diagnosis:
    """Diagnose a ladder.

    Raises:
        UsageError: it has fewer than two rungs.
    """
    analysis = analyze_gaps(ladder)
    return Diagnosis(
        ladder,
        analysis,
        _headline(analysis, ladder.is_rate),
        tuple(_next_steps(analysis)),
        (*_gap_notes(ladder, analysis), *ladder.notes),
    )


def _next_steps(analysis: GapAnalysis) -> Iterator[NextStep]:
    """Yield what to do about the named gaps; if the verdict is "cannot tell", to score more clips comes first."""
    if analysis.verdict == "cannot tell":
        yield NextStep("to be able to tell", None, MORE_CLIPS)
    prefix = {"named": "for", "cannot tell": "if it is", "none large": "for the largest,"}[analysis.verdict]
    largest = [gap for gap in analysis.gaps if gap.is_step][:1]
    for gap in analysis.named or [gap for gap in largest if gap.size > 0]:
        yield from (NextStep(f"{prefix} {gap.name}", gap, action) for action in actions_for(gap))
    if any("mismatch" in gap.steps for gap in analysis.named):
        return  # matching is recommended already
    for gap in analysis.gaps:
        if not gap.is_step and gap.large:
            yield from (NextStep(f"for {gap.name}", gap, action) for action in actions_for(gap))


def _headline(analysis: GapAnalysis, is_rate: bool) -> str:
    def with_interval(gap: Gap) -> str:
        return f"{gap.name} ({_interval_text(gap, is_rate)})"

    if analysis.verdict == "named":
        return _named_headline(analysis, is_rate)
    largest = next(gap for gap in analysis.gaps if gap.is_step)
    if analysis.verdict == "none large":
        return (
            f"no gap is large ({percent_text(LARGE)} of the {analysis.reference} error or more); the largest is "
            f"{with_interval(largest)}"
        )
    if largest.clear:
        candidates = _enumeration([with_interval(gap) for gap in (largest, *analysis.rivals)], "or")
        text = f"cannot tell at this sample size whether the largest gap is {candidates}"
    else:
        text = f"cannot tell at this sample size: the largest gap, {with_interval(largest)}, may be chance"
    if analysis.more is None:
        return text
    if analysis.more > _MAX_TIMES:
        return f"{text}; more clips would hardly help: the gaps are practically equal"
    times = max(analysis.more, 1.1)
    times_text = f"{times:.0f}"
    if times < 10:
        times_text = f"{times:.1f}"
    elif times >= 100:
        times_text = f"{round(times, -1):,.0f}"
    return f"{text}; about {times_text} times as many clips would probably tell"


def _named_headline(analysis: GapAnalysis, is_rate: bool) -> str:
    if len(analysis.named) == 1:
        gap = analysis.named[0]
        share = "" if gap.share is None else f", {percent_text(gap.share)} of the {analysis.reference} error"
        return f"{gap.name}: {_interval_text(gap, is_rate)}, between {gap.above} and {gap.below}{share}"
    names = [f"{gap.name} ({_interval_text(gap, is_rate)})" for gap in analysis.named]
    order = "which is the largest cannot be told at this sample size" if analysis.rivals else "the largest first"
    return f"{_enumeration(names, 'and')}: {'both' if len(names) == 2 else 'all'} are large; {order}"


def _enumeration(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _interval_text(gap: Gap, is_rate: bool) -> str:
    size = amount_text(gap.size, is_rate)
    unit = ""
    if is_rate:
        unit = " point" if size == "1" else " points"
    return f"{size}{unit}, 95 % {amount_text(gap.low, is_rate)} to {amount_text(gap.high, is_rate)}"


def amount_text(value: float, is_rate: bool) -> str:
    """Format a share in percent with at most two decimals, or a loss with four digits."""
    return f"{round(100 * value, 2) + 0.0:g}" if is_rate else f"{value:.4g}"  # + 0.0: no minus in front of a 0


def percent_text(share: float) -> str:
    """Format a share in whole percent."""
    return f"{round(100 * share) + 0:d} %"


def _gap_notes(ladder: Ladder, analysis: GapAnalysis) -> list[str]:
    notes = []
    for gap in analysis.gaps:
        if gap.size < 0:
            notes.append(_negative_gap_note(gap, ladder))
        if len(gap.steps) > 1:
            missing = RUNGS[RUNGS.index(gap.above) + 1 : RUNGS.index(gap.below)]
            notes.append(f"no {' and no '.join(missing)}: {gap.name} is one gap, from {gap.above} to {gap.below}")
    if "human" not in ladder.rungs:
        notes.append("no error of people or of a proxy (--human): avoidable bias is unknown")
    if analysis.reference != "dev":
        notes.append(f"no dev: shares are of the {analysis.reference} error")
    return notes


def _negative_gap_note(gap: Gap, ladder: Ladder) -> str:
    """Say what a gap in the wrong direction means."""
    verb = "is" if gap.high < 0 else "looks"
    text = f"{gap.above} {verb} harder than {gap.below} ({_interval_text(gap, ladder.is_rate)})"
    if gap.steps == (MATCHING,):
        return f"{text}: the oracle has too little data, or too little variety, to bound anything"
    if gap.steps == ("dev_overfitting",):
        return f"{text}: there is no sign of overfitting to dev"
    if "mismatch" in gap.steps:
        oracle = "see the oracle's gap" if ORACLE in ladder.rungs else "train an oracle on target-like data (--oracle)"
        return (
            f"{text}: this does not mean 'no mismatch', because synthesized clips can be harder than dev and still "
            f"unlike it; {oracle}, and the AUC of synth compare"
        )
    return (
        f"{text}: these clips are made differently (noisier, changed more), or it is chance; the gap hides the step "
        "that it should show"
    )


def _rung_json(rung: Rung, is_rate: bool) -> dict[str, Any]:
    low, high = (float(end) for end in np.quantile(rung.draws, [0.025, 0.975]))
    low = max(low, 0.0) if is_rate else low
    is_exact = rung.clips == 0 and np.isinf(rung.words)
    scale = 100 if is_rate else 1
    interval = f"{amount_text(low, is_rate)} to {amount_text(high, is_rate)}"
    return {
        "name": rung.name,
        "title": TITLES[rung.name],
        "error": round(scale * rung.error, 6),
        "low": round(scale * low, 6),
        "high": round(scale * high, 6),
        "shown": amount_text(rung.error, is_rate) + (" %" if is_rate else ""),
        "interval_shown": "taken as exact" if is_exact else interval,
        "clips": rung.clips or None,
        "words": None if np.isinf(rung.words) else round(rung.words, 6),
        "groups": rung.groups or None,
    }


def _gap_json(gap: Gap, is_rate: bool, *, is_named: bool) -> dict[str, Any]:
    scale = 100 if is_rate else 1
    return {
        "name": gap.name,
        "steps": list(gap.steps),
        "from": gap.above,
        "to": gap.below,
        "size": round(scale * gap.size, 6),
        "low": round(scale * gap.low, 6),
        "high": round(scale * gap.high, 6),
        "share": None if gap.share is None else round(gap.share, 6),
        "shown": amount_text(gap.size, is_rate),
        "interval_shown": f"{amount_text(gap.low, is_rate)} to {amount_text(gap.high, is_rate)}",
        "share_shown": "" if gap.share is None else percent_text(gap.share),
        "clear": gap.clear,
        "large": gap.large,
        "named": is_named,
        "is_step": gap.is_step,
    }
