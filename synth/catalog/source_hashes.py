"""SHA-256 of whole files, for all recordings of a catalog."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from synth.audio.file_identity import file_sha256
from synth.catalog.catalog import Catalog
from synth.errors import BadInput


def hash_sources(
    catalog: Catalog, *, reread: bool = False, progress: Callable[[str, int, int | None], None] | None = None
) -> Catalog:
    """Hash the files of a catalog, each once.

    Args:
        catalog: the recordings.
        reread: trust no hash that is remembered.
        progress: called for each file.

    Returns:
        The catalog with the hashes. A file that is missing has none: the render will refuse it.

    Raises:
        StorageError: the disk fails.
    """
    hashes = np.zeros((len(catalog), 32), np.uint8)
    for first, stop in distinct_files(catalog):
        with contextlib.suppress(BadInput):
            hashes[first:stop] = np.frombuffer(bytes.fromhex(file_sha256(catalog.file(first), reread=reread)), np.uint8)
        if progress is not None:
            progress("hashing input files", stop, len(catalog))
    return catalog.with_hashes(hashes)


def distinct_files(catalog: Catalog) -> Iterator[tuple[int, int]]:
    """(first, stop) of the recordings of each file; they are neighbors in a catalog."""
    first, before = 0, None
    for index in range(len(catalog)):
        key = int(catalog.source_indices[index]), catalog.path(index)
        if before is not None and key != before:
            yield first, index
            first = index
        before = key
    if len(catalog):
        yield first, len(catalog)
