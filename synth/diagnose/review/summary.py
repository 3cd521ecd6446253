"""What a review says: how much of dev's error each category holds, and what in the recipe it speaks for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.diagnose.review.automatic_tags import AutomaticTag, automatic_tags, risks_of
from synth.diagnose.review.dev_set import DevSet, group_column, profiled, read_dev
from synth.diagnose.review.label_check import LabelCheck, Weighted, check_labels
from synth.diagnose.review.manual_tags import MISLABELLED, Remedy, remedy_of
from synth.diagnose.review.review_csv import RIGHT, WRONG, Review, ReviewRow, read_review
from synth.errors import UsageError
from synth.match.measure.profile import Profile
from synth.stats.intervals import Estimate, Risk, weighted_share


@dataclass(frozen=True, slots=True)
class Category:
    """One tag. `count` of `looked_at` wrong clips have it, `alone` of them no other. `share`: of dev's wrong clips.
    `ceiling`: points (as a share) of dev's error in clips that have it, the most that solving it could give.
    `dev_share`: of all clips of dev, where right clips were looked at."""

    name: str
    count: int
    looked_at: int
    alone: int
    share: Estimate
    ceiling: Estimate
    dev_share: float | None
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class Summary:
    """`categories` by ceiling, the largest first; `unused`: tags that no wrong clip has, and the highest share that one
    of them may still have. `automatic`: None where there are no predictions of all clips."""

    design: Mapping[str, Any]
    looked_at: tuple[int, int]
    groups: int
    categories: tuple[Category, ...]
    unused: tuple[str, ...]
    unused_high: float
    automatic: tuple[tuple[AutomaticTag, Risk], ...] | None
    labels: LabelCheck
    notes: tuple[str, ...]

    @property
    def error(self) -> float:
        return float(self.design["errors"]) / (float(self.design["words"]) or 1.0)

    def to_json(self) -> dict[str, Any]:
        from synth.diagnose.review.summary_json import summary_json

        return summary_json(self)


def summarise(
    review_path: Path,
    manifest: Path,
    *,
    predictions: Path | None = None,
    profile: Profile | None = None,
    group_by: str | None = None,
) -> Summary:
    """The summary of a review. `predictions`: of all clips; by default where the review says that they were.

    Raises UsageError where the review cannot be read, nothing in it was looked at, or the predictions are others.
    """
    review = read_review(review_path)
    wrong, right = _looked_at(review, WRONG), _looked_at(review, RIGHT)
    if not wrong:
        raise UsageError(f"{review_path}: no wrong clip has a tag, a comment or a 1 in `reviewed`; nothing to sum up")
    seed = int(review.design["seed"])
    dev, missing = _predictions(review, review_path, manifest, predictions)
    automatic = None if dev is None else _automatic(dev, profile, group_by)
    used = [tag for tag in review.tags if any(tag in row.tags for row, _ in wrong)]
    categories = [_category(tag, wrong, right, review.design, seed) for tag in used]
    nothing = weighted_share([0.0] * len(wrong), [w for _, w in wrong], [row.group for row, _ in wrong], seed=seed)
    return Summary(
        design=review.design,
        looked_at=(len(wrong), len(right)),
        groups=len({row.group for row, _ in wrong}),
        categories=tuple(sorted(categories, key=lambda found: (-found.ceiling.value, found.name))),
        unused=tuple(tag for tag in review.tags if tag not in used),
        unused_high=nothing.high,
        automatic=automatic,
        labels=check_labels(wrong, right, review.design, seed=seed),
        notes=(*missing, *(dev.notes if dev else ()), *_covered(dev, profile), *_notes(review, wrong, right, profile)),
    )


def _looked_at(review: Review, kind: str) -> Weighted:
    """The rows that were looked at, each with how many clips of dev it stands for: those of its stratum, shared among
    its rows. Strata of which none was looked at are not stood for."""
    rows = [row for row in review.rows if row.kind == kind and row.reviewed]
    counts = Counter(row.stratum for row in rows)
    return [(row, row.stratum_clips / counts[row.stratum]) for row in rows]


def _category(tag: str, wrong: Weighted, right: Weighted, design: Mapping[str, Any], seed: int) -> Category:
    has = [float(_has(row, tag)) for row, _ in wrong]
    groups = [row.group for row, _ in wrong]
    share = weighted_share(has, [weight for _, weight in wrong], groups, seed=seed)
    errors = weighted_share(has, [weight * row.errors for row, weight in wrong], groups, seed=seed)
    error = float(design["errors"]) / (float(design["words"]) or 1.0)
    held = sum(weight for row, weight in (*wrong, *right) if _has(row, tag))
    dev_share = held / float(design["clips"]) if right else None
    return Category(
        name=tag,
        count=round(sum(has)),
        looked_at=len(wrong),
        alone=sum(row.tags == (tag,) for row, _ in wrong),
        share=share,
        ceiling=errors.scaled(error),
        dev_share=dev_share,
        remedy=remedy_of(tag).filled(share.value if dev_share is None else dev_share),
    )


def _has(row: ReviewRow, tag: str) -> bool:
    return tag in row.tags


def _automatic(dev: DevSet, profile: Profile | None, group_by: str | None) -> tuple[tuple[AutomaticTag, Risk], ...]:
    return tuple(risks_of(dev, automatic_tags(dev, profile), group_column(dev.clips, group_by)))


def _predictions(review: Review, path: Path, manifest: Path, given: Path | None) -> tuple[DevSet | None, list[str]]:
    """The predictions that the sample was drawn from; None and why where they are not at hand."""
    told = review.design.get("predictions")
    file = given or (path.parent / str(told) if told else None)
    if file is None or not file.is_file():
        if given:
            raise UsageError(f"there is no file {given}")
        return None, ["the predictions of all clips are not where they were; --predictions names them"]
    if hashlib.sha256(file.read_bytes()).hexdigest() != review.design.get("predictions_sha256"):
        text = f"{file} is not the file that the clips of {path} were drawn from"
        if given:
            raise UsageError(f"{text}; a review belongs to one model's predictions, sample anew")
        return None, [f"{text}: tags of the profile are left out"]
    unit, split = str(review.design["unit"]), review.design.get("split")
    return read_dev(file, manifest, unit=unit, split=split), []


def _covered(dev: DevSet | None, profile: Profile | None) -> list[str]:
    if dev is None or profile is None:
        return []
    found = sum(row is not None for row in profiled(dev, profile))
    if found == len(dev.clips):
        return []
    return [
        f"the profile has {found:,} of {len(dev.clips):,} clips; its tags are held against the errors of these alone"
    ]


def _notes(review: Review, wrong: Weighted, right: Weighted, profile: Profile | None) -> list[str]:
    notes = []
    left = sum(not row.reviewed for row in review.rows)
    if left:
        notes.append(f"{left} of {len(review.rows)} clips were not looked at (no tag, no comment, no 1 in `reviewed`)")
    if len(wrong) < 50:
        notes.append(f"{len(wrong)} wrong clips: 20 give a rough idea, 50 a good one, 100 a very good one")
    strata = {row.stratum for row in review.rows} - {row.stratum for row, _ in (*wrong, *right)} - {RIGHT}
    if strata:
        notes.append(f"nothing was looked at of {', '.join(sorted(strata))}: shares do not count them")
    if not right:
        notes.append(
            "none of the right answers was looked at: a corrected error counts only what correction takes away, and is "
            "too small; sample with --right 20"
        )
    if profile is None:
        notes.append("without --profile dev.profile only the manifest's own columns are held against errors")
    if any(MISLABELLED in row.tags for row, _ in (*wrong, *right)):
        notes.append("correct dev and test alike, by the same rule, or they no longer measure the same")
    return notes
