"""The review: a CSV file of clips to listen to. `synth errors sample` writes it, and a person fills it in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.diagnose.review.manual_tags import MISLABELED
from synth.errors import UsageError
from synth.lists.table import TableRow, read_table
from synth.text import csv_line

#: The columns before and after the tags. Every other column is a tag.
HEAD: Final = ("id", "audio", "kind", "reference", "hypothesis", "errors", "words", "reviewed")
TAIL: Final = ("correction", "comment", "group", "stratum", "stratum_clips", "design")

WRONG, RIGHT = "wrong", "right"
_RENAMED: Final = {"mislabelled": MISLABELED}
_YES: Final = ("1", "1.0", "x", "y", "yes", "true")
_NO: Final = ("", "0", "0.0", "n", "no", "false")


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One clip of a review."""

    id: str
    audio: str  # path, relative to the root of the manifest
    kind: str  # WRONG or RIGHT: what the model's answer was
    reference: str
    hypothesis: str
    errors: float  # words (or characters, or clips) that are wrong
    words: float
    reviewed: bool
    tags: tuple[str, ...]  # the tags that are set
    correction: str  # the right reference, if the reference is wrong
    comment: str
    group: str  # clips of one group are not independent
    stratum: str  # the kind of clip that it was drawn from
    stratum_clips: int  # how many clips of dev are in the stratum
    where: str = ""  # file:line

    @property
    def is_mislabeled(self) -> bool:
        """Whether the reviewer says that the reference is wrong."""
        return MISLABELED in self.tags or bool(self.correction)


@dataclass(frozen=True, slots=True)
class Review:
    """A whole review."""

    rows: tuple[ReviewRow, ...]
    tags: tuple[str, ...]  # all columns of tags, in their order
    design: Mapping[str, Any]  # how the clips were drawn: seed, by, clips, wrong, errors, words, measure, unit ...


def review_cells(row: ReviewRow, tags: Sequence[str], design: Mapping[str, Any]) -> list[str]:
    """Return the cells of a row, in the order of the columns: HEAD, the tags, TAIL."""
    marks = ["1" if tag in row.tags else "" for tag in tags]
    numbers = [f"{row.errors:.12g}", f"{row.words:.12g}", "1" if row.reviewed else ""]
    head = [row.id, row.audio, row.kind, row.reference, row.hypothesis, *numbers]
    tail = [row.correction, row.comment, row.group, row.stratum, str(row.stratum_clips)]
    return [*head, *marks, *tail, json.dumps(design, sort_keys=True)]


def format_review(review: Review) -> str:
    """Return the text of the file."""
    rows = (review_cells(row, review.tags, review.design) for row in review.rows)
    return "".join(map(csv_line, [[*HEAD, *review.tags, *TAIL], *rows]))


def read_review(path: Path) -> Review:
    """Read a review as `synth errors sample` or its page wrote it; columns of tags may have been added.

    Raises:
        UsageError: the file is not a review; names the line that cannot be used, and why.
    """
    table = read_table(path, json_lines=False)
    names = table.columns
    if missing := [name for name in (*HEAD, *TAIL) if name not in names]:
        raise UsageError(f"{path}:1: no column {', '.join(missing)}; `synth errors sample` writes such a file")
    if renamed := [name for name in names if name in _RENAMED]:
        raise UsageError(f"{path}:1: the column {renamed[0]!r} is now called {_RENAMED[renamed[0]]!r}; rename it")
    tags = tuple(name for name in names if name not in HEAD and name not in TAIL)
    table_rows = list(table)
    if not table_rows:
        raise UsageError(f"{path}: no rows; `synth errors sample` writes such a file")
    rows = tuple(_read_row(row.where, row.fields, tags) for row in table_rows)
    first_lines: dict[str, str] = {}
    for row in rows:
        if row.id in first_lines:
            raise UsageError(f"{row.where}: clip {row.id} is there already at {first_lines[row.id]}")
        first_lines[row.id] = row.where
    return Review(rows, tags, _read_design(table_rows))


def _read_row(where: str, cells: Mapping[str, str], tags: Sequence[str]) -> ReviewRow:
    if cells["kind"] not in (WRONG, RIGHT):
        raise UsageError(f"{where}: kind is {cells['kind']!r}; {WRONG} or {RIGHT} is needed")
    row_tags = tuple(tag for tag in tags if _is_set(where, tag, cells[tag]))
    correction, comment = cells["correction"].strip(), cells["comment"].strip()
    if correction == cells["reference"].strip():
        correction = ""
    if correction and MISLABELED in tags and MISLABELED not in row_tags:
        row_tags = (*row_tags, MISLABELED)
    return ReviewRow(
        id=cells["id"],
        audio=cells["audio"],
        kind=cells["kind"],
        reference=cells["reference"],
        hypothesis=cells["hypothesis"],
        errors=_number(where, "errors", cells["errors"]),
        words=_number(where, "words", cells["words"]),
        reviewed=_is_set(where, "reviewed", cells["reviewed"]) or bool(row_tags or correction or comment),
        tags=row_tags,
        correction=correction,
        comment=comment,
        group=cells["group"] or cells["id"],
        stratum=cells["stratum"],
        stratum_clips=round(_number(where, "stratum_clips", cells["stratum_clips"])),
        where=where,
    )


def _is_set(where: str, column: str, cell: str) -> bool:
    word = cell.strip().lower()
    if word not in (*_YES, *_NO):
        raise UsageError(f"{where}: {column} is {cell!r}; write 1 for yes, and leave the cell empty for no")
    return word in _YES


def _number(where: str, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e15:
        raise UsageError(f"{where}: {column} is {cell!r}; a number of 0 or more is needed")
    return value


def _read_design(rows: Sequence[TableRow]) -> Mapping[str, Any]:
    """Return the design, which every row repeats."""
    where, text = rows[0].where, rows[0].fields["design"]
    for row in rows:
        if row.fields["design"] != text:
            raise UsageError(f"{row.where}: the design differs from that of {where}; do not mix two samples")
    try:
        design = json.loads(text)
        numbers = [float(design[key]) for key in ("clips", "wrong", "errors", "words")]
        texts = [design[key] for key in ("unit", "measure", "predictions")]
        if not all(0 <= number < 1e15 for number in numbers) or not all(isinstance(each, str) for each in texts):
            raise ValueError("a number or a text of the wrong kind")
        return {**design, "seed": int(design["seed"])}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise UsageError(f"{where}: the design is damaged; leave it as `synth errors sample` wrote it") from None
