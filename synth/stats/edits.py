"""Edit errors and word alignment between a reference transcript and a recognized one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from rapidfuzz.distance import Levenshtein

from synth.errors import UsageError

Unit: TypeAlias = Literal["word", "character", "clip"]
UNITS: Final = get_args(Unit)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alignment."""

    kind: Literal["same", "substituted", "missing", "added"]
    reference: str  # the unit of the reference; "" if the recognizer added one
    hypothesis: str  # the unit that was recognized; "" if it is missing


def split_units(text: str, unit: str) -> list[str]:
    """Split a transcript into its words, its characters, or take it whole (`clip`).

    Case and punctuation count. Runs of white space count as one space, those at the ends as none.

    Raises:
        UsageError: `unit` is not one of UNITS.
    """
    words = text.split()
    if unit == "word":
        return words
    if unit == "character":
        return list(" ".join(words))
    if unit == "clip":
        return [" ".join(words)] if words else []
    raise UsageError(f"unit {unit!r}: one of {', '.join(UNITS)} is needed")


def edit_errors(reference: str, hypothesis: str, unit: str = "word") -> tuple[int, int]:
    """Count the errors of one clip.

    Args:
        reference: what was said.
        hypothesis: what was recognized.
        unit: "word", "character" (spaces between words count) or "clip" (1 error unless the texts are equal).

    Returns:
        Errors (the Levenshtein distance) and the number of units in the reference; for "clip" always 1. An empty
        reference has length 0 and as many errors as the hypothesis has units.

    Raises:
        UsageError: `unit` is not one of UNITS.
    """
    units = split_units(reference, unit)
    errors = Levenshtein.distance(units, split_units(hypothesis, unit))
    return errors, 1 if unit == "clip" else len(units)


def align(reference: str, hypothesis: str, unit: str = "word") -> list[Step]:
    """Align two transcripts along a shortest edit path, which has as many differences as `edit_errors` counts.

    Of several shortest paths it takes the one that prefers pairs to gaps, from the start on. (rapidfuzz gives a path
    too, but prefers gaps: it aligns "a b" and "b a" with an addition and an omission around the common "a".)
    """
    ref, hyp = split_units(reference, unit), split_units(hypothesis, unit)
    costs = _remaining_costs(ref, hyp)
    steps: list[Step] = []
    i = j = 0
    while i < len(ref) or j < len(hyp):
        if i < len(ref) and j < len(hyp) and costs[i][j] == costs[i + 1][j + 1] + (ref[i] != hyp[j]):
            steps.append(Step("same" if ref[i] == hyp[j] else "substituted", ref[i], hyp[j]))
            i, j = i + 1, j + 1
        elif i < len(ref) and costs[i][j] == costs[i + 1][j] + 1:
            steps.append(Step("missing", ref[i], ""))
            i += 1
        else:
            steps.append(Step("added", "", hyp[j]))
            j += 1
    return steps


def _remaining_costs(ref: Sequence[str], hyp: Sequence[str]) -> list[list[int]]:
    """Entry [i][j]: how many edits turn ref[i:] into hyp[j:] (Wagner and Fischer, Journal of the ACM 21(1), 1974)."""
    costs = [[0] * (len(hyp) + 1) for _ in range(len(ref) + 1)]
    for i in range(len(ref), -1, -1):
        for j in range(len(hyp), -1, -1):
            if i == len(ref) or j == len(hyp):
                costs[i][j] = len(ref) - i + len(hyp) - j
            else:
                pair = costs[i + 1][j + 1] + (ref[i] != hyp[j])
                costs[i][j] = min(pair, costs[i + 1][j] + 1, costs[i][j + 1] + 1)
    return costs
