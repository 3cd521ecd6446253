"""Lists of audio, as CSV, TSV or JSON lines (NeMo's manifests): one file or segment per row, with what is known of it.

A row that cannot be used is refused by itself and the rest of the list is read: among a million rows a few are broken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth.errors import BadInput, UsageError
from synth.lists.exported_labels import LABEL_PREFIX, has_exported_columns, has_nemo_columns
from synth.lists.label_value import label_of_text
from synth.lists.table import JSON_LINES, BadRow, RowMistake, TableRow, read_table
from synth.text import short_repr

PATH_NAMES: Final = ("path", "audio_filepath", "file", "file_name")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "path": PATH_NAMES,
    "offset": ("offset",),
    "duration": ("duration",),
    "text": ("text",),
    "speaker": ("speaker",),
    "sampling_rate": ("sampling_rate", "sample_rate"),
    "num_samples": ("num_samples",),
    "channels": ("channels",),
    "alignment": ("alignment",),
}  #: what a column means -> the names that it may have in a list
_NUMBERS: Final = ("offset", "duration", "num_samples", "sampling_rate", "channels")
_IN_SECONDS: Final = ("offset", "duration")
_ATTRIBUTES: Final = {"sampling_rate": "sample_rate"}  # of AudioRow, where it is not the column's name
_MOST_LAYOUTS: Final = 256
_LARGEST: Final = 1 << 53  # above this not every integer is a float64


@dataclass(slots=True)
class AudioRow:
    """A file, or a segment of one."""

    path: str  #: as the list has it
    line: int | None = None  #: of the list, from 1; None if there is no list
    offset: float = 0.0  #: start of the segment in the file, s
    duration: float | None = None  #: s; None: to the end of the file
    num_samples: int | None = None  #: of the segment; None: unknown
    sample_rate: int | None = None  #: Hz; None: unknown
    channels: int | None = None  #: None: unknown
    detail: Mapping[str, object] = field(default_factory=dict)  #: text, speaker, alignment, labels and other columns
    made_by_synth: bool = False  #: it is a clip that `synth` made, by its other columns

    @property
    def trusted(self) -> bool:
        """Whether the list says all that a plan needs, so that the file is first opened when it is rendered."""
        return self.sample_rate is not None and (self.num_samples is not None or self.duration is not None)


def read_audio_list(
    path: Path, *, columns: Mapping[str, str] | None = None, names: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[AudioRow | BadInput]:
    """The rows of a list, and a refusal in place of each row that cannot be used.

    Args:
        path: the format follows from the name (synth/lists/table.py).
        columns: our name of a column -> its name in this list, for names that are not the usual ones. Columns that have
            no meaning of their own are labels.
        names: our name of a column -> the names that are usual for it in lists of this kind.

    Raises:
        UsageError: the file cannot be read, or its header has no column with paths.
    """
    names = {**_NAMES, **(names or {}), **{ours: (theirs,) for ours, theirs in (columns or {}).items()}}
    has_types = path.suffix.lower() in JSON_LINES
    table = read_table(path, allow_nan=False)
    if not has_types and not any(name in table.columns for name in names["path"]):
        header = ", ".join(table.columns) or "empty"
        raise UsageError(f"{path}:1: no column {' or '.join(names['path'])} in the header ({header})")
    return _audio_rows(table.rows_and_mistakes(), path.name, names, has_types)


def _audio_rows(
    rows: Iterator[TableRow | BadRow], list_name: str, names: Mapping[str, tuple[str, ...]], has_types: bool
) -> Iterator[AudioRow | BadInput]:
    layouts: dict[tuple[str, ...], _Layout] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield bad_row(list_name, row.line, row.mistake)
            continue
        columns = tuple(row.fields)
        layout = layouts.get(columns)
        if layout is None:
            if len(layouts) >= _MOST_LAYOUTS:
                layouts.clear()
            layout = layouts[columns] = _Layout.of(columns, names)
        try:
            yield _audio_row(row.fields, layout, row.line, has_types)
        except RowMistake as mistake:
            yield bad_row(list_name, row.line, str(mistake))


def bad_row(list_name: str, line: int, mistake: str) -> BadInput:
    """The refusal of a line of a list."""
    return BadInput("bad_row", f"{list_name}:{line}", mistake, "scan")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns rows have, and what they mean: the same for most rows of a list, so it is found out once."""

    path: str | None  # column with the path; None: there is none
    detail: tuple[tuple[str, str], ...]  # (what it means, column) of text, speaker and alignment
    numbers: tuple[tuple[str, str], ...]  # likewise of the numbers
    labels: tuple[str, ...]  # all other columns; of an exported table those of labels
    label_prefix: str  # what is no part of their names
    made_by_synth: bool  # whether only rows that `synth` exported have such columns

    @classmethod
    def of(cls, columns: tuple[str, ...], names: Mapping[str, tuple[str, ...]]) -> _Layout:
        """The layout of rows with these columns; a meaning has the first of its names that is present."""
        unused, column_of = dict.fromkeys(columns), dict[str, str]()
        of_detail = tuple(meaning for meaning in names if meaning != "path" and meaning not in _NUMBERS)
        for meaning in ("path", *of_detail, *_NUMBERS):
            column = next((name for name in names[meaning] if name in unused), None)
            if column is not None:
                column_of[meaning] = column
                del unused[column]
        detail, numbers = (
            tuple((meaning, column_of[meaning]) for meaning in meanings if meaning in column_of)
            for meanings in (of_detail, _NUMBERS)
        )
        labels, prefix = tuple(unused), ""
        if has_exported_columns(columns):
            prefix = LABEL_PREFIX
            labels = tuple(name for name in labels if name.startswith(prefix))
        made_by_synth = bool(prefix) or has_nemo_columns(columns)
        return cls(column_of.get("path"), detail, numbers, labels, prefix, made_by_synth)


