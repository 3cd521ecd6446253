"""The audio files of a clip, for formats that hold them: the clip itself and its stems, as the manifest has them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from synth.dataset.row_consistency import stems_of
from synth.export.format import ChunkWriter, Row


class ClipFile(NamedTuple):
    """An audio file of a clip."""

    extension: str  #: without the dot
    data: bytes


def read_clip(out: ChunkWriter, row: Row) -> ClipFile:
    """The audio file of a clip. Raises DamagedDataset if it is not that of the manifest."""
    return ClipFile(_extension(row["audio_filepath"]), out.read_audio(row))


def read_stems(out: ChunkWriter, row: Row) -> dict[str, ClipFile]:
    """The stems that a clip has, by name. Raises DamagedDataset if one is not that of the manifest."""
    return {
        name: ClipFile(_extension(path), out.read_file(path, row["stems"].get(f"{name}_sha256")))
        for name, path in stems_of(row).items()
    }


def _extension(path: str) -> str:
    return PurePosixPath(path).suffix[1:]
