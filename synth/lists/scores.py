"""Lists of scores and manifests as plain rows: CSV or TSV with a header line, or JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.errors import UsageError
from synth.lists.source_text import json_object, text_lines
from synth.text import CsvReader, short_repr

_JSON: Final = (".jsonl", ".json", ".ndjson")
_LARGEST: Final = 1e12
"""No number of errors, words or weights is larger; products of two such numbers are still exact enough to sum."""
_TABS: Final = (".tsv", ".tab")

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "clip_id", "utterance_id", "utt_id", "key"),
    "path": ("audio_filepath", "path", "audio", "file", "filename", "wav"),
    "offset": ("offset",),
    "split": ("split", "set", "subset"),
    "errors": ("errors", "num_errors", "edits", "word_errors", "character_errors"),
    "words": ("words", "num_words", "length", "characters", "num_characters"),
    "error": ("error", "error_rate", "wer", "cer", "wrong"),
    "loss": ("loss", "nll"),
    "reference": ("reference", "ref", "text", "transcript", "label"),
    "hypothesis": ("hypothesis", "hyp", "pred_text", "prediction"),
    "speaker": ("speaker", "speaker_id"),
    "session": ("session", "session_id"),
    "group": ("group", "group_id"),
    "source_id": ("source_id",),
    "weight": ("weight",),
}
"""What each column may be called; the first that is there counts. The names are our own choice, and those of NeMo."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line: `where` is file:line; `fields` hold the columns of COLUMNS by their first name, None where empty;
    `others` is every other column as it stands."""

    where: str
    fields: Mapping[str, Any]
    others: Mapping[str, Any]


def read_rows(path: Path) -> list[ScoreRow]:
    """All rows of a list. `.jsonl`, `.json` and `.ndjson` are JSON lines, `.tsv` and `.tab` have tabs, others commas.

    Raises:
        UsageError: the file cannot be read, or names the line that is not a row.
    """
    lines = _json_lines(path) if path.suffix.lower() in _JSON else _csv_lines(path)
    rows = [_named(where, fields) for where, fields in lines]
    if not rows:
        raise UsageError(f"{path}: no rows")
    return rows


def called(column: str, row: ScoreRow) -> str:
    """The names that a column may have, and those that the row has, for an error message."""
    has = [*(name for name, value in row.fields.items() if value is not None), *row.others]
    return f"a column {' or '.join(COLUMNS[column])} is needed; there are {', '.join(has) or 'none'}"


def number_of(row: ScoreRow, column: str, *, least: float | None = 0.0) -> float | None:
    """A number, `least` (none: -1e12) to 1e12; None where the cell is empty. Raises UsageError with file and line."""
    value = row.fields[column]
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not (-_LARGEST if least is None else least) <= number <= _LARGEST:
        kind = "a number" if least is None else f"a number of {least:g} or more"
        wanted = f"a number up to {_LARGEST:g}" if number > _LARGEST else kind
        raise UsageError(f"{row.where}: {column} is {short_repr(value)}; {wanted} is needed")
    return number


def text_of(row: ScoreRow, column: str) -> str | None:
    value = row.fields[column]
    return None if value is None else str(value)


def _named(where: str, given: Mapping[str, Any]) -> ScoreRow:
    left = dict(given)
    fields: dict[str, Any] = {}
    for column, names in COLUMNS.items():
        found = next((name for name in names if name in left), None)
        value = None if found is None else left.pop(found)
        fields[column] = value if value != "" or column in ("reference", "hypothesis") else None
    return ScoreRow(where, fields, left)


def _csv_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = CsvReader(text_lines(path), delimiter="\t" if path.suffix.lower() in _TABS else ",")
    try:
        header = [name.strip() for name in next(lines, [])]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice or not header:
            raise UsageError(f"{path}:1: {f'the column {twice[0]!r} is there twice' if twice else 'no header line'}")
        for cells in lines:
            where = f"{path}:{lines.line_num}"
            if cells and len(cells) != len(header):
                raise UsageError(f"{where}: {len(cells)} cells, the header has {len(header)} columns")
            if cells:
                yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}:{lines.line_num}: {error}") from None


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text_lines(path), start=1):
        if line.strip():
            where = f"{path}:{number}"
            yield where, json_object(line, where)
