"""The diagnosis of a ladder: its gaps, the verdict in words, the next actions, and what to know of the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.diagnose.ladder.gaps import LARGE, MATCHING, Found, Gap, gaps_of
from synth.diagnose.ladder.ladder import ORACLE, RUNGS, TITLES, Ladder, Rung
from synth.diagnose.ladder.next_steps import MORE_CLIPS, Action, actions_for

_MOST_TIMES = 1000  # above this it is not the number of clips that is too small


@dataclass(frozen=True, slots=True)
class Next:
    """`title`: what the action is for, in words; `gap`: None where it is for telling the gaps apart."""

    title: str
    gap: Gap | None
    action: Action


@dataclass(frozen=True, slots=True)
class Diagnosis:
    ladder: Ladder
    found: Found
    headline: str
    actions: tuple[Next, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values. Errors and gaps are in percent and percent points (of a loss: as they are); each number that
        is shown stands beside it as it is shown."""
        return {
            "measure": self.ladder.measure,
            "unit": "%" if self.ladder.is_rate else "",
            "verdict": self.found.verdict,
            "headline": self.headline,
            "named": [gap.name for gap in self.found.named],
            "rungs": [_rung_json(rung, self.ladder.is_rate) for rung in self.ladder.rungs.values()],
            "gaps": [_gap_json(gap, self) for gap in self.found.gaps],
            "large_from": LARGE,
            "reference": self.found.reference,
            "actions": [_action_json(one) for one in self.actions],
            "notes": list(self.notes),
        }


def diagnose(ladder: Ladder) -> Diagnosis:
    """Raises UsageError where the ladder has fewer than two rungs (gaps.gaps_of)."""
    found = gaps_of(ladder)
    actions = tuple(_actions(found))
    return Diagnosis(ladder, found, _headline(ladder, found), actions, (*_findings(ladder, found), *ladder.notes))


def _actions(found: Found) -> Iterator[Next]:
    """Remedies of what is named; where nothing can be told, more clips first."""
    steps = [gap for gap in found.gaps if gap.is_step]
    if found.verdict == "cannot tell":
        yield Next("to be able to tell", None, MORE_CLIPS)
    before = {"told": "for", "cannot tell": "if it is", "none large": "for the largest,"}[found.verdict]
    for gap in found.named or [gap for gap in steps[:1] if gap.size > 0]:
        yield from (Next(f"{before} {gap.name}", gap, action) for action in actions_for(gap))
    for gap in _worth_matching(found):
        yield from (Next(f"for {gap.name}", gap, action) for action in actions_for(gap))


def _worth_matching(found: Found) -> list[Gap]:
    """The bound that an oracle gives, where it is large and matching is not named already."""
    named = {step for gap in found.named for step in gap.steps}
    return [gap for gap in found.gaps if not gap.is_step and gap.large and "mismatch" not in named]


# --- in words ---------------------------------------------------------------------------------------------------------


def _headline(ladder: Ladder, found: Found) -> str:
    rate = ladder.is_rate
    steps = [gap for gap in found.gaps if gap.is_step]
    if found.verdict == "told":
        return _told(found, rate)
    top = f"{steps[0].name} ({_interval(steps[0], rate)})"
    if found.verdict == "none large":
        return f"no gap is large ({percent(LARGE)} of the {found.reference} error or more); the largest is {top}"
    if steps[0].clear:
        rivals = [f"{gap.name} ({_interval(gap, rate)})" for gap in found.rivals]
        said = f"cannot tell at this sample size whether the largest gap is {_listed([top, *rivals], 'or')}"
    else:
        said = f"cannot tell at this sample size: the largest gap, {top}, may be chance"
    return said + (_more(found.more) if found.more is not None else "")


def _more(times: float) -> str:
    if times > _MOST_TIMES:
        return "; more clips would hardly tell: the gaps are as good as equal"
    return f"; about {_rounded(max(times, 1.1))} times as many clips would probably tell"


def _rounded(times: float) -> str:
    return f"{times:.1f}" if times < 10 else f"{times:.0f}" if times < 100 else f"{round(times, -1):,.0f}"


