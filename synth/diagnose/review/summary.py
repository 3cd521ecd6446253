"""Sums up a filled-in review: how much of dev's error each category holds, and what to change in the recipe for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth.diagnose.review.automatic_tags import TagRisk, automatic_tags, risks_of
from synth.diagnose.review.dev_set import DevSet, group_column, profiled
from synth.diagnose.review.label_check import LabelCheck, WeightedRows, check_labels
from synth.diagnose.review.manual_tags import MANUAL_TAGS, MISLABELED, OWN_TAG, Remedy
from synth.diagnose.review.review_csv import RIGHT, WRONG, Review
from synth.match.measure.profile import Profile
from synth.stats.intervals import Estimate, json_number, weighted_share


@dataclass(frozen=True, slots=True)
class ErrorCategory:
    """The wrong clips that have one tag."""

    name: str
    count: int  # reviewed wrong clips with this tag
    looked_at: int  # reviewed wrong clips
    alone: int  # reviewed wrong clips with this tag and no other
    share: Estimate  # share of dev's wrong clips
    ceiling: Estimate  # dev's error in these clips (0.01 is one point): the most that solving the category can gain
    dev_share: float | None  # share of all clips of dev; None: no right clip was reviewed
    remedy: Remedy


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What a review says about dev."""

    design: Mapping[str, Any]  # how the clips were drawn (`Review.design`)
    looked_at: tuple[int, int]  # reviewed wrong and right clips
    groups: int  # independent groups among the wrong clips
    categories: tuple[ErrorCategory, ...]  # the largest ceiling first
    unused_tags: tuple[str, ...]  # tags that no wrong clip has
    unused_high: float  # the highest share that an unused tag may still have
    automatic: tuple[TagRisk, ...] | None  # None: the predictions for all clips are not available
    labels: LabelCheck
    notes: tuple[str, ...]

    @property
    def error(self) -> float:
        """Dev's error as a share of its words."""
        return float(self.design["errors"]) / (float(self.design["words"]) or 1.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; errors, ceilings and gains are in percent (points)."""
        design, labels = self.design, self.labels
        return {
            "dev": {
                **{key: design[key] for key in ("clips", "wrong", "errors", "words", "measure", "split")},
                "error": json_number(100 * self.error),
            },
            "sample": {
                "wrong": self.looked_at[0],
                "right": self.looked_at[1],
                "groups": self.groups,
                "seed": design["seed"],
                "by": design["by"],
            },
            "tags": [
                {
                    "tag": category.name,
                    "count": category.count,
                    "looked_at": category.looked_at,
                    "alone": category.alone,
                    "share": category.share.to_json(),
                    "ceiling": category.ceiling.to_json(100),
                    "dev_share": None if category.dev_share is None else json_number(category.dev_share),
                    "recipe": category.remedy.to_json(),
                }
                for category in self.categories
            ],
            "unused": {"tags": list(self.unused_tags), "share_high": json_number(self.unused_high)},
            "automatic": None if self.automatic is None else [tag_risk.to_json() for tag_risk in self.automatic],
            "mislabeled": {
                "verdict": labels.verdict,
                "wrong": labels.mislabeled[0],
                "right": labels.mislabeled[1],
                "corrections": labels.corrections,
                "share": labels.share.to_json(),
                "gain": labels.gain.to_json(100),
                "added": None if labels.added is None else labels.added.to_json(100),
                "corrected_error_wrong_only": labels.wrong_only.to_json(100),
                "corrected_error": None if labels.both is None else labels.both.to_json(100),
                "words": label_words(self),
            },
            "notes": list(self.notes),
        }


def summarize(
    review: Review,
    dev: DevSet | None,
    *,
    profile: Profile | None = None,
    group_by: str | None = None,
    notes: Sequence[str] = (),
) -> ReviewSummary:
    """Sum up a review in which at least one wrong clip was reviewed.

    Args:
        review: the filled-in review.
        dev: the predictions that the review was drawn from, if they are available.
        profile: measured features of the same clips; they give automatic tags.
        group_by: column of dependent clips (default: as `group_column` chooses).
        notes: notes to put first.
    """
    wrong, right = _weighted_rows(review, WRONG), _weighted_rows(review, RIGHT)
    seed = int(review.design["seed"])
    used_tags = [tag for tag in review.tags if any(tag in row.tags for row, _ in wrong)]
    categories = [_category(tag, wrong, right, review.design, seed) for tag in used_tags]
    no_clip = weighted_share([0.0] * len(wrong), [w for _, w in wrong], [row.group for row, _ in wrong], seed=seed)
    automatic = None
    more_notes = [*notes]
    if dev is not None:
        automatic = tuple(risks_of(dev, automatic_tags(dev, profile), group_column(dev.clips, group_by)))
        more_notes += dev.notes
        covered = len(dev.clips) if profile is None else sum(row is not None for row in profiled(dev, profile))
        if covered < len(dev.clips):
            more_notes.append(
                f"the profile has {covered:,} of {len(dev.clips):,} clips; its tags are compared with the errors of "
                "these clips only"
            )
    return ReviewSummary(
        design=review.design,
        looked_at=(len(wrong), len(right)),
        groups=len({row.group for row, _ in wrong}),
        categories=tuple(sorted(categories, key=lambda category: (-category.ceiling.value, category.name))),
        unused_tags=tuple(tag for tag in review.tags if tag not in used_tags),
        unused_high=no_clip.high,
        automatic=automatic,
        labels=check_labels(wrong, right, review.design, seed=seed),
        notes=(*more_notes, *_review_notes(review, wrong, right, has_profile=profile is not None)),
    )


def label_words(summary: ReviewSummary) -> str:
    """Return a sentence: whether fixing labels pays, compared with the largest other category."""
    labels = summary.labels
    low, high = f"{100 * labels.share.low:.0f}", f"{100 * labels.share.high:.0f}"
    verdict = {
        "pays": f"fixing labels pays: {low} to {high} % of dev's errors are in mislabeled clips",
        "does not pay": f"fixing labels does not pay: at most {high} % of dev's errors are in mislabeled clips",
        "cannot tell": f"it is not clear whether fixing labels pays: {low} to {high} % of dev's errors are in "
        "mislabeled clips",
        "none found": f"no mislabeled clip was found, but up to {high} % may be mislabeled: too few clips were "
        "reviewed to say",
    }[labels.verdict]
    rival = next((category for category in summary.categories if category.name != MISLABELED), None)
    if rival is None or labels.verdict == "none found":
        return verdict
    own = next((category.ceiling.value for category in summary.categories if category.name == MISLABELED), 0.0)
    relation = "equal to"
    if own != rival.ceiling.value:
        relation = "below" if own < rival.ceiling.value else "above"
    return (
        f"{verdict}; its ceiling of {100 * own:.2f} points is {relation} that of {rival.name} "
        f"({100 * rival.ceiling.value:.2f})"
    )


def _weighted_rows(review: Review, kind: str) -> WeightedRows:
    """Return the reviewed rows of a kind with their weights.

    The clips of a stratum are shared among its reviewed rows. A stratum without a reviewed row has no weight at all.
    """
    rows = [row for row in review.rows if row.kind == kind and row.reviewed]
    counts = Counter(row.stratum for row in rows)
    return [(row, row.stratum_clips / counts[row.stratum]) for row in rows]


def _category(
    tag: str, wrong: WeightedRows, right: WeightedRows, design: Mapping[str, Any], seed: int
) -> ErrorCategory:
    marks = [float(tag in row.tags) for row, _ in wrong]
    groups = [row.group for row, _ in wrong]
    share = weighted_share(marks, [weight for _, weight in wrong], groups, seed=seed)
    error_share = weighted_share(marks, [weight * row.errors for row, weight in wrong], groups, seed=seed)
    dev_share = None
    if right:
        dev_share = sum(weight for row, weight in (*wrong, *right) if tag in row.tags) / float(design["clips"])
    return ErrorCategory(
        name=tag,
        count=round(sum(marks)),
        looked_at=len(wrong),
        alone=sum(row.tags == (tag,) for row, _ in wrong),
        share=share,
        ceiling=error_share.scaled(float(design["errors"]) / (float(design["words"]) or 1.0)),
        dev_share=dev_share,
        remedy=MANUAL_TAGS.get(tag, OWN_TAG).filled(share.value if dev_share is None else dev_share),
    )


def _review_notes(review: Review, wrong: WeightedRows, right: WeightedRows, *, has_profile: bool) -> list[str]:
    notes = []
    total = len(review.rows)
    skipped = sum(not row.reviewed for row in review.rows)
    if skipped:
        notes.append(f"{skipped} of {total} clips were not reviewed (no tag, no comment, no 1 in `reviewed`)")
    if len(wrong) < 50:
        notes.append(f"{len(wrong)} wrong clips were reviewed: 20 give a rough idea, 50 are good, 100 are very good")
    strata = {row.stratum for row in review.rows} - {row.stratum for row, _ in (*wrong, *right)} - {RIGHT}
    if strata:
        notes.append(f"no clip of {', '.join(sorted(strata))} was reviewed: the shares leave these clips out")
    if not right:
        notes.append(
            "no right answer was reviewed: the corrected error counts only what correction takes away, so it is too "
            "small; draw the sample with --right 20"
        )
    if not has_profile:
        notes.append("without --profile dev.profile only the columns of the manifest are compared with the errors")
    if any(MISLABELED in row.tags for row, _ in (*wrong, *right)):
        notes.append("correct dev and test by the same rule, or they no longer measure the same thing")
    return notes
