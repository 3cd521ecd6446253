"""A review: clips to listen to, and what was heard in them. One CSV file, made by `sample`, filled in by a person."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.diagnose.review.manual_tags import MISLABELLED
from synth.errors import UsageError
from synth.lists.source_text import text_lines
from synth.text import CsvReader, csv_line

HEAD: Final = ("id", "audio", "kind", "reference", "hypothesis", "errors", "words", "reviewed")
TAIL: Final = ("correction", "comment", "group", "stratum", "stratum_clips", "design")
"""The columns before and after the tags. Every other column is a tag."""

WRONG, RIGHT = "wrong", "right"
_YES: Final = ("1", "1.0", "x", "y", "yes", "true")
_NO: Final = ("", "0", "0.0", "n", "no", "false")


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One clip. `stratum_clips`: how many clips of dev its stratum has, of which it was drawn. `tags`: those set.
    `correction`: what should stand in the reference's place, if that is wrong."""

    id: str
    audio: str
    kind: str
    reference: str
    hypothesis: str
    errors: float
    words: float
    reviewed: bool
    tags: tuple[str, ...]
    correction: str
    comment: str
    group: str
    stratum: str
    stratum_clips: int
    where: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """`tags`: all columns of tags, in order. `design`: how the clips were drawn, and of what (error_sample.Design)."""

    rows: tuple[ReviewRow, ...]
    tags: tuple[str, ...]
    design: Mapping[str, Any]


def header(tags: Sequence[str]) -> list[str]:
    return [*HEAD, *tags, *TAIL]


def cells(row: ReviewRow, tags: Sequence[str], design: Mapping[str, Any]) -> list[str]:
    """The row as it stands in the file."""
    marks = ["1" if tag in row.tags else "" for tag in tags]
    numbers = [f"{row.errors:.12g}", f"{row.words:.12g}", "1" if row.reviewed else ""]
    head = [row.id, row.audio, row.kind, row.reference, row.hypothesis, *numbers]
    tail = [row.correction, row.comment, row.group, row.stratum, str(row.stratum_clips)]
    return [*head, *marks, *tail, json.dumps(design, sort_keys=True)]


def review_csv(review: Review) -> str:
    """The file's text."""
    rows = (cells(row, review.tags, review.design) for row in review.rows)
    return "".join(map(csv_line, [header(review.tags), *rows]))


def read_review(path: Path) -> Review:
    """A review as `sample` or its page wrote it, columns of tags added or not. Commas, semicolons or tabs.

    Raises:
        UsageError: not such a file, or a line that cannot be used, named with what is wrong.
    """
    try:
        lines = list(_lines(path))
    except csv.Error as error:
        raise UsageError(f"{path}: not a CSV file: {error}") from None
    if len(lines) < 2:
        raise UsageError(f"{path}: no rows; `synth errors sample` makes such a file")
    names = [name.strip() for name in lines[0][1]]
    _check_header(path, names)
    tags = tuple(name for name in names if name not in HEAD and name not in TAIL and name)
    fields = [(where, _fields(where, names, found)) for where, found in lines[1:]]
    rows = tuple(_row(where, row, tags) for where, row in fields)
    _check_twice(rows)
    return Review(rows, tags, _design(fields))


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    lines = text_lines(path)
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)  # some spreadsheets save with semicolons
    reader = CsvReader(itertools.chain([first], lines), delimiter=delimiter)
    for found in reader:
        if any(cell.strip() for cell in found):
            yield f"{path}:{reader.line_num}", found


def _check_header(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in (*HEAD, *TAIL) if name not in names]
    if missing:
        raise UsageError(f"{path}:1: no column {', '.join(missing)}; `synth errors sample` makes such a file")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UsageError(f"{path}:1: the column {twice[0]!r} is there twice")


def _fields(where: str, names: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    if len(found) != len(names):
        raise UsageError(f"{where}: {len(found)} cells, the header has {len(names)} columns")
    return dict(zip(names, found, strict=True))


def _row(where: str, fields: Mapping[str, str], tags: Sequence[str]) -> ReviewRow:
    if fields["kind"] not in (WRONG, RIGHT):
        raise UsageError(f"{where}: kind is {fields['kind']!r}; {WRONG} or {RIGHT} is needed")
    said = tuple(tag for tag in tags if _is_set(where, tag, fields[tag]))
    correction, comment = fields["correction"].strip(), fields["comment"].strip()
    if correction == fields["reference"].strip():
        correction = ""
    if correction and MISLABELLED in tags and MISLABELLED not in said:
        said = (*said, MISLABELLED)
    return ReviewRow(
        id=fields["id"],
        audio=fields["audio"],
        kind=fields["kind"],
        reference=fields["reference"],
        hypothesis=fields["hypothesis"],
        errors=_number(where, "errors", fields["errors"]),
        words=_number(where, "words", fields["words"]),
        reviewed=_is_set(where, "reviewed", fields["reviewed"]) or bool(said or correction or comment),
        tags=said,
        correction=correction,
        comment=comment,
        group=fields["group"] or fields["id"],
        stratum=fields["stratum"],
        stratum_clips=round(_number(where, "stratum_clips", fields["stratum_clips"])),
        where=where,
    )


def _is_set(where: str, column: str, cell: str) -> bool:
    found = cell.strip().lower()
    if found not in (*_YES, *_NO):
        raise UsageError(f"{where}: {column} is {cell!r}; 1 for yes, nothing for no")
    return found in _YES


def _number(where: str, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e15:
        raise UsageError(f"{where}: {column} is {cell!r}; a number of 0 or more is needed")
    return value


def _check_twice(rows: Sequence[ReviewRow]) -> None:
    first: dict[str, str] = {}
    for row in rows:
        if row.id in first:
            raise UsageError(f"{row.where}: clip {row.id} is there already at {first[row.id]}")
        first[row.id] = row.where


def _design(fields: Sequence[tuple[str, Mapping[str, str]]]) -> Mapping[str, Any]:
    where, row = fields[0]
    different = next((other for other, found in fields if found["design"] != row["design"]), None)
    if different:
        raise UsageError(f"{different}: the design is not that of {where}; two samples are not one")
    try:
        design = json.loads(row["design"])
        numbers = {key: float(design[key]) for key in ("clips", "wrong", "errors", "words")}
        texts = [design[key] for key in ("unit", "measure", "predictions")]
        if not all(0 <= number < 1e15 for number in numbers.values()) or not all(isinstance(x, str) for x in texts):
            raise ValueError("a number or a text is none")
        return {**design, "seed": int(design["seed"])}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise UsageError(f"{where}: the design is damaged; leave it as `synth errors sample` wrote it") from None