def _told(found: Found, rate: bool) -> str:
    if len(found.named) == 1:
        gap = found.named[0]
        share = "" if gap.share is None else f", {percent(gap.share)} of the {found.reference} error"
        return f"{gap.name}: {_interval(gap, rate)}, between {gap.above} and {gap.below}{share}"
    said = [f"{gap.name} ({_interval(gap, rate)})" for gap in found.named]
    order = "which is the largest cannot be told at this sample size" if found.rivals else "the largest first"
    return f"{_listed(said)}: {'both' if len(said) == 2 else 'all'} are large; {order}"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _interval(gap: Gap, rate: bool) -> str:
    shown = amount(gap.size, rate)
    unit = "" if not rate else " point" if shown == "1" else " points"
    return f"{shown}{unit}, 95 % {amount(gap.low, rate)} to {amount(gap.high, rate)}"


def amount(value: float, rate: bool) -> str:
    """A share in percent with two decimals at most, a loss with four digits."""
    return f"{round(100 * value, 2) + 0.0:g}" if rate else f"{value:.4g}"


def percent(share: float) -> str:
    return f"{round(100 * share) + 0:d} %"


def _findings(ladder: Ladder, found: Found) -> list[str]:
    notes = []
    for gap in found.gaps:
        notes += _below_zero(gap, ladder)
        if len(gap.steps) > 1:
            missing = RUNGS[RUNGS.index(gap.above) + 1 : RUNGS.index(gap.below)]
            notes.append(f"no {' and no '.join(missing)}: {gap.name} is one gap, from {gap.above} to {gap.below}")
    if "human" not in ladder.rungs:
        notes.append("no error of people or of a proxy (--human): avoidable bias is not told")
    if found.reference != "dev":
        notes.append(f"no dev: shares are of the {found.reference} error")
    return notes


def _below_zero(gap: Gap, ladder: Ladder) -> list[str]:
    """What a gap that goes the wrong way means."""
    if gap.size >= 0:
        return []
    sure = "is" if gap.high < 0 else "looks"
    text = f"{gap.above} {sure} harder than {gap.below} ({_interval(gap, ladder.is_rate)})"
    if gap.steps == (MATCHING,):
        return [f"{text}: the oracle has too little data, or too little variety, to bound anything"]
    if gap.steps == ("dev_overfitting",):
        return [f"{text}: no overfitting to dev is seen"]
    if "mismatch" in gap.steps:
        oracle = "see the oracle's gap" if ORACLE in ladder.rungs else "train an oracle on target-like data (--oracle)"
        return [
            f"{text}: that is not 'no mismatch', the clips made may be harder and still unlike dev; {oracle}, and the "
            "AUC of synth compare"
        ]
    return [
        f"{text}: such clips are made otherwise (noisier, changed more), or it is chance; this gap hides what it is"
    ]


# --- plain values -----------------------------------------------------------------------------------------------------


def _number(value: float, rate: bool) -> float:
    return round(100 * value if rate else value, 6)


def _rung_json(rung: Rung, rate: bool) -> dict[str, Any]:
    low, high = (float(end) for end in np.quantile(rung.draws, [0.025, 0.975]))
    low = max(low, 0.0) if rate else low
    exact = rung.clips == 0 and np.isinf(rung.words)
    return {
        "name": rung.name,
        "title": TITLES[rung.name],
        "error": _number(rung.error, rate),
        "low": _number(low, rate),
        "high": _number(high, rate),
        "shown": amount(rung.error, rate) + (" %" if rate else ""),
        "interval_shown": "taken as exact" if exact else f"{amount(low, rate)} to {amount(high, rate)}",
        "clips": rung.clips or None,
        "words": None if np.isinf(rung.words) else round(rung.words, 6),
        "groups": rung.groups or None,
    }


def _action_json(one: Next) -> dict[str, Any]:
    return {
        "title": one.title,
        "gap": None if one.gap is None else one.gap.name,
        "words": one.action.words,
        "recipe": one.action.recipe,
        "commands": list(one.action.commands),
    }


def _gap_json(gap: Gap, told: Diagnosis) -> dict[str, Any]:
    rate = told.ladder.is_rate
    return {
        "name": gap.name,
        "steps": list(gap.steps),
        "from": gap.above,
        "to": gap.below,
        "size": _number(gap.size, rate),
        "low": _number(gap.low, rate),
        "high": _number(gap.high, rate),
        "share": None if gap.share is None else round(gap.share, 6),
        "shown": amount(gap.size, rate),
        "interval_shown": f"{amount(gap.low, rate)} to {amount(gap.high, rate)}",
        "share_shown": "" if gap.share is None else percent(gap.share),
        "clear": gap.clear,
        "large": gap.large,
        "named": gap in told.found.named,
        "is_step": gap.is_step,
    }