def _audio_row(fields: Mapping[str, Any], layout: _Layout, line: int, has_types: bool) -> AudioRow:
    """One row. Without types every value is text, and labels are read as `label_of_text` says."""
    path = None if layout.path is None else fields[layout.path]
    if not isinstance(path, str) or not path:
        raise RowMistake(f"the path is {short_repr(path)}, not text" if path not in (None, "") else "no path")
    detail: dict[str, object] = {}
    for name, column in layout.detail:
        value = fields[column]
        if value is None or value == "":
            continue
        if name == "alignment":
            value = read_alignment(value)
        elif value.__class__ is not str and name in ("text", "speaker"):
            value = _text(name, value)
        detail[name] = value
    row = AudioRow(path, line, detail=detail, made_by_synth=layout.made_by_synth)
    for name, column in layout.numbers:
        value = fields[column]
        if value is not None and value != "":
            setattr(row, _ATTRIBUTES.get(name, name), (_seconds if name in _IN_SECONDS else _count)(value, name))
    if layout.labels and (labels := _labels(fields, layout, has_types)):
        detail["labels"] = labels
    return row


def _labels(fields: Mapping[str, Any], layout: _Layout, has_types: bool) -> dict[str, object]:
    """What is left of a row: labels, unknown ones too; an object called `labels` is unfolded."""
    labels = {name.removeprefix(layout.label_prefix): fields[name] for name in layout.labels}
    nested = None if layout.label_prefix else labels.pop("labels", None)
    if isinstance(nested, dict):
        labels.update(nested)
    elif nested:
        labels["labels"] = nested
    if has_types:
        return {name: None if value == "" else value for name, value in labels.items()}
    return {name: label_of_text(value) for name, value in labels.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RowMistake(f"{name} is {short_repr(value)}, not text")


def _seconds(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < _LARGEST or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a number of seconds, 0 or more, is needed")
    return number


def _count(value: Any, name: str) -> int:
    if value.__class__ is str and len(value) < 16 and value.isascii() and value.isdecimal() and (number := int(value)):
        return number
    try:
        number = int(value)
        is_integer = number == float(value)
    except (TypeError, ValueError, OverflowError):
        number, is_integer = 0, False
    if not is_integer or not 0 < number < _LARGEST or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a whole number above 0 is needed")
    return number


def read_alignment(value: Any) -> list[list[object]]:
    """`[[word, start, duration], ...]` or `[{word, start, duration | end}, ...]`, seconds; in CSV as JSON text.

    Raises:
        RowMistake: it is neither.
    """
    try:
        words = json.loads(value) if isinstance(value, str) else value
        return [_aligned_word(word) for word in words]
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)[:100]
        raise RowMistake(f"alignment: {reason}; [[word, start, duration], ...] in seconds is needed") from None


def _aligned_word(word: Any) -> list[object]:
    if isinstance(word, Mapping):
        text = word["word"] if "word" in word else word["text"]
        start = float(word["start"])
        duration = float(word["duration"] if "duration" in word else float(word["end"]) - start)
    else:
        text, start, duration = word
        start, duration = float(start), float(duration)
    if not isinstance(text, str) or not (0 <= start < _LARGEST and 0 <= duration < _LARGEST):
        raise ValueError(f"{short_repr(word)} is not a word with its times")
    return [text, start, duration]
