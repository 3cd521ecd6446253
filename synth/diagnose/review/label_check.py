"""Whether wrong labels matter: the error that would remain after correction.

If only wrong answers are checked again, the corrected error comes out too small, because a right answer with a wrong
label is never found (A. Ng, Machine Learning Yearning, chapter 16). So both values are reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from synth.diagnose.review.review_csv import ReviewRow
from synth.stats.edits import edit_errors
from synth.stats.intervals import Estimate, weighted_share

#: Fixing labels pays from this share of dev's errors on (our own convention).
PAYS: Final = 0.1

#: Rows that were reviewed, each with the number of dev's clips that it stands for.
WeightedRows: TypeAlias = Sequence[tuple[ReviewRow, float]]
LabelVerdict: TypeAlias = Literal["pays", "does not pay", "cannot tell", "none found"]


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """What wrong labels cost. Errors are shares of dev's words (0.1 is 10 %)."""

    verdict: LabelVerdict
    share: Estimate  # share of dev's errors that lie in mislabeled wrong clips
    gain: Estimate  # what correcting these clips takes off dev's error
    added: Estimate | None  # what correcting right clips adds to it; None: no right clip was reviewed
    wrong_only: Estimate  # dev's error after correcting wrong clips alone
    both: Estimate | None  # dev's error after correcting both kinds; None as for `added`
    corrections: int  # rows with a corrected text
    mislabeled: tuple[int, int]  # mislabeled rows among the wrong and among the right ones


def check_labels(wrong: WeightedRows, right: WeightedRows, design: Mapping[str, Any], *, seed: int) -> LabelCheck:
    """Estimate what correcting the labels of dev would change.

    A corrected clip has the errors of its hypothesis against the correction. If a mislabeled clip has no correction, a
    wrong answer counts as right, and a right one as one error more: the label is known to be wrong, but the truth is
    not known.

    Args:
        wrong: reviewed clips that the model got wrong.
        right: reviewed clips that it got right.
        design: how the clips were drawn (`Review.design`).
        seed: random seed for the bootstrap.
    """
    unit, error = str(design["unit"]), float(design["errors"]) / (float(design["words"]) or 1.0)
    groups = [row.group for row, _ in wrong]
    weighted_errors = [weight * row.errors for row, weight in wrong]
    marks = [float(row.is_mislabeled) for row, _ in wrong]
    saved = [_saved_share(row, unit) if row.is_mislabeled else 0.0 for row, _ in wrong]
    share = weighted_share(marks, weighted_errors, groups, seed=seed)
    gain = weighted_share(saved, weighted_errors, groups, seed=seed).scaled(error)
    added = _added_error(right, unit, seed=seed, words=float(design["words"]) or 1.0) if right else None

    both = None
    if added is not None:
        # MOVER: the interval of a sum from those of its parts (docs/science.md, "Intervals")
        value = error - gain.value + added.value
        low = value - math.hypot(added.value - added.low, gain.high - gain.value)
        both = Estimate(value, max(0.0, low), value + math.hypot(added.high - added.value, gain.value - gain.low))

    verdict: LabelVerdict = "cannot tell"
    if share.low >= PAYS:
        verdict = "pays"
    elif share.high < PAYS:
        verdict = "does not pay"
    elif wrong and not any(marks):
        verdict = "none found"
    return LabelCheck(
        verdict=verdict,
        share=share,
        gain=gain,
        added=added,
        wrong_only=Estimate(error - gain.value, error - gain.high, error - gain.low),
        both=both,
        corrections=sum(bool(row.correction) for row, _ in (*wrong, *right)),
        mislabeled=(round(sum(marks)), sum(row.is_mislabeled for row, _ in right)),
    )


def _saved_share(row: ReviewRow, unit: str) -> float:
    """Return the share of the clip's errors that its correction takes away; 0 if the correction adds some."""
    if not row.correction:
        return 1.0
    remaining, _ = edit_errors(row.correction, row.hypothesis, unit)
    return max(0.0, 1.0 - remaining / row.errors) if row.errors else 0.0


def _added_error(right: WeightedRows, unit: str, *, seed: int, words: float) -> Estimate:
    """Return the errors of right clips after correction per word of dev: share mislabeled * clips * errors each."""
    share = weighted_share(
        [float(row.is_mislabeled) for row, _ in right],
        [weight for _, weight in right],
        [row.group for row, _ in right],
        seed=seed,
    )
    errors = [
        float(edit_errors(row.correction, row.hypothesis, unit)[0]) if row.correction else 1.0
        for row, _ in right
        if row.is_mislabeled
    ]
    clips = sum(weight for _, weight in right)
    return share.scaled(clips * (sum(errors) / len(errors) if errors else 1.0) / words)
