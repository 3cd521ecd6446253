"""Which clips to listen to: a stratified random sample of the wrong ones, and some right ones."""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.diagnose.ladder.predictions import Prediction
from synth.diagnose.review.dev_set import DevSet, audio_of, group_column, group_of, read_dev, value_of
from synth.diagnose.review.manual_tags import MANUAL
from synth.diagnose.review.review_csv import HEAD, RIGHT, TAIL, WRONG, Review, ReviewRow, review_csv
from synth.errors import UsageError
from synth.paths import output_path

BY = ("condition", "session", "speaker", "errors")
"""What the strata are made of where nothing is said: the first that parts the wrong clips into 2 up to n / 4 strata,
or how wrong they are (our own choice)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A review to be filled in, the folder that its audio paths are relative to, and what to know of it."""

    review: Review
    root: Path
    unit: str
    strata: Mapping[str, tuple[int, int]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        rows = self.review.rows
        return {
            "clips": len(rows),
            "wrong": sum(row.kind == WRONG for row in rows),
            "right": sum(row.kind == RIGHT for row in rows),
            "groups": len({row.group for row in rows}),
            "tags": list(self.review.tags),
            "strata": {name: {"clips": whole, "drawn": drawn} for name, (whole, drawn) in self.strata.items()},
            "design": dict(self.review.design),
            "notes": list(self.notes),
        }


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
) -> Sample:
    """Draw a sample and write it to `out` (CSV). Each stratum gets its share of the n clips, at least one.

    `right`: so many right clips on top, at random. `by`: speaker, session, condition, another column, a label, or
    errors (how wrong). `own_tags`: more columns of tags. The order of the rows is random: who stops early has heard a
    random part. The same seed draws the same clips; other clips in the set change few.

    Raises:
        UsageError: nothing wrong in the set, more strata than n, a column or tag that cannot be, or `out` must
            not be written (synth/paths/output_path.py): hours of listening may be in a review that is there.
    """
    output_path.check_file(out, "review", inputs=(predictions, manifest))
    tags = _tags(own_tags)
    dev = read_dev(predictions, manifest, unit=unit, split=split)
    wrong = [clip for clip in dev.clips if clip.wrong]
    if not wrong:
        raise UsageError(f"{predictions}: none of {len(dev.clips):,} clips is wrong; there is nothing to listen to")
    column, stratum = _stratified(wrong, n, by)
    drawn, strata = _drawn(wrong, stratum, n, seed)
    others = [clip for clip in dev.clips if not clip.wrong]
    more = _ordered(others, seed)[:right]
    groups = group_column(dev.clips, group_by)
    rows = [_row(clip, stratum(clip), strata[stratum(clip)][0], groups) for clip in drawn]
    rows += [_row(clip, RIGHT, len(others), groups) for clip in more]
    rows.sort(key=lambda row: _mark(row.id, seed, "order"))
    design = _design(dev, predictions, out, seed, column)
    review = Review(tuple(rows), tags, design)
    output_path.write(out, review_csv(review).encode("utf-8", "replace"), "review")
    return Sample(review, dev.root, unit, strata, (*dev.notes, *_notes(wrong, rows, n, right, groups)))


def _tags(own: Sequence[str]) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys((*MANUAL, *(tag.strip() for tag in own))))
    for tag in tags:
        if not tag or tag in (*HEAD, *TAIL) or not tag.isprintable() or len(tag) > 60:
            raise UsageError(f"a tag cannot be called {tag!r}")
    return tags


def _stratified(wrong: Sequence[Prediction], n: int, by: str | None) -> tuple[str, Callable[[Prediction], str]]:
    for name in (by,) if by else BY:
        stratum = _stratum(name)
        count = len({stratum(clip) for clip in wrong})
        if by and name != "errors" and all(value_of(clip, name) is None for clip in wrong):
            raise UsageError(f"no wrong clip has a {name} to stratify by; --by errors takes how wrong they are")
        if by and count > min(n, len(wrong)):
            raise UsageError(f"{count} strata by {name}, but {n} clips: take --n {count} or more, or --by errors")
        if by or name == "errors" or 2 <= count <= n / 4:
            return name, stratum
    raise AssertionError("errors are always there")


