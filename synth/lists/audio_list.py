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
_OF_AUDIO: Final = frozenset(("path", "offset", "duration", "num_samples", "sampling_rate", "channels"))
_LARGEST: Final = 1 << 53  # above this not every integer is a float64


@dataclass(frozen=True, slots=True)
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

    @property
    def trusted(self) -> bool:
        """Whether the list says all that a plan needs, so that the file is first opened when it is rendered."""
        return self.sample_rate is not None and (self.num_samples is not None or self.duration is not None)


def read_audio_list(path: Path, *, columns: Mapping[str, str] | None = None) -> Iterator[AudioRow | BadInput]:
    """The rows of a list, and a refusal in place of each row that cannot be used.

    Args:
        path: the format follows from the name (synth/lists/table.py).
        columns: our name of a column -> its name in this list, for names that are not the usual ones. Columns that have
            no meaning of their own are labels.

    Raises:
        UsageError: the file cannot be read, or its header has no column with paths.
    """
    names = {**_NAMES, **{ours: (theirs,) for ours, theirs in (columns or {}).items()}}
    has_types = path.suffix.lower() in JSON_LINES
    table = read_table(path, allow_nan=False)
    if not has_types and not any(name in table.columns for name in names["path"]):
        header = ", ".join(table.columns) or "empty"
        raise UsageError(f"{path}:1: no column {' or '.join(names['path'])} in the header ({header})")
    return _audio_rows(table.rows_and_mistakes(), path.name, names, has_types)


def _audio_rows(
    rows: Iterator[TableRow | BadRow], list_name: str, names: Mapping[str, tuple[str, ...]], has_types: bool
) -> Iterator[AudioRow | BadInput]:
    for row in rows:
        if isinstance(row, BadRow):
            yield bad_row(list_name, row.line, row.mistake)
            continue
        try:
            yield _audio_row(row.fields, names, row.line, has_types)
        except RowMistake as mistake:
            yield bad_row(list_name, row.line, str(mistake))


def bad_row(list_name: str, line: int, mistake: str) -> BadInput:
    """The refusal of a line of a list."""
    return BadInput("bad_row", f"{list_name}:{line}", mistake, "scan")


def _audio_row(fields: dict[str, Any], names: Mapping[str, tuple[str, ...]], line: int, has_types: bool) -> AudioRow:
    """One row. Uses up `fields`; without types every value is text, and labels are read as `label_of_text` says."""
    path = _take(fields, names["path"])
    if not isinstance(path, str):
        raise RowMistake("no path" if path is None else f"the path is {short_repr(path)}, not text")
    detail: dict[str, object] = {}
    for name in names:
        if name in _OF_AUDIO:
            continue
        value = _take(fields, names[name])
        if value is None:
            continue
        if name == "alignment":
            value = _alignment(value)
        elif name in ("text", "speaker"):
            value = _text(name, value)
        detail[name] = value
    offset = _seconds(_take(fields, names["offset"]), "offset") or 0.0
    duration = _seconds(_take(fields, names["duration"]), "duration")
    num_samples = _count(_take(fields, names["num_samples"]), "num_samples")
    sample_rate = _count(_take(fields, names["sampling_rate"]), "sampling_rate")
    channels = _count(_take(fields, names["channels"]), "channels")
    # All that is left is labels, unknown ones too; an object called `labels` is unfolded.
    nested = fields.pop("labels", None)
    if isinstance(nested, dict):
        fields.update(nested)
    elif nested:
        fields["labels"] = nested
    if fields and has_types:
        detail["labels"] = {name: None if value == "" else value for name, value in fields.items()}
    elif fields:
        detail["labels"] = {name: label_of_text(value) for name, value in fields.items()}
    return AudioRow(path, line, offset, duration, num_samples, sample_rate, channels, detail)


def _take(fields: dict[str, Any], names: tuple[str, ...]) -> object:
    """Remove the first of the columns that is present; None if it is empty."""
    for name in names:
        if name in fields:
            value = fields.pop(name)
            return None if value == "" else value
    return None


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RowMistake(f"{name} is {short_repr(value)}, not text")


def _seconds(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < _LARGEST or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a number of seconds, 0 or more, is needed")
    return number


def _count(value: Any, name: str) -> int | None:
    if value is None:
        return None
    try:
        number = int(value)
        is_integer = number == float(value)
    except (TypeError, ValueError, OverflowError):
        number, is_integer = 0, False
    if not is_integer or not 0 < number < _LARGEST or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a whole number above 0 is needed")
    return number


def _alignment(value: Any) -> list[list[object]]:
    """`[[word, start, duration], ...]` or `[{word, start, duration | end}, ...]`, seconds; in CSV as JSON text."""
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
