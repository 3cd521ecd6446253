"""Chooses the clips to listen to: a stratified random sample of the wrong ones, and some right ones."""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.diagnose.ladder.predictions import Prediction
from synth.diagnose.review.dev_set import DevSet, audio_of, group_column, group_of, value_of
from synth.diagnose.review.manual_tags import MANUAL_TAGS
from synth.diagnose.review.review_csv import HEAD, RIGHT, TAIL, WRONG, Review, ReviewRow
from synth.errors import UsageError

#: Columns that may define the strata, in this order: the first that divides the wrong clips into 2 to n / 4 strata,
#: else how wrong they are (our own choice).
STRATA_COLUMNS: Final = ("condition", "session", "speaker", "errors")


@dataclass(frozen=True, slots=True)
class Stratum:
    """A kind of wrong clip."""

    clips: int  # how many wrong clips it has
    drawn: int  # how many of them are in the sample


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """A review to fill in."""

    review: Review
    root: Path  # folder that its audio paths count from
    unit: str  # of an error: word, character or clip
    strata: Mapping[str, Stratum]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rows = self.review.rows
        return {
            "clips": len(rows),
            "wrong": sum(row.kind == WRONG for row in rows),
            "right": sum(row.kind == RIGHT for row in rows),
            "groups": len({row.group for row in rows}),
            "tags": list(self.review.tags),
            "strata": {name: {"clips": s.clips, "drawn": s.drawn} for name, s in self.strata.items()},
            "design": dict(self.review.design),
            "notes": list(self.notes),
        }


