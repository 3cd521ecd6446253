"""The audio files of a clip, for formats that hold them: the clip itself and its stems, as the manifest has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from synth.dataset.row_consistency import stems_of
from synth.export.format import ChunkWriter, Row

#: Keys of a row that say where a clip is in a tar file of the data set.
_PLACE: Final = ("shard_id", "tar_offset")


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


def packed_row(row: Row, audio: str, stems: Mapping[str, str]) -> Row:
    """The row of a clip that is in an archive: the same whether the data set has tar files or files.

    Args:
        row: of the manifest.
        audio: name of the clip in the archive.
        stems: names of its stems there.
    """
    packed = {key: value for key, value in row.items() if key not in _PLACE}
    return packed | {"audio_filepath": audio, "stems": {**(row.get("stems") or {}), **stems}}


def _extension(path: str) -> str:
    return PurePosixPath(path).suffix[1:]
