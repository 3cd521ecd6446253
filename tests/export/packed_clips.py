"""Reads exports that hold the audio, with Python's tarfile and json alone."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

from tests.helpers import rows_of


def members(path: Path) -> list[tuple[str, bytes]]:
    """Name and content of each member of a tar file, in order; each is a plain file without time and owner."""
    contents = []
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            assert member.isreg()
            assert (member.mtime, member.uid, member.gid, member.mode, member.pax_headers) == (0, 0, 0, 0o644, {})
            file = tar.extractfile(member)
            assert file
            contents.append((member.name, file.read()))
    return contents


def rows_by_id(data_set: Path, split: str | None = None) -> dict[str, dict[str, Any]]:
    """The rows of a data set in order, or those of one split."""
    return {row["id"]: row for row in rows_of(data_set / f"{split or 'manifest'}.jsonl")}


def audio_of(data_set: Path, row: dict[str, Any]) -> bytes:
    """The bytes of the file of a clip."""
    return (data_set / row["audio_filepath"]).read_bytes()


def stem_of(data_set: Path, row: dict[str, Any], stem: str) -> bytes:
    """The bytes of the file of a stem."""
    return (data_set / row["stems"][stem]).read_bytes()
