"""Writes one chunk: the files of the format, then the part. Runs in a worker process, or in the parent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.old_formats import refuse_old_row
from synth.dataset.reader import MAX_LINE, DataFile, open_window_inside
from synth.errors import BadInput, DamagedDataset
from synth.export import export_file
from synth.export.export_dir import ExportDir
from synth.export.format import Row
from synth.export.formats import FORMATS
from synth.export.part import ChunkPart, write_part
from synth.export.row_checks import row_fault
from synth.export.settings import Chunk, ExportSettings
from synth.text import short_repr


class ChunkRun:
    """Writes the clips of one chunk; the `ChunkWriter` that formats get."""

    def __init__(self, settings: ExportSettings, chunk: Chunk) -> None:
        self.settings = settings
        self.chunk = chunk
        self.part = ChunkPart()
        self.lists: dict[str, list[str]] = {}
        self._folder = ExportDir(settings.out)
        self._losses = FORMATS[settings.format].losses

    def rows(self) -> Iterator[Row]:
        """Yield the manifest rows of the chunk, in clip order."""
        dataset = DatasetDir(self.settings.dataset)
        manifest = dataset.split_manifest(self.chunk.split)
        file = DataFile(manifest, dataset.path)
        rows = 0
        for line in _lines(file, self.chunk):
            row = file.object(line, self.chunk.name)
            problem = row_fault(row, self.chunk.split, self.settings.sample_rate)
            if problem is not None:
                refuse_old_row(row, f"{file.path}: {self.chunk.name}")
                raise file.error(f"clip {short_repr(row.get('id'))}: {problem}", self.chunk.name)
            if self.settings.selection.takes(row):
                rows += 1
                yield row
        self.part.rows = rows
        if rows != self.chunk.rows:
            raise file.error("was changed while it was exported")

    def add_line(self, name: str, line: str) -> None:
        """Add a line, without line end, to a list of the export."""
        if "\n" in line:
            raise ValueError(f"a line of {name} has a line end in it: {line!r}")
        self.add_text(name, f"{line}\n")

    def add_text(self, name: str, text: str) -> None:
        """Add text with line ends to a list that is merged in chunk order, such as CSV with line breaks in cells."""
        if not text.endswith("\n"):
            raise ValueError(f"a text of {name} has no line end: {text!r}")
        self.lists.setdefault(name, []).append(text)

    def file(self, relative: str) -> AbstractContextManager[export_file.CountingWriter]:
        """Write a file of the export; it appears when the block ends."""
        return export_file.writing(self._folder, relative, self.part.files)

    def lose(self, key: str, clips: int = 1) -> None:
        """Count clips of which something is lost; `key` is one of `Format.losses`."""
        if key not in self._losses:
            raise KeyError(key)
        self.part.lost[key] = self.part.lost.get(key, 0) + clips

    def audio(self, row: Row) -> str:
        """The path of a clip as lists write it."""
        return self.settings.path(row["audio_filepath"])

    def path(self, relative: str) -> str:
        """The path of any file of the data set as lists write it."""
        return self.settings.path(relative)

    def read_audio(self, row: Row) -> bytes:
        """The bytes of the file of a clip. Raises DamagedDataset if they are not those of the manifest."""
        return self._read(row["audio_filepath"], row.get("sha256"), row.get("tar_offset"))

    def read_file(self, relative: str, sha256: str | None) -> bytes:
        """The bytes of any file of the data set, such as a stem. Raises DamagedDataset as `read_audio`."""
        return self._read(relative, sha256)

    def _read(self, relative: str, sha256: str | None, start: int | None = None) -> bytes:
        """The bytes of a file, or of a member of a tar file, where they may begin at `start`."""
        root = self.settings.dataset
        try:
            window = open_window_inside(root, relative, start=start)
            try:
                data = window.read_at(0, window.size)
            finally:
                os.close(window.descriptor)
        except BadInput as error:
            raise DataFile(root / relative, root).error(error.message) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataFile(root / relative, root).error(f"cannot be read: {reason}") from None
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedDataset(
                f"{root / relative}: is not as it was written; `synth verify {root}` finds all such files",
                path=relative,
                what="is not as it was written",
            )
        return data


def _lines(file: DataFile, chunk: Chunk) -> Iterator[bytes]:
    """Yield the lines of a chunk, one at a time: a filter may have left few of a million rows in it."""
    with file.opened() as opened:
        opened.seek(chunk.offset)
        end = chunk.offset + chunk.size
        while opened.tell() < end and (line := opened.readline(MAX_LINE + 1)):
            yield line


def export_chunk(name: str, settings: ExportSettings, chunk: Chunk) -> int:
    """Write one chunk, in place of a damaged part of it.

    Args:
        name: of the chunk, for messages of the pool.
        settings: of the export.
        chunk: what to write.

    Returns:
        The number of its clips.

    Raises:
        DamagedDataset: a file of the data set is not as it was written.
        UsageError: another file lies where the export has one.
        StorageError: disk full, I/O error, no permission.
    """
    folder = ExportDir(settings.out)
    run = ChunkRun(settings, chunk)
    FORMATS[settings.format]().write_chunk(run)
    write_part(folder.part(chunk.split, chunk.number), run.part, run.lists, temp_folder=folder.temp)
    return chunk.rows
