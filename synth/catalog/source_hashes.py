"""SHA-256 of whole files, for all recordings of a catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from synth.audio.file_identity import file_sha256, needs_decoding
from synth.catalog.catalog import Catalog
from synth.errors import BadInput
from synth.processes.pool import Pool

_HASH: Final = f"{file_sha256.__module__}:{file_sha256.__name__}"
_TIMEOUT_S: Final = 60.0


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
    for (first, stop), sha256 in _hashes(catalog, reread):
        if sha256 is not None:
            hashes[first:stop] = np.frombuffer(bytes.fromhex(sha256), np.uint8)
        if progress is not None:
            progress("hashing input files", stop, len(catalog))
    return catalog.with_hashes(hashes)


def _hashes(catalog: Catalog, reread: bool) -> Iterator[tuple[tuple[int, int], str | None]]:
    """The recordings of each file, and its hash; None if it cannot be read.

    Rows of Parquet files are hashed in a worker process, as they were listed and probed: what decodes them might end
    the process, and starts a thread, after which this one could not fork.
    """
    in_parquet: list[tuple[int, int]] = []
    for recordings in distinct_files(catalog):
        path = catalog.file(recordings[0])
        try:
            if needs_decoding(path):
                in_parquet.append(recordings)
                continue
            yield recordings, file_sha256(path, reread=reread)
        except (BadInput, OSError):
            yield recordings, None
    if not in_parquet:
        return
    tasks = [(catalog.file(first),) for first, _ in in_parquet]
    with Pool(1) as pool:
        for index, answer in pool.map(_HASH, tasks, timeout_s=_TIMEOUT_S):
            yield in_parquet[index], answer if isinstance(answer, str) else None


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
