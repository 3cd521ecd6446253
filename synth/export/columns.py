"""The manifest row as flat columns with one type each, for tables: Parquet, CSV and the `datasets` library.

A column has the same name and type in every file of an export, whatever is in its rows. What is unknown is null. Nested
values that have no columns of their own are JSON texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Kind: TypeAlias = Literal["bool", "int64", "float64", "string", "alignment"]
LabelKinds: TypeAlias = dict[str, Kind]
"""Name of a label -> its type in every row, in alphabetical order."""

_to_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, and its value in a manifest row."""

    name: str
    kind: Kind
    value: Callable[[Mapping[str, Any]], Any]


def _of(name: str, kind: Kind) -> Column:
    return Column(name, kind, lambda row: row.get(name))


def _in(name: str, kind: Kind, key: str, below: str) -> Column:
    """A value of the object `key` of the row, which may be null."""
    return Column(name, kind, lambda row: (row.get(key) or {}).get(below))


def _json(name: str) -> Column:
    return Column(name, "string", lambda row: None if row.get(name) is None else _to_json(row[name]))


def _seconds(key: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda row: row["speech"][key] / row["sampling_rate"]


#: What the clip is.
CLIP: Final = (
    _of("id", "string"),
    _of("text", "string"),
    _of("speaker", "string"),
    _of("duration", "float64"),
    _of("num_samples", "int64"),
    _of("sampling_rate", "int64"),
    _of("split", "string"),
    _of("condition", "string"),
    _of("case", "int64"),
    _of("stage", "string"),
    _of("weight", "float64"),
    _of("copy", "int64"),
    _of("source_id", "string"),
)
#: How it was made: levels in dB, times in seconds.
MAKING: Final = (
    Column("speech_start", "float64", _seconds("onset")),
    Column("speech_duration", "float64", _seconds("num_samples")),
    _in("unchanged", "bool", "speech", "unchanged"),
    _in("speech_active_level_dbfs", "float64", "speech", "active_level_dbfs"),
    _of("room", "string"),
    _in("snr_db", "float64", "snr_db", "measured"),
    _in("snr_db_requested", "float64", "snr_db", "requested"),
    _in("snr_measure", "string", "snr_db", "measure"),
    _in("snr_weighting", "string", "snr_db", "weighting"),
    _in("snr_db_band", "float64", "snr_db", "band"),
    _in("snr_db_a", "float64", "snr_db", "a"),
    _in("snr_db_broadband", "float64", "snr_db", "broadband"),
    _in("level_dbfs", "float64", "level_dbfs", "measured"),
    _in("level_dbfs_requested", "float64", "level_dbfs", "requested"),
    _of("peak_dbfs", "float64"),
    _of("headroom_gain_db", "float64"),
    _of("fluctuation_db", "float64"),
    Column("noise_segments", "int64", lambda row: len(row["noise"])),
    Column("noise_kinds", "string", lambda row: ";".join(dict.fromkeys(each["kind"] for each in row["noise"]))),
    Column("events", "string", lambda row: ";".join(event["label"] for event in row["events"])),
    _in("source_name", "string", "source", "name"),
    _in("source_path", "string", "source", "path"),
    _in("source_sha256", "string", "source", "sha256"),
    _of("sha256", "string"),
    _of("pcm_sha256", "string"),
)
#: Nested values as JSON texts.
ALIGNMENT_TEXT: Final = _json("alignment")
#: The words with their times, for formats that have lists of objects.
ALIGNMENT: Final = Column("alignment", "alignment", lambda row: _words(row.get("alignment")))
#: The manifest row itself: all that has no column of its own, such as effects, noise segments and events.
ROW: Final = Column("row", "string", _to_json)


def _words(alignment: Iterable[tuple[str, float, float]] | None) -> list[dict[str, Any]] | None:
    if alignment is None:
        return None
    return [{"word": word, "start": start, "duration": duration} for word, start, duration in alignment]


class LabelSurvey:
    """Finds the type of each label over all rows: the narrowest that every value of it has."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[Kind]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Look at the labels of a row."""
        for name, value in (row.get("labels") or {}).items():
            kinds = self._kinds.setdefault(name, set())
            if value is not None:
                kinds.add(_kind_of(value))

    def kinds(self) -> LabelKinds:
        """The type of each label that a row has; text if it has values of several types, or none."""
        return {name: _common_kind(self._kinds[name]) for name in sorted(self._kinds)}


def _kind_of(value: object) -> Kind:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64" if -(1 << 63) <= value < 1 << 63 else "string"
    return "float64" if isinstance(value, float) else "string"


def _common_kind(kinds: set[Kind]) -> Kind:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float64" if kinds == {"int64", "float64"} else "string"


def label_columns(kinds: Mapping[str, Kind], prefix: str = "label_") -> tuple[Column, ...]:
    """A column for each label; values of other types than the column's are JSON texts."""
    return tuple(Column(prefix + name, kind, _label(name, kind)) for name, kind in kinds.items())


def _label(name: str, kind: Kind) -> Callable[[Mapping[str, Any]], Any]:
    def value(row: Mapping[str, Any]) -> Any:
        label = (row.get("labels") or {}).get(name)
        if kind == "string" and label is not None and not isinstance(label, str):
            return _to_json(label)
        return float(label) if kind == "float64" and label is not None else label

    return value


def table_columns(kinds: Mapping[str, Kind]) -> tuple[Column, ...]:
    """The columns of a table without lists or objects; the path of the audio is not among them."""
    return (*CLIP, *label_columns(kinds), ALIGNMENT_TEXT, *MAKING)