def _stratum(name: str) -> Callable[[Prediction], str]:
    return _how_wrong if name == "errors" else lambda clip: f"{name}={value_of(clip, name) or 'unknown'}"


def _how_wrong(clip: Prediction) -> str:
    """By the share of its units that are wrong; the limits are our own choice."""
    share = (clip.errors or 0.0) / clip.words if clip.words else 1.0
    if share >= 1:
        return "errors: all"
    return "errors: up to a quarter" if share <= 0.25 else "errors: up to a half" if share <= 0.5 else "errors: most"


def _drawn(
    clips: Sequence[Prediction], stratum: Callable[[Prediction], str], n: int, seed: int
) -> tuple[list[Prediction], dict[str, tuple[int, int]]]:
    """The clips, and for each stratum its size and how many were drawn."""
    strata: dict[str, list[Prediction]] = {}
    for clip in clips:
        strata.setdefault(stratum(clip), []).append(clip)
    names = sorted(strata)
    counts = allotted([len(strata[name]) for name in names], n)
    drawn = [clip for name, count in zip(names, counts, strict=True) for clip in _ordered(strata[name], seed)[:count]]
    return drawn, {name: (len(strata[name]), count) for name, count in zip(names, counts, strict=True)}


def allotted(sizes: Sequence[int], n: int) -> list[int]:
    """How many of n each stratum gets: at least one, never more than it has, else by its size (Webster's method)."""
    counts = [1] * len(sizes)
    waiting = [(-size / 1.5, k) for k, size in enumerate(sizes) if size > 1]
    heapq.heapify(waiting)
    for _ in range(min(n, sum(sizes)) - len(sizes)):
        _, k = heapq.heappop(waiting)
        counts[k] += 1
        if counts[k] < sizes[k]:
            heapq.heappush(waiting, (-sizes[k] / (counts[k] + 0.5), k))
    return counts


def _ordered(clips: Sequence[Prediction], seed: int) -> list[Prediction]:
    return sorted(clips, key=lambda clip: _mark(clip.id, seed, "draw"))


def _mark(name: str, seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{seed} {purpose} {name}".encode("utf-8", "replace"), digest_size=12).digest()


def _row(clip: Prediction, stratum: str, size: int, groups: str | None) -> ReviewRow:
    return ReviewRow(
        id=clip.id,
        audio=audio_of(clip) or "",
        kind=WRONG if clip.wrong else RIGHT,
        reference=clip.reference or "",
        hypothesis=clip.hypothesis or "",
        errors=clip.errors or 0.0,
        words=clip.words or 0.0,
        reviewed=False,
        tags=(),
        correction="",
        comment="",
        group=group_of(clip, groups),
        stratum=stratum,
        stratum_clips=size,
    )


def _design(dev: DevSet, predictions: Path, out: Path, seed: int, by: str) -> dict[str, Any]:
    """What the summary needs to know. Where the predictions are is kept relative to the review."""
    wrong = [clip for clip in dev.clips if clip.wrong]
    return {
        "seed": seed,
        "by": by,
        "clips": len(dev.clips),
        "wrong": len(wrong),
        "errors": dev.errors,
        "words": dev.words,
        "measure": dev.measure,
        "unit": dev.unit,
        "split": dev.split,
        "predictions": os.path.relpath(predictions, out.parent),
        "predictions_sha256": hashlib.sha256(predictions.read_bytes()).hexdigest(),
    }


def _notes(wrong: Sequence[Prediction], rows: Sequence[ReviewRow], n: int, right: int, groups: str | None) -> list[str]:
    notes = []
    if len(wrong) < n:
        notes.append(f"only {len(wrong)} clips are wrong: all are in the sample (10 say little, 50 are good)")
    if not right:
        notes.append("no right clips: without them a corrected error comes out too small; --right 20 adds some")
    if groups is None:
        notes.append("no session or speaker is known: clips count as independent; --group-by names a column")
    silent = sum(not row.audio for row in rows)
    if silent:
        notes.append(f"{silent} clips have no audio in the manifest")
    return notes
