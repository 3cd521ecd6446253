"""One line of a list, whatever its format: a file or a segment of one, and what is known about it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from synth.errors import BadInput

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
    names = dict(NAMES)
    for ours, theirs in (columns or {}).items():
        names[ours] = (theirs,)
    return names


def row_from_fields(fields: Mapping[str, object], names: Mapping[str, tuple[str, ...]], line: int) -> Row:
    """Read the columns of one line; what has no meaning of its own is a label. Empty text is None.

    Raises RowMistake.
    """
    left = {name: (None if value == "" else value) for name, value in fields.items()}
    known = {ours: _take(left, theirs) for ours, theirs in names.items()}
    path = known.pop("path")
    if not isinstance(path, str):
        raise RowMistake("no path" if path is None else f"the path is {path!r}, not text")
    detail = {name: value for name in _others(names) if (value := known[name]) is not None}
    for name in ("text", "speaker"):
        if name in detail and not isinstance(detail[name], str):
            detail[name] = _as_text(name, detail[name])
    if "alignment" in detail:
        detail["alignment"] = _alignment(detail["alignment"])
    if labels := _labels(left):
        detail["labels"] = labels
    return Row(
        path,
        line,
        _number(known["offset"], "offset") or 0.0,
        _number(known["duration"], "duration"),
        _integer(known["num_samples"], "num_samples"),
        _integer(known["sampling_rate"], "sampling_rate"),
        _integer(known["channels"], "channels"),
        detail,
    )


def _take(fields: dict[str, object], names: tuple[str, ...]) -> object:
    for name in names:
        if name in fields:
            return fields.pop(name)
    return None


def _others(names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Columns that ride along: text, speaker, alignment, and labels under another name."""
    numbers = ("path", "offset", "duration", "num_samples", "sampling_rate", "channels")
    return tuple(name for name in names if name not in numbers)


def _labels(left: dict[str, object]) -> dict[str, object]:
    """Labels stay null where they are unknown; an object called `labels` is unfolded."""
    nested = left.pop("labels", None)
    return {**left, **nested} if isinstance(nested, dict) else {**left, **({"labels": nested} if nested else {})}


def _as_text(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RowMistake(f"{name} is {value!r}, not text")


def _number(value: object, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < _MAX_SAMPLES or isinstance(value, bool):
        raise RowMistake(f"{name} is {value!r}; a number of seconds, 0 or more, is needed")
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
        raise RowMistake(f"{name} is {value!r}; a whole number above 0 is needed")
    return int(number)


def _alignment(value: object) -> list[list[object]]:
    """`[[word, start, duration], ...]` or `[{word, start, duration | end}, ...]`, seconds; in CSV as JSON text."""
    try:
        words = json.loads(value) if isinstance(value, str) else value
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
        raise ValueError(f"{word!r} is not a word with its times")
    return [text, start, duration]


def bad_row(path: str, line: int, message: str) -> BadInput:
    """The refusal of a line of a list."""
    return BadInput("bad_row", f"{path}:{line}", message, "scan")
