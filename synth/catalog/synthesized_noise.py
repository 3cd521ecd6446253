"""Noise that `synth grow` wrote to files, recognized by the list beside it: files, but not recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from synth.catalog.recording import Recording
from synth.dsp.generators import GENERATORS
from synth.errors import BadInput, StorageError, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.table import BadRow, read_table

NOISE_LIST: Final = "metadata.csv"
COLUMNS: Final = ("path", "duration", "sampling_rate", "recording", "grown", "parameters")
_AND: Final = " and "


@dataclass(frozen=True, slots=True)
class SynthesizedFile:
    """How a file of synthesized noise was made."""

    method: str  #: the generator: a key of GENERATORS
    grown_from: str  #: the recordings that it was grown from, as its list names them, or a virtual car

    @property
    def is_model(self) -> bool:
        """Whether the sound is a model's; else it is recorded sound in another order."""
        return GENERATORS[self.method].is_model

    @property
    def recordings(self) -> tuple[str, ...]:
        """The names of the recordings that it was grown from; for a virtual car its name."""
        return tuple(self.grown_from.split(_AND))


def join_names(names: Iterable[str]) -> str:
    """The value of the column `recording` for noise that was grown from these recordings."""
    return _AND.join(names)


def synthesized_file_of(recording: Recording) -> SynthesizedFile | None:
    """How a file was grown, as its list says; None for a recording."""
    labels = recording.labels or {}
    method, source = labels.get("grown"), labels.get("recording")
    if isinstance(method, str) and method in GENERATORS and isinstance(source, str):
        return SynthesizedFile(method, source)
    return None


def add_synthesis_labels(rows: Iterable[AudioRow | BadInput], root: str) -> Iterator[AudioRow | BadInput]:
    """The files of a folder. Those that a list of `synth grow` beside them names get its columns as labels."""
    folder, labels = None, dict[str, Mapping[str, object]]()
    for row in rows:
        if isinstance(row, AudioRow):
            parent, _, name = row.path.rpartition("/")
            if parent != folder:
                folder, labels = parent, _read_labels(Path(root, parent) / NOISE_LIST)
            if name in labels:
                yield replace(row, detail={**row.detail, "labels": labels[name]})
                continue
        yield row


def _read_labels(noise_list: Path) -> dict[str, Mapping[str, object]]:
    """File name -> labels, of a list that `synth grow` wrote; nothing of any other list, or without one."""
    if not noise_list.is_file():
        return {}
    try:
        table = read_table(noise_list)
        if table.columns != COLUMNS:
            return {}
        rows = [row.fields for row in table.rows_and_mistakes() if not isinstance(row, BadRow)]
    except (UsageError, StorageError, OSError):
        return {}  # somebody else's file of that name
    return {row["path"]: {name: row[name] for name in ("recording", "grown", "parameters")} for row in rows}
