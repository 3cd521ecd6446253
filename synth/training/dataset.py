"""`synth.open_dataset`: a finished data set, or a manifest of one, as a sequence of typed rows with their sound."""

from __future__ import annotations

import json
import mmap
import os
import threading
import weakref
from functools import cached_property
from pathlib import Path

import numpy as np

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import ManifestRow, parse_row
from synth.dataset.reader import DataFile
from synth.errors import UsageError
from synth.training.index import Columns, Manifest, line_starts, state_of
from synth.training.row import FileSound, Row, row_of
from synth.training.view import Floats, Indices, View, Words


class ManifestStore:
    """The rows of a manifest's file, each parsed when it is asked for.

    Sent to another process, it is a path; the file is opened there when the first row is asked for. Rows are read at
    their offset and share no position, so that threads and forks do not disturb each other.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[ManifestStore], tuple[Manifest]]:
        return type(self), (self._manifest,)

    def name(self) -> str:
        return str(self._manifest.path)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def row(self, index: int) -> Row:
        start, stop = int(self._starts[index]), int(self._starts[index + 1])
        line = os.pread(self._descriptor, stop - start, start)
        return self._typed(parse_row(line, self._manifest.file, f"row {index + 1}"))

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id; the file is searched for it, not parsed."""
        needle = json.dumps(clip_id).encode()
        with mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ) as data:
            at = data.find(needle)
            while at >= 0:
                index = int(np.searchsorted(self._starts, at, side="right")) - 1
                if self.row(index).id == clip_id:
                    return index
                at = data.find(needle, int(self._starts[index + 1]))
        return None

    def _typed(self, fields: ManifestRow) -> Row:
        path = self._manifest.path.parent / fields["audio_filepath"]  # stays as it is where it is absolute
        start = fields.get("offset")  # of NeMo's lists, in seconds; ours name whole files
        clip = str(fields.get("id") or path.stem)
        file = DataFile(path, self._manifest.file.root)
        sound = FileSound(clip, file, start, float(fields["duration"]), fields.get("num_samples"))
        return row_of(fields, path, sound)

    @cached_property
    def _descriptor(self) -> int:
        self._check_unchanged()
        number = self._manifest.file.open()
        weakref.finalize(self, os.close, number)
        return number

    @cached_property
    def _starts(self) -> Indices:
        return self._kept[0] if self._kept else line_starts(self._manifest.file)

    @cached_property
    def _kept(self) -> tuple[Indices, Columns] | None:
        self._check_unchanged()
        return self._manifest.kept()

    @cached_property
    def _columns(self) -> Columns:
        if self._kept:
            return self._kept[1]
        with self._lock:
            found = self._manifest.columns(self._starts)
            self._manifest.keep(self._starts, found)
        return found

    def _check_unchanged(self) -> None:
        if state_of(self._manifest.file) != self._manifest.state:
            raise UsageError(f"{self.name()} has changed since it was opened; open it again")

    def words(self, column: str) -> Words:
        return self._columns.words[column]

    def numbers(self, column: str) -> Floats:
        return self._columns.numbers[column]

    def label_names(self) -> tuple[str, ...]:
        return self._columns.labels


class OpenDataset(View):
    """The clips of a data set, in the order of its manifest: `synth.open_dataset`.

    A row is parsed when it is asked for, and its audio read when `row.audio()` is called. Can be sent to worker
    processes (forked or spawned): it pickles to a few hundred bytes, and each process opens the files for itself.
    """


def open_dataset(path: str | os.PathLike[str]) -> OpenDataset:
    """The clips of a data set, of one of its lists (`train.jsonl`, a list of a stage), or of a manifest that `synth
    select` wrote; any JSON lines with NeMo's keys will do.

    `path`: the data set's folder, or the manifest's file. Relative paths in a manifest start from its folder. Opening
    looks for the line ends of the manifest and no further.

    Raises:
        UsageError: no such data set, one that is not finished, or a manifest with a line that is not a row.
        DamagedDataset: as that, for a manifest inside a data set.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links; workers may stand elsewhere
    file = DataFile.named(_manifest_of(place))
    found = OpenDataset(ManifestStore(Manifest(file, state_of(file))))
    if not len(found):
        raise UsageError(f"{file.path} has no rows")
    found[0]  # a file that is no manifest is told at once
    return found


def _manifest_of(path: Path) -> Path:
    if path.name == "dataset.json" and path.is_file():
        path = path.parent
    if not path.exists() and not path.is_symlink():
        raise UsageError(f"there is no data set or manifest {path}")
    if not path.is_dir():
        return path
    dataset = DatasetDir(path)
    if os.path.lexists(dataset.dataset_json):
        return dataset.manifest
    if dataset.plan_header.is_file():
        raise UsageError(
            f"{path} is a data set that is not finished (`synth status {path}` says what is missing): run the same "
            f"`synth generate` again, or `synth finish {path}` where all parts are made"
        )
    if os.path.lexists(dataset.manifest):
        return dataset.manifest
    raise UsageError(f"{path} is not a data set of synth: it has no manifest.jsonl; `synth generate` makes one")
