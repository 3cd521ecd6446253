"""Where the rows of a manifest begin in its file, and the columns that clips are chosen by.

The beginnings are found by looking for line ends, without parsing. The columns need every row parsed once; of a large
manifest both are kept in the user's cache folder, so that the next process, or the next worker, reads them in no time.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import cache_folder, key_of
from synth.dataset.manifest import parse_row
from synth.dataset.reader import MAX_LINE, DataFile
from synth.errors import StorageError
from synth.training.labels import YesOrNo
from synth.training.row import weight_of
from synth.training.view import Floats, Indices, Words

_CHUNK = 1 << 24
_WORTH_KEEPING = 20_000  # rows; fewer are read again in half a second
_FORMAT = 1

State = tuple[int, int]
"""Of a file: its size in bytes, and when it was changed, in ns."""


def state_of(file: DataFile) -> State:
    """Raises the error of the file where it cannot be opened."""
    descriptor = file.open()
    try:
        status = os.fstat(descriptor)
        return status.st_size, status.st_mtime_ns
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Columns:
    """What clips are chosen by, one value a row. `labels`: names of those that say yes or no (reading/labels.py)."""

    words: dict[str, Words]
    numbers: dict[str, Floats]
    labels: tuple[str, ...]


def line_starts(data: DataFile) -> Indices:
    """Where the lines of a file begin that are not blank, and where the last one ends: shape (lines + 1,).

    Raises the error of the file where a line is longer than a row may be.
    """
    ends: list[Indices] = []
    at = 0
    with data.opened() as file:
        while chunk := file.read(_CHUNK):
            ends.append(np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10) + (at + 1))
            at += len(chunk)
    found = np.concatenate([np.zeros(1, np.int64), *ends, np.array([at])])
    lengths = np.diff(found)
    if len(lengths) and int(lengths.max()) > MAX_LINE:
        raise data.error(f"a line of more than {MAX_LINE >> 20} MiB", int(lengths.argmax()) + 1)
    return found[np.append(True, lengths > 1)] if at else found[:1]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's file in the state in which it was opened."""

    file: DataFile
    state: State

    @property
    def path(self) -> Path:
        return self.file.path

    def kept(self) -> tuple[Indices, Columns] | None:
        """What the cache has of it; None where it has nothing."""
        try:
            with np.load(self._file(), allow_pickle=False) as found:
                arrays: dict[str, npt.NDArray[Any]] = dict(found)
            head = json.loads(arrays["head"].tobytes())
            if head["state"] != [_FORMAT, *self.state]:
                return None
            words = {name: Words(arrays[f"word.{name}"], tuple(names)) for name, names in head["words"].items()}
            numbers = {name: arrays[f"number.{name}"] for name in head["numbers"]}
            return arrays["starts"], Columns(words, numbers, tuple(head["labels"]))
        except (OSError, ValueError, KeyError):
            return None

    def keep(self, starts: Indices, columns: Columns) -> None:
        """Put it into the cache, where it is worth it and there is one."""
        if len(starts) <= _WORTH_KEEPING:
            return
        head = {
            "state": [_FORMAT, *self.state],
            "words": {name: words.names for name, words in columns.words.items()},
            "numbers": list(columns.numbers),
            "labels": columns.labels,
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
            "starts": starts,
            **{f"word.{name}": words.codes for name, words in columns.words.items()},
            **{f"number.{name}": numbers for name, numbers in columns.numbers.items()},
        }
        try:
            files.write_arrays(self._file(), arrays)
        except StorageError:
            return  # a cache that cannot be written is none

    def _file(self) -> Path:
        return cache_folder() / "manifests" / f"{key_of('manifest', str(self.path)).hex()}.npz"

    def columns(self, starts: Indices) -> Columns:
        """Every row parsed once; `starts` are its `line_starts`. Raises as `parse_row`."""
        seen = _Seen()
        with self.file.opened() as file:
            for number, size in enumerate(np.diff(starts).tolist(), start=1):
                seen.add(parse_row(file.read(size), self.file, f"row {number}"))
        return seen.columns()


class _Seen:
    """What was seen of the rows so far."""

    def __init__(self) -> None:
        self._words: dict[str, list[str | None]] = {"split": [], "stage": [], "condition": []}
        self._durations: list[float] = []
        self._weights: list[float] = []
        self._labels = YesOrNo()

    def add(self, row: dict[str, Any]) -> None:
        for name, words in self._words.items():
            words.append(row.get(name))
        self._durations.append(row["duration"])
        self._weights.append(weight_of(row))
        self._labels.add(row.get("labels"))

    def columns(self) -> Columns:
        return Columns(
            {name: Words.of(words) for name, words in self._words.items()},
            {"duration": np.array(self._durations, np.float64), "weight": np.array(self._weights, np.float64)},
            self._labels.names(),
        )
