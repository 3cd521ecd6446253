"""Where the rows of a manifest begin in its file, and the columns that clips are selected by.

The beginnings are found by looking for line ends, without parsing. The columns need every row parsed once; for a large
manifest both are kept in the user's cache folder, so that the next process, or the next worker, reads them in no time.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import cache_folder, key_of
from synth.dataset.labels import TruthLabels
from synth.dataset.manifest import parse_row
from synth.dataset.reader import MAX_LINE, DataFile
from synth.errors import StorageError
from synth.training.row import weight_of
from synth.training.view import Floats, Indices, NameColumn

_CHUNK: Final = 1 << 24
_MIN_CACHED_ROWS: Final = 20_000  # fewer are read again in half a second
_FORMAT: Final = 1

#: State of a file: its size in bytes, and when it was changed, in ns.
FileState = tuple[int, int]


def state_of(file: DataFile) -> FileState:
    """The state of a file. Raises the error of the file if it cannot be opened."""
    descriptor = file.open()
    try:
        status = os.fstat(descriptor)
        return status.st_size, status.st_mtime_ns
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Columns:
    """What clips are selected by."""

    names: dict[str, NameColumn]
    numbers: dict[str, Floats]  # shape (clips,) each
    labels: tuple[str, ...]  # those that are true, false or unknown (dataset/labels.py)


def line_starts(manifest: DataFile) -> Indices:
    """Where the lines of a file begin that are not blank, and where the last one ends: bytes, shape (lines + 1,).

    Raises the error of the file if a line is longer than a row may be.
    """
    ends: list[Indices] = []
    at = 0
    with manifest.opened() as file:
        while chunk := file.read(_CHUNK):
            ends.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10) + (at + 1))
            at += len(chunk)
    starts = np.concatenate([np.zeros(1, np.int64), *ends, np.array([at])])
    lengths = np.diff(starts)
    if len(lengths) and int(lengths.max()) > MAX_LINE:
        raise manifest.error(f"a line of more than {MAX_LINE >> 20} MiB", int(lengths.argmax()) + 1)
    return starts[np.append(True, lengths > 1)] if at else starts[:1]


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest's file in the state in which it was opened."""

    file: DataFile
    state: FileState

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.file.path

    def read_cached(self) -> tuple[Indices, Columns] | None:
        """The `line_starts` and the columns from the cache; None if it has none of this state."""
        try:
            with np.load(self._cache_file(), allow_pickle=False) as stored:
                arrays: dict[str, npt.NDArray[Any]] = dict(stored)
            head = json.loads(arrays["head"].tobytes())
            if head["state"] != [_FORMAT, *self.state]:
                return None
            names = {name: NameColumn(arrays[f"word.{name}"], tuple(each)) for name, each in head["words"].items()}
            numbers = {name: arrays[f"number.{name}"] for name in head["numbers"]}
            return arrays["starts"], Columns(names, numbers, tuple(head["labels"]))
        except (OSError, ValueError, KeyError):
            return None

    def write_cached(self, starts: Indices, columns: Columns) -> None:
        """Put what was read into the cache, if reading it again would take long.

        Args:
            starts: the `line_starts`, int64, shape (lines + 1,), bytes.
            columns: of all rows.
        """
        if len(starts) <= _MIN_CACHED_ROWS:
            return
        head = {
            "state": [_FORMAT, *self.state],
            "words": {name: column.names for name, column in columns.names.items()},
            "numbers": list(columns.numbers),
            "labels": columns.labels,
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
            "starts": starts,
            **{f"word.{name}": column.codes for name, column in columns.names.items()},
            **{f"number.{name}": numbers for name, numbers in columns.numbers.items()},
        }
        try:
            files.write_arrays(self._cache_file(), arrays)
        except StorageError:
            return  # a cache that cannot be written is none

    def _cache_file(self) -> Path:
        return cache_folder() / "manifests" / f"{key_of('manifest', str(self.path)).hex()}.npz"

    def read_columns(self, starts: Indices) -> Columns:
        """Parse every row once. Raises as `parse_row`.

        Args:
            starts: the `line_starts`, int64, shape (lines + 1,), bytes.
        """
        names: dict[str, list[str | None]] = {"split": [], "stage": [], "condition": []}
        durations: list[float] = []
        weights: list[float] = []
        labels = TruthLabels()
        with self.file.opened() as file:
            for number, size in enumerate(np.diff(starts).tolist(), start=1):
                row = parse_row(file.read(size), self.file, f"row {number}")
                for column, values in names.items():
                    values.append(row.get(column))
                durations.append(row["duration"])
                weights.append(weight_of(row))
                labels.add(row.get("labels"))
        return Columns(
            {column: NameColumn.of(values) for column, values in names.items()},
            {"duration": np.array(durations, np.float64), "weight": np.array(weights, np.float64)},
            labels.names(),
        )
