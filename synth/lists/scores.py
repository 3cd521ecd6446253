"""Lists of scores, and manifests, as rows with columns by one name each, whatever the list calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.errors import UsageError
from synth.lists.table import TableRow, read_table
from synth.text import short_repr

_LARGEST: Final = 1e12
"""Limit of errors, words and weights: products of two such numbers are still exact enough to sum."""

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
"""Our name of a column -> the names that it may have in a list, NeMo's among them; the first that is present counts."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row."""

    where: str  #: `file:line`, for messages
    fields: Mapping[str, Any]  #: column of COLUMNS -> its value; None: empty, or no such column
    others: Mapping[str, Any]  #: every other column, by the list's name


def read_rows(path: Path) -> list[ScoreRow]:
    """Read all rows of a list; the format follows from the name (lists/table.py).

    Raises:
        UsageError: the file cannot be read, has no rows, or has a line that is not a row.
    """
    rows = [_score_row(row) for row in read_table(path)]
    if not rows:
        raise UsageError(f"{path}: no rows")
    return rows


def called(column: str, row: ScoreRow) -> str:
    """The names that a column may have, and those that the row has, for an error message."""
    has = [*(name for name, value in row.fields.items() if value is not None), *row.others]
    return f"a column {' or '.join(COLUMNS[column])} is needed; there are {', '.join(has) or 'none'}"


def number_of(row: ScoreRow, column: str, *, least: float | None = 0.0) -> float | None:
    """The number in a column, from `least` (None: -1e12) to 1e12; None if the cell is empty. Raises UsageError."""
    value = row.fields[column]
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not (-_LARGEST if least is None else least) <= number <= _LARGEST:
        kind = "a number" if least is None else f"a number of {least:g} or more"
        if number > _LARGEST:
            kind = f"a number up to {_LARGEST:g}"
        raise UsageError(f"{row.where}: {column} is {short_repr(value)}; {kind} is needed")
    return number


def text_of(row: ScoreRow, column: str) -> str | None:
    """The text in a column; None if the cell is empty."""
    value = row.fields[column]
    return None if value is None else str(value)


def _score_row(row: TableRow) -> ScoreRow:
    others = dict(row.fields)
    fields: dict[str, Any] = {}
    for column, names in COLUMNS.items():
        name = next((name for name in names if name in others), None)
        value = None if name is None else others.pop(name)
        # an empty reference or hypothesis is a text: nothing was said, or nothing was recognized
        fields[column] = value if value != "" or column in ("reference", "hypothesis") else None
    return ScoreRow(row.where, fields, others)