def review_tags(own_tags: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the tags of a new review: the usual ones and `own_tags`.

    Raises:
        UsageError: a tag cannot be the name of a column.
    """
    tags = tuple(dict.fromkeys((*MANUAL_TAGS, *(tag.strip() for tag in own_tags))))
    for tag in tags:
        if not tag or tag in (*HEAD, *TAIL) or not tag.isprintable() or len(tag) > 60:
            raise UsageError(f"--tag {tag!r}: a tag has 1 to 60 printable characters and is no column of the review")
    return tags


def draw_sample(
    dev: DevSet,
    predictions: Path,
    *,
    folder: Path,
    n: int = 100,
    right: int = 0,
    by: str | None = None,
    seed: int = 0,
    group_by: str | None = None,
    tags: Sequence[str] = (),
) -> ErrorSample:
    """Draw wrong clips, and `right` right ones. Each stratum gets its share of the n clips, but at least one.

    The rows are in random order, so that somebody who stops early has reviewed a random part. The same seed draws the
    same clips; if clips are added to the set, few of the drawn ones change.

    Args:
        dev: the clips to draw from.
        predictions: the file that they were read from; the summary reads it again.
        folder: where the review will be; the path of the predictions is kept relative to it.
        n: number of wrong clips.
        right: number of right clips to add.
        by: column of the strata: speaker, session, condition, another column, a label, or errors (how wrong).
        seed: random seed, from 0.
        group_by: column of dependent clips (default: as `group_column` chooses).
        tags: columns of tags of the review.

    Raises:
        UsageError: no clip is wrong, there are more strata than n, or no clip has the column.
    """
    wrong_clips = [clip for clip in dev.clips if clip.wrong]
    right_clips = [clip for clip in dev.clips if not clip.wrong]
    if not wrong_clips:
        raise UsageError(f"{predictions}: none of {len(dev.clips):,} clips is wrong; there is nothing to listen to")
    column = _strata_column(wrong_clips, n, by)
    members: dict[str, list[Prediction]] = {}
    for clip in wrong_clips:
        members.setdefault(_stratum_of(clip, column), []).append(clip)
    names = sorted(members)
    counts = allotted([len(members[name]) for name in names], n)
    strata = {name: Stratum(len(members[name]), count) for name, count in zip(names, counts, strict=True)}

    groups = group_column(dev.clips, group_by)
    rows = [
        _review_row(clip, name, stratum.clips, groups)
        for name, stratum in strata.items()
        for clip in _shuffled(members[name], seed)[: stratum.drawn]
    ]
    rows += [_review_row(clip, RIGHT, len(right_clips), groups) for clip in _shuffled(right_clips, seed)[:right]]
    rows.sort(key=lambda row: _sort_key(row.id, seed, "order"))
    design = {
        "seed": seed,
        "by": column,
        "clips": len(dev.clips),
        "wrong": len(wrong_clips),
        "errors": dev.errors,
        "words": dev.words,
        "measure": dev.measure,
        "unit": dev.unit,
        "split": dev.split,
        "predictions": os.path.relpath(predictions, folder),
        "predictions_sha256": hashlib.sha256(predictions.read_bytes()).hexdigest(),
    }
    notes = []
    if len(wrong_clips) < n:
        notes.append(f"only {len(wrong_clips)} clips are wrong, and all are in the sample (10 say little, 50 are good)")
    if not right:
        notes.append("no right clips: without them the corrected error comes out too small; add some with --right 20")
    if groups is None:
        notes.append("no session or speaker is known, so clips count as independent; --group-by names a column")
    if silent := sum(not row.audio for row in rows):
        notes.append(f"{silent} clips have no audio in the manifest")
    return ErrorSample(Review(tuple(rows), tuple(tags), design), dev.root, dev.unit, strata, (*dev.notes, *notes))


def _strata_column(wrong_clips: Sequence[Prediction], n: int, by: str | None) -> str:
    """Return the column that defines the strata: `by`, or the first suitable one of STRATA_COLUMNS."""
    if by is None:
        for name in STRATA_COLUMNS[:-1]:
            if 2 <= len({_stratum_of(clip, name) for clip in wrong_clips}) <= n / 4:
                return name
        return STRATA_COLUMNS[-1]
    if by != "errors" and all(value_of(clip, by) is None for clip in wrong_clips):
        raise UsageError(f"--by {by}: no wrong clip has this column or label; --by errors uses how wrong clips are")
    count = len({_stratum_of(clip, by) for clip in wrong_clips})
    if count > min(n, len(wrong_clips)):
        raise UsageError(f"--by {by}: {count} strata, but only {n} clips; use --n {count} or more, or --by errors")
    return by


def _stratum_of(clip: Prediction, column: str) -> str:
    if column != "errors":
        return f"{column}={value_of(clip, column) or 'unknown'}"
    share = (clip.errors or 0.0) / clip.words if clip.words else 1.0
    # the limits are our own choice
    limits = ((0.25, "errors: up to a quarter"), (0.5, "errors: up to a half"), (1.0, "errors: most"))
    return "errors: all" if share >= 1 else next(name for limit, name in limits if share <= limit)


def allotted(sizes: Sequence[int], n: int) -> list[int]:
    """Divide n among strata in proportion to their sizes, by Webster's method.

    Each stratum gets at least one and never more than it has. `sizes`: clips of each stratum, all above 0.
    """
    counts = [1] * len(sizes)
    waiting = [(-size / 1.5, k) for k, size in enumerate(sizes) if size > 1]
    heapq.heapify(waiting)
    for _ in range(min(n, sum(sizes)) - len(sizes)):
        _, k = heapq.heappop(waiting)
        counts[k] += 1
        if counts[k] < sizes[k]:
            heapq.heappush(waiting, (-sizes[k] / (counts[k] + 0.5), k))
    return counts


def _shuffled(clips: Sequence[Prediction], seed: int) -> list[Prediction]:
    # sorted by a hash of the id, not drawn by a generator: a clip more in the set moves no other clip
    return sorted(clips, key=lambda clip: _sort_key(clip.id, seed, "draw"))


def _sort_key(name: str, seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{seed} {purpose} {name}".encode("utf-8", "replace"), digest_size=12).digest()


def _review_row(clip: Prediction, stratum: str, stratum_clips: int, groups: str | None) -> ReviewRow:
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
        stratum_clips=stratum_clips,
    )
