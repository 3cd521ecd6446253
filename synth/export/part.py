"""The part of a chunk: what a worker adds to the lists of the export, and what it wrote, counted and lost.

The first line is JSON: counts, files, the length of each list, and their hash. The lists follow as they are. A part is
the last thing that is written of its chunk. It is not synced, because that takes as long as to write the files of a
small chunk: what a power cut leaves of it is found by the hash, and the chunk is written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.dataset.json_checks import count, fault, list_of, mapping_of, object_of, text, tuple_of
from synth.dataset.reader import MAX_LINE, DataFile
from synth.errors import StorageError, SynthError
from synth.export.export_dir import ExportDir
from synth.export.settings import Chunk

_HEADER: Final = object_of(
    {
        "rows": count,
        "lost": mapping_of(count),
        "files": mapping_of(object_of({"bytes": count, "sha256": text})),
        "lists": list_of(tuple_of(text, count)),
        "sha256": text,
    }
)


@dataclass(slots=True)
class ChunkPart:
    """What one chunk adds to the export."""

    rows: int = 0
    lost: dict[str, int] = field(default_factory=dict)  # clips by key of `Format.losses`
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # size and SHA-256 of each file, by its path
    lists: dict[str, int] = field(default_factory=dict)  # bytes of each list, in the order in which they follow
    start: int = 0  # bytes before the first list

    def offset_of(self, name: str) -> int:
        """Where a list begins in the file of the part."""
        before = 0
        for each, size in self.lists.items():
            if each == name:
                break
            before += size
        return self.start + before


def write_part(path: Path, part: ChunkPart, lists: dict[str, list[str]], *, temp_folder: Path) -> None:
    """Write a part, in place of one that is damaged. Raises StorageError."""
    data = {name: "".join(texts).encode() for name, texts in sorted(lists.items())}
    header = {
        "rows": part.rows,
        "lost": part.lost,
        "files": part.files,
        "lists": [[name, len(block)] for name, block in data.items()],
    }
    digest = hashlib.sha256()
    for block in data.values():
        digest.update(block)
    line = json.dumps({**header, "sha256": digest.hexdigest()}, sort_keys=True, ensure_ascii=False)
    files.write_file(path, (f"{line}\n".encode(), *data.values()), temp_folder=temp_folder, durable=False)


def read_part(folder: ExportDir, chunk: Chunk) -> ChunkPart:
    """Read the header of a part. Raises SynthError if it is damaged."""
    path = folder.part(chunk.split, chunk.number)
    file = DataFile(path, folder.path)
    with file.opened() as opened:
        line = opened.readline(MAX_LINE * 64)
        digest, size = hashlib.sha256(), len(line)
        while block := opened.read(1 << 20):
            digest.update(block)
            size += len(block)
    header = file.object(line, 1)
    problem = fault(_HEADER, header)
    if problem is None and len(line) + sum(length for _, length in header["lists"]) != size:
        problem = "it is cut off"
    if problem is None and header["sha256"] != digest.hexdigest():
        problem = "it is not as it was written"
    if problem is None and header["rows"] != chunk.rows:
        problem = f"it has {header['rows']} clips, not {chunk.rows}"
    if problem is not None:
        raise SynthError(f"{path}: {problem}; remove this file and run the export again")
    return ChunkPart(header["rows"], header["lost"], header["files"], dict(header["lists"]), len(line))


def is_written(folder: ExportDir, chunk: Chunk) -> bool:
    """Whether a chunk has an undamaged part, and every file that it names."""
    try:
        part = read_part(folder, chunk)
    except StorageError:
        raise
    except SynthError:
        return False
    return all(_size(folder.path / name) == file["bytes"] for name, file in part.files.items())


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None


def list_lines(folder: ExportDir, chunk: Chunk, part: ChunkPart, name: str) -> Iterator[bytes]:
    """Yield the lines that a part adds to a list, with their line ends."""
    size = part.lists.get(name, 0)
    if size:
        with DataFile(folder.part(chunk.split, chunk.number), folder.path).opened() as opened:
            opened.seek(part.offset_of(name))
            yield from (line + b"\n" for line in opened.read(size).split(b"\n")[:-1])
