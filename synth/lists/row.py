"""One line of a list, whatever its format: a file or a segment of one, and what is known about it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.errors import BadInput
from synth.lists.label_value import label_of_text
from synth.text import short_repr

PATH_NAMES = ("path", "audio_filepath", "file", "file_name")
NAMES: dict[str, tuple[str, ...]] = {
    "path": PATH_NAMES,
    "offset": ("offset",),
    "duration": ("duration",),
    "text": ("text",),
    "speaker": ("speaker",),
    "sampling_rate": ("sampling_rate", "sample_rate"),
    "num_samples": ("num_samples",),
    "channels": ("channels",),
    "alignment": ("alignment",),
}
"""What a column means -> the names that it may have in a list."""

_MAX_SAMPLES = 1 << 53


@dataclass(frozen=True, slots=True)
class Row:
    """A file or a segment. `offset` and `duration` in seconds; None is unknown. `line` counts from 1."""

    path: str
    line: int | None = None
    offset: float = 0.0
    duration: float | None = None
    num_samples: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """The list says all that a plan needs to know, so the file is not opened before it is rendered."""
        return self.sample_rate is not None and (self.num_samples is not None or self.duration is not None)


class RowMistake(ValueError):
    """A line of a list that cannot be used."""


def column_names(columns: Mapping[str, str] | None) -> dict[str, tuple[str, ...]]:
    """NAMES, with the columns that a recipe names first. `columns` maps our name to the list's."""
    return {**NAMES, **{ours: (theirs,) for ours, theirs in (columns or {}).items()}}


def row_from_fields(
    fields: dict[str, object], names: Mapping[str, tuple[str, ...]], line: int, *, typed: bool = True
) -> Row:
    """Read the columns of one line; what has no meaning of its own is a label. Empty text is None. Uses up `fields`.

    Where the list is not `typed`, every value is text, and that of a label is read as `label_of_text` says.
    Raises RowMistake.
    """
    path = _take(fields, names["path"])
    if not isinstance(path, str):
        raise RowMistake("no path" if path is None else f"the path is {short_repr(path)}, not text")
    detail: dict[str, object] = {}
    for name in [name for name in names if name not in _NUMBERS]:
        value = _take(fields, names[name])
        if value is not None:
            detail[name] = value if name not in _CHECKED else _CHECKED[name](name, value)
    return Row(
        path,
        line,
        _number(_take(fields, names["offset"]), "offset") or 0.0,
        _number(_take(fields, names["duration"]), "duration"),
        _integer(_take(fields, names["num_samples"]), "num_samples"),
        _integer(_take(fields, names["sampling_rate"]), "sampling_rate"),
        _integer(_take(fields, names["channels"]), "channels"),
        _with_labels(detail, fields, typed),
    )


_NUMBERS = frozenset(("path", "offset", "duration", "num_samples", "sampling_rate", "channels"))


def _take(fields: dict[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        if name in fields:
            value = fields.pop(name)
            return None if value == "" else value
    return None


def _with_labels(detail: dict[str, object], left: dict[str, object], typed: bool) -> dict[str, object]:
    """All that is left is labels, unknown ones too; an object called `labels` is unfolded."""
    nested = left.pop("labels", None)
    if isinstance(nested, dict):
        left.update(nested)
    elif nested:
        left["labels"] = nested
    if left:
        detail["labels"] = {
            name: (None if value == "" else value) if typed else label_of_text(value) for name, value in left.items()
        }
    return detail


def _as_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RowMistake(f"{name} is {short_repr(value)}, not text")


def _number(value: object, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < _MAX_SAMPLES or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a number of seconds, 0 or more, is needed")
    return number


def _integer(value: object, name: str) -> int | None:
    if value is None:
        return None
    try:
        number = int(value)  # type: ignore[call-overload]
        whole = number == float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number, whole = 0, False
    if not whole or not 0 < number < _MAX_SAMPLES or isinstance(value, bool):
        raise RowMistake(f"{name} is {short_repr(value)}; a whole number above 0 is needed")
    return int(number)


def _alignment(_: str, value: object) -> list[list[object]]:
    """`[[word, start, duration], ...]` or `[{word, start, duration | end}, ...]`, seconds; in CSV as JSON text."""
    try:
        words: Any = json.loads(value) if isinstance(value, str) else value
        return [_word(word) for word in words]
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise RowMistake(f"alignment: {_shown(error)}; [[word, start, duration], ...] in seconds is needed") from None


def _shown(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)[:100]


def _word(word: object) -> list[object]:
    if isinstance(word, Mapping):
        text = word["word"] if "word" in word else word["text"]
        start = float(word["start"])
        duration = float(word["duration"] if "duration" in word else float(word["end"]) - start)
    else:
        text, start, duration = word  # type: ignore[misc]
        start, duration = float(start), float(duration)
    if not isinstance(text, str) or not (0 <= start < _MAX_SAMPLES and 0 <= duration < _MAX_SAMPLES):
        raise ValueError(f"{short_repr(word)} is not a word with its times")
    return [text, start, duration]


_CHECKED: dict[str, Callable[[str, object], object]] = {"text": _as_text, "speaker": _as_text, "alignment": _alignment}


def bad_row(path: str, line: int, message: str) -> BadInput:
    """The refusal of a line of a list."""
    return BadInput("bad_row", f"{path}:{line}", message, "scan")
