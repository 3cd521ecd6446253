"""Files without a name, for data that do not fit into memory: they vanish when they are closed, also after a kill."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from synth import files
from synth.errors import StorageError


def scratch_file(folder: Path | None) -> IO[bytes]:
    """An empty file, open for reading and writing, in `folder`, or otherwise in the folder for temporary files.

    Raises:
        StorageError: neither can be written to.
    """
    if folder is not None:
        with contextlib.suppress(StorageError):
            return _unnamed(folder)
    return _unnamed(Path(tempfile.gettempdir()))


def _unnamed(folder: Path) -> IO[bytes]:
    files.make_folder(folder)
    path = folder / f".scratch.{uuid.uuid4().hex}.tmp"
    with storage_errors(folder):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    files.remove_file(path)
    return os.fdopen(descriptor, "w+b")


@contextlib.contextmanager
def storage_errors(folder: Path | str) -> Iterator[None]:
    """Turn an OSError of a write in this block into a StorageError that says where and why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{folder}: writing failed: {reason}; fix this and run again") from error
