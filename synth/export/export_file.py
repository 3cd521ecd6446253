"""Writes the files of an export: under a temporary name first, and never over a file that is not equal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from synth import files
from synth.dataset.reader import DataFile, leads_out
from synth.errors import UsageError
from synth.export.export_dir import ExportDir


class CountingWriter(files.HashingWriter):
    """A writer that hashes and counts what goes through it."""

    def __init__(self, out: files.Writer) -> None:
        super().__init__(out)
        self.bytes = 0  #: written so far

    def write(self, data: files.Data) -> None:
        """Append bytes."""
        self.bytes += memoryview(data).nbytes
        super().write(data)


@contextlib.contextmanager
def writing(folder: ExportDir, relative: str, written: dict[str, dict[str, Any]]) -> Iterator[CountingWriter]:
    """Write one file of an export in parts.

    It appears when the block ends without an exception. A file with the same bytes, which a killed run wrote, is left
    as it is. The name is durable only after `files.sync_folders`.

    Args:
        folder: the export.
        relative: the path of the file in it.
        written: takes the size and the SHA-256 of the file under its path.

    Raises:
        UsageError: another file lies there.
        StorageError: disk full, I/O error, no permission.
    """
    if leads_out(relative):
        raise ValueError(f"relative={relative!r} leads out of the export")
    path = folder.path / relative
    out: CountingWriter | None = None
    try:
        with files.writing(path, temp_folder=folder.temp, create_only=True, durable_name=False) as plain:
            out = CountingWriter(plain)
            yield out
    except FileExistsError:
        if out is None or not _is_equal(folder, relative, out):
            raise UsageError(
                f"{path}: another file lies where the export has one, and is left as it is; move it away, or name "
                "a new folder with --out"
            ) from None
    written[relative] = {"bytes": out.bytes, "sha256": out.sha256}


def _is_equal(folder: ExportDir, relative: str, out: CountingWriter) -> bool:
    path = folder.path / relative
    if path.is_symlink() or not path.is_file() or os.path.getsize(path) != out.bytes:  # noqa: PTH202 - as is_file above
        return False
    return DataFile(path, folder.path).sha256(out.bytes) == out.sha256
