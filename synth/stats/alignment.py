"""Which word was heard as which: a shortest edit path between a reference and what was recognised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["same", "other", "missing", "added"]
Step: TypeAlias = tuple[Kind, str, str]
"""Kind, unit of the reference, unit of the hypothesis; an empty text where there is none."""


def align(reference: str, hypothesis: str, unit: str = "word") -> list[Step]:
    """The steps of a shortest path, by words, or characters, or each text as one (`clip`). Among paths of equal length
    the one whose differences come last. As many steps differ as `edits.edit_errors` counts."""
    if unit == "clip":
        one, other = ([" ".join(text.split())] if text.split() else [] for text in (reference, hypothesis))
    elif unit == "character":
        one, other = list(" ".join(reference.split())), list(" ".join(hypothesis.split()))
    else:
        one, other = reference.split(), hypothesis.split()
    return _walk(one, other, _costs(one, other))


def _costs(one: Sequence[str], other: Sequence[str]) -> list[list[int]]:
    """Entry [i][j]: how many edits make other[j:] of one[i:] (Wagner and Fischer 1974)."""
    costs = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            if i == len(one) or j == len(other):
                costs[i][j] = len(one) - i + len(other) - j
            else:
                changed = costs[i + 1][j + 1] + (one[i] != other[j])
                costs[i][j] = min(changed, costs[i + 1][j] + 1, costs[i][j + 1] + 1)
    return costs


def _walk(one: Sequence[str], other: Sequence[str], costs: Sequence[Sequence[int]]) -> list[Step]:
    steps: list[Step] = []
    i = j = 0
    while i < len(one) or j < len(other):
        if i < len(one) and j < len(other) and costs[i][j] == costs[i + 1][j + 1] + (one[i] != other[j]):
            steps.append(("same" if one[i] == other[j] else "other", one[i], other[j]))
            i, j = i + 1, j + 1
        elif i < len(one) and costs[i][j] == costs[i + 1][j] + 1:
            steps.append(("missing", one[i], ""))
            i += 1
        else:
            steps.append(("added", "", other[j]))
            j += 1
    return steps
