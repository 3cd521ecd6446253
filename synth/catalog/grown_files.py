"""Noise that `synth grow` wrote to files, recognized by the list beside it: no recordings, though they are files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from synth.catalog.recording import Recording
from synth.dsp.generators import GENERATORS
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.text import CsvReader

GROWN_LIST: Final = "metadata.csv"
COLUMNS: Final = ("path", "duration", "sampling_rate", "recording", "grown", "parameters")
_AND: Final = " and "
_MOST_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class GrownFile:
    """How a file of synthesized noise came about."""

    method: str  #: the generator: a key of GENERATORS
    grown_from: str  #: the recordings that it was grown from, as its list names them, or a virtual car

    @property
    def is_model(self) -> bool:
        """Whether the sound is a model's; else it is recorded sound in another order."""
        return GENERATORS[self.method].is_model

    @property
    def recordings(self) -> tuple[str, ...]:
        """The names of the recordings that it was grown from; of a virtual car its name."""
        return tuple(self.grown_from.split(_AND))


def joined_names(names: Iterable[str]) -> str:
    """What stands in the column `recording` for noise that was grown from these recordings."""
    return _AND.join(names)


def grown_file_of(recording: Recording) -> GrownFile | None:
    """How a file was grown, as its list says; None for a recording."""
    labels = recording.labels or {}
    method, source = labels.get("grown"), labels.get("recording")
    return (
        GrownFile(method, source)
        if method in GENERATORS and isinstance(method, str) and isinstance(source, str)
        else None
    )


def with_grown_labels(rows: Iterable[AudioRow | BadInput], root: str) -> Iterator[AudioRow | BadInput]:
    """The files of a folder, those that a list of `synth grow` beside them names with its columns as labels."""
    folder, labels = None, dict[str, Mapping[str, object]]()
    for row in rows:
        if isinstance(row, AudioRow):
            parent, _, name = row.path.rpartition("/")
            if parent != folder:
                folder, labels = parent, _labels_in(Path(root, parent) / GROWN_LIST)
            if name in labels:
                yield replace(row, detail={**row.detail, "labels": labels[name]})
                continue
        yield row


def _labels_in(listed: Path) -> dict[str, Mapping[str, object]]:
    """File name -> labels, of a list that `synth grow` wrote; nothing of any other list, or without one."""
    try:
        with listed.open("rb") as file:
            if file.readline(200).decode().strip() != ",".join(COLUMNS):
                return {}
            text = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
        rows = [row for row in CsvReader(io.StringIO(text, newline="")) if len(row) == len(COLUMNS)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    fields = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
    return {row["path"]: {name: row[name] for name in ("recording", "grown", "parameters")} for row in fields}
