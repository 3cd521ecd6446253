"""Error analysis clip by clip: draw a sample, sum up the review, find wrong labels, correct them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from synth.diagnose.ladder.manifest_join import join
from synth.diagnose.review.confident_joint import MislabeledClips
from synth.diagnose.review.confident_joint import find_mislabeled as find_mislabeled_rows
from synth.diagnose.review.corrections import (
    CorrectionCounts,
    CorrectionResult,
    corrected_lines,
    correction_notes,
    match_corrections,
    read_corrections,
)
from synth.diagnose.review.dev_set import DevSet, read_dev
from synth.diagnose.review.review_csv import WRONG, Review, format_review, read_review
from synth.diagnose.review.sample import ErrorSample, draw_sample, review_tags
from synth.diagnose.review.summary import ReviewSummary, summarize
from synth.errors import UsageError
from synth.lists.scores import read_rows
from synth.match.measure.profile import read_profile
from synth.paths import output_path
from synth.report.page import check_page, write_page
from synth.report.review_page import review_page

__all__ = ["correct_manifest", "find_mislabeled", "sample_errors", "summarize_review"]


def sample_errors(
    predictions: Path,
    manifest: Path,
    out: Path,
    *,
    n: int = 100,
    right: int = 0,
    by: str | None = None,
    seed: int = 0,
    unit: str = "word",
    split: str | None = None,
    group_by: str | None = None,
    own_tags: Sequence[str] = (),
    html: Path | None = None,
) -> ErrorSample:
    """Draw clips to listen to, and write the review `out` (CSV) and, if `html` is given, a page to fill it in.

    Args:
        predictions: output of the model per clip.
        manifest: list of the clips.
        out: the review. It must not exist yet: it may hold hours of listening.
        n: number of wrong clips.
        right: number of right clips to add.
        by: column of the strata (default: see `draw_sample`).
        seed: random seed, from 0.
        unit: word, character or clip.
        split: split to draw from (default: dev if there are several).
        group_by: column of dependent clips.
        own_tags: tags to add to the usual ones.
        html: the page.

    Raises:
        UsageError: nothing is wrong, a column or tag is not possible, or a file must not be written.
    """
    if html is not None:
        check_page(html, inputs=(predictions, manifest), beside=out)
    output_path.check_file(out, "review", inputs=(predictions, manifest))
    tags = review_tags(own_tags)
    dev = read_dev(predictions, manifest, unit=unit, split=split)
    sample = draw_sample(
        dev, predictions, folder=out.parent, n=n, right=right, by=by, seed=seed, group_by=group_by, tags=tags
    )
    output_path.write(out, format_review(sample.review).encode("utf-8", "replace"), "review")
    if html is not None:
        write_page(html, review_page(sample, name=out.name))
    return sample


def summarize_review(
    review_path: Path,
    manifest: Path,
    *,
    predictions: Path | None = None,
    profile: Path | None = None,
    group_by: str | None = None,
) -> ReviewSummary:
    """Sum up a filled-in review.

    Args:
        review_path: the review.
        manifest: list of the clips.
        predictions: predictions for all clips (default: the file that the review names, if it is still there).
        profile: profile of the same clips; it gives automatic tags.
        group_by: column of dependent clips.

    Raises:
        UsageError: the review cannot be read, no wrong clip was reviewed, or the predictions are other ones.
    """
    clip_profile = None if profile is None else read_profile(profile)
    review = read_review(review_path)
    if not any(row.kind == WRONG and row.reviewed for row in review.rows):
        raise UsageError(f"{review_path}: no wrong clip has a tag, a comment or a 1 in `reviewed`; fill it in first")
    dev, notes = _predictions_of(review, review_path, manifest, predictions)
    return summarize(review, dev, profile=clip_profile, group_by=group_by, notes=notes)


def _predictions_of(
    review: Review, review_path: Path, manifest: Path, predictions: Path | None
) -> tuple[DevSet | None, list[str]]:
    """Read the predictions that the review was drawn from; None and a note if they are not available."""
    recorded = review.design.get("predictions")
    path = predictions or (review_path.parent / str(recorded) if recorded else None)
    if path is None or not path.is_file():
        if predictions:
            raise UsageError(f"--predictions {predictions}: there is no such file")
        return None, ["the predictions for all clips are not where they were; name them with --predictions"]
    if hashlib.sha256(path.read_bytes()).hexdigest() != review.design.get("predictions_sha256"):
        text = f"{path} is not the file from which the clips of {review_path} were drawn"
        if predictions:
            raise UsageError(f"{text}; a review belongs to the predictions of one model: draw a new sample")
        return None, [f"{text}: automatic tags are left out"]
    return read_dev(path, manifest, unit=str(review.design["unit"]), split=review.design.get("split")), []


def find_mislabeled(
    predictions: Path, manifest: Path | None = None, *, label: str | None = None, out: Path | None = None
) -> MislabeledClips:
    """Find labels that are likely wrong; with `out`, write the candidates to a CSV for `correct_manifest`.

    Args:
        predictions: rows with columns p_<class>, from models that were not trained on the clip.
        manifest: list of the clips, if it has the labels.
        label: column, manifest key or label that holds the class (default: the reference).
        out: list of the candidates.

    Raises:
        UsageError: columns, labels or probabilities are missing or invalid, or `out` must not be written.
    """
    if out is not None:
        output_path.check_file(out, "list of candidates", inputs=(predictions, manifest))
    rows = read_rows(predictions)
    joined = join(predictions, rows, [manifest]) if manifest else [None] * len(rows)
    mislabeled = find_mislabeled_rows(rows, joined, label=label)
    if out is not None:
        output_path.write(out, mislabeled.to_csv().encode("utf-8", "replace"), "list of candidates")
    return mislabeled


def correct_manifest(corrections: Path, manifest: Path, out: Path, *, column: str | None = None) -> CorrectionResult:
    """Write `manifest` to `out` with corrections, line for line; lines without a correction stay as they are.

    Args:
        corrections: list of corrections, a review, or a list of candidates (see `read_corrections`).
        manifest: a manifest (CSV or JSON lines), or a data set.
        out: the new manifest.
        column: what the column `correction` is about (default: text).

    Raises:
        UsageError: the corrections cannot be read, contradict each other or do not fit the manifest, or `out` must not
            be written.
    """
    output_path.check_file(out, "corrected manifest", inputs=(corrections, manifest))
    if manifest.is_dir():
        manifest = manifest / "manifest.jsonl"
    listed_corrections = read_corrections(corrections, column)
    matched = match_corrections(listed_corrections, manifest)
    counts = CorrectionCounts()
    with output_path.writing(out, "corrected manifest") as file:
        for text in corrected_lines(manifest, matched.by_source, counts):
            file.write(text.encode())
    return CorrectionResult(
        out=out,
        corrections=len(listed_corrections),
        sources=len(matched.by_source),
        counts=counts,
        unknown=matched.unknown,
        notes=(*matched.notes, *correction_notes(manifest, out, counts, matched.unknown)),
    )
