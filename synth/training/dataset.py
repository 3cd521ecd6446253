"""`synth.open_dataset`: a finished data set, or a manifest, as a sequence of typed rows with their sound."""

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
from synth.dataset.manifest import parse_row
from synth.dataset.reader import DataFile
from synth.errors import UsageError
from synth.training.index import Columns, ManifestFile, line_starts, state_of
from synth.training.row import FileSound, Row, row_of
from synth.training.view import Floats, Indices, NameColumn, View


class ManifestStore:
    """The rows of a manifest's file, each parsed when it is asked for.

    Sent to another process, it is a path; the file is opened there when the first row is asked for. Rows are read at
    their position and share none, so that threads and forks do not disturb each other.
    """

    def __init__(self, manifest: ManifestFile) -> None:
        self._manifest = manifest
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[ManifestStore], tuple[ManifestFile]]:
        return type(self), (self._manifest,)

    def name(self) -> str:
        """The path of the manifest."""
        return str(self._manifest.path)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def row(self, index: int) -> Row:
        """Parse the row with this index, from 0."""
        start, stop = int(self._starts[index]), int(self._starts[index + 1])
        line = os.pread(self._descriptor, stop - start, start)
        fields = parse_row(line, self._manifest.file, f"row {index + 1}")
        path = self._manifest.path.parent / fields["audio_filepath"]  # stays as it is if it is absolute
        offset_s = fields.get("offset")  # NeMo's manifests have it; rows of ours name whole files
        clip = str(fields.get("id") or path.stem)
        file = DataFile(path, self._manifest.file.root)
        seconds = float(fields["duration"])
        in_tar = fields.get("tar_offset") if "shard_id" in fields and "pcm_sha256" in fields else None
        return row_of(fields, path, FileSound(clip, file, offset_s, seconds, fields.get("num_samples"), in_tar))

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

    @cached_property
    def _descriptor(self) -> int:
        self._check_unchanged()
        number = self._manifest.file.open()
        weakref.finalize(self, os.close, number)
        return number

    @cached_property
    def _cached(self) -> tuple[Indices, Columns] | None:
        self._check_unchanged()
        return self._manifest.read_cached()

    @cached_property
    def _starts(self) -> Indices:
        return self._cached[0] if self._cached else line_starts(self._manifest.file)

    @cached_property
    def _columns(self) -> Columns:
        if self._cached:
            return self._cached[1]
        with self._lock:
            columns = self._manifest.read_columns(self._starts)
            self._manifest.write_cached(self._starts, columns)
        return columns

    def _check_unchanged(self) -> None:
        if state_of(self._manifest.file) != self._manifest.state:
            raise UsageError(f"{self.name()} has changed since it was opened; open it again")

    def name_column(self, column: str) -> NameColumn:
        """The column `split`, `stage` or `condition`."""
        return self._columns.names[column]

    def number_column(self, column: str) -> Floats:
        """The column `duration` (seconds) or `weight`, shape (rows,)."""
        return self._columns.numbers[column]

    def label_names(self) -> tuple[str, ...]:
        """The labels that are true, false or unknown in every row."""
        return self._columns.labels


class OpenDataset(View):
    """The clips of a data set, in the order of its manifest: `synth.open_dataset`.

    A row is parsed when it is asked for, and its audio read when `row.audio()` is called. Can be sent to worker
    processes (forked or spawned): it pickles to a few hundred bytes, and each process opens the files for itself.
    """


def open_dataset(path: str | os.PathLike[str]) -> OpenDataset:
    """Open the clips of a data set, or of a manifest.

    Opening looks for the line ends of the manifest and no further.

    Args:
        path: the folder of a data set, one of its manifests (`train.jsonl`, or that of a stage), a manifest that `synth
            select` wrote, or any JSON lines with NeMo's keys. Paths in a manifest are relative to its folder.

    Raises:
        UsageError: no such data set, one that is not finished, or a manifest with a line that is not a row.
        DamagedDataset: as that, for a manifest inside a data set.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links; a worker may have another working folder
    file = DataFile.named(_manifest_of(absolute))
    clips = OpenDataset(ManifestStore(ManifestFile(file, state_of(file))))
    if not len(clips):
        raise UsageError(f"{file.path} has no rows")
    clips[0]  # a file that is no manifest is refused at once
    return clips


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
            f"`synth generate` again, or `synth finish {path}` if all parts are done"
        )
    if os.path.lexists(dataset.manifest):
        return dataset.manifest
    raise UsageError(f"{path} is not a data set of synth: it has no manifest.jsonl; `synth generate` makes one")
