"""Do wrong labels matter? The error that would be left after correction, from wrong clips alone and from both sides.

Where only wrong answers are checked again the corrected error comes out too small: of a right answer with a wrong label
nobody hears (Ng, Machine Learning Yearning; science notes 6.4). So it is told both ways.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from synth.diagnose.review.manual_tags import MISLABELLED
from synth.diagnose.review.review_csv import ReviewRow
from synth.stats.edits import edit_errors
from synth.stats.intervals import Estimate, weighted_share

PAYS: Final = 0.1
"""Fixing labels pays where they make at least this share of dev's error (our own convention)."""

Weighted = Sequence[tuple[ReviewRow, float]]


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """`share`: of dev's errors that lie in mislabelled wrong clips. `gain`: what correction of these would take off
    dev's error. `added`: what it would add by right clips that are mislabelled; None where none was looked at.
    `wrong_only`, `both`: dev's error after correction, from wrong clips alone and from both."""

    verdict: Literal["pays", "does not pay", "cannot tell", "none found"]
    share: Estimate
    gain: Estimate
    added: Estimate | None
    wrong_only: Estimate
    both: Estimate | None
    corrected: int
    mislabelled: tuple[int, int]


def check_labels(wrong: Weighted, right: Weighted, design: Mapping[str, Any], *, seed: int) -> LabelCheck:
    """From the clips that were looked at, each with the number of dev's clips that it stands for.

    A corrected clip has the errors of its hypothesis against the correction. Where a mislabelled clip has none, a wrong
    answer counts as right and a right one as one error more: the label is known to be wrong, not what is true.
    """
    unit = str(design["unit"])
    words, errors = float(design["words"]) or 1.0, float(design["errors"])
    marked = [MISLABELLED in row.tags or bool(row.correction) for row, _ in wrong]
    mass = [weight * row.errors for row, weight in wrong]
    saved = [_saved(row, unit) if is_so else 0.0 for (row, _), is_so in zip(wrong, marked, strict=True)]
    groups = [row.group for row, _ in wrong]
    share = weighted_share([float(is_so) for is_so in marked], mass, groups, seed=seed)
    gain = weighted_share(saved, mass, groups, seed=seed).scaled(errors / words)
    error = errors / words
    added = _added(right, unit, seed=seed, words=words)
    corrected = sum(bool(row.correction) for row, _ in (*wrong, *right))
    counts = sum(marked), sum(_mislabelled(row) for row, _ in right)
    only = Estimate(error - gain.value, error - gain.high, error - gain.low)
    both = None if added is None else _both(error, gain, added)
    return LabelCheck(_verdict(share, sum(marked), len(wrong)), share, gain, added, only, both, corrected, counts)


def _mislabelled(row: ReviewRow) -> bool:
    return MISLABELLED in row.tags or bool(row.correction)


def _saved(row: ReviewRow, unit: str) -> float:
    """The share of the clip's errors that its correction takes away; none where it adds some."""
    if not row.correction:
        return 1.0
    left, _ = edit_errors(row.correction, row.hypothesis, unit)
    return max(0.0, 1.0 - left / row.errors) if row.errors else 0.0


def _added(right: Weighted, unit: str, *, seed: int, words: float) -> Estimate | None:
    """Errors that right clips would have, by dev's words: share mislabelled, times right clips, times errors each."""
    if not right:
        return None
    marks = [float(_mislabelled(row)) for row, _ in right]
    share = weighted_share(marks, [weight for _, weight in right], [row.group for row, _ in right], seed=seed)
    each = [
        float(edit_errors(row.correction, row.hypothesis, unit)[0]) if row.correction else 1.0
        for row, _ in right
        if _mislabelled(row)
    ]
    clips = sum(weight for _, weight in right)
    return share.scaled(clips * (sum(each) / len(each) if each else 1.0) / words)


def _both(error: float, gain: Estimate, added: Estimate) -> Estimate:
    """error - gain + added; the interval from those of both (MOVER: Zou and Donner 2008, from memory)."""
    value = error - gain.value + added.value
    low = value - math.hypot(added.value - added.low, gain.high - gain.value)
    high = value + math.hypot(added.high - added.value, gain.value - gain.low)
    return Estimate(value, max(0.0, low), high)


def _verdict(
    share: Estimate, marked: int, looked_at: int
) -> Literal["pays", "does not pay", "cannot tell", "none found"]:
    if share.low >= PAYS:
        return "pays"
    if share.high < PAYS:
        return "does not pay"
    return "none found" if looked_at and not marked else "cannot tell"
