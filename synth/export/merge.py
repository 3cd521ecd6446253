"""Merges the parts of all chunks into the lists of an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synth.export import export_file
from synth.export.export_dir import ExportDir
from synth.export.part import ChunkPart, list_lines, read_part
from synth.export.settings import Chunk, ExportSettings
from synth.export.totals import Totals


class PartMerge:
    """What all chunks wrote; the `Merge` that formats get."""

    def __init__(self, settings: ExportSettings, chunks: Sequence[Chunk], totals: Totals) -> None:
        self.settings = settings
        self.totals = totals
        self.files: dict[str, dict[str, Any]] = {}
        self.lost: Counter[str] = Counter()
        self._folder = ExportDir(settings.out)
        self._parts: list[tuple[Chunk, ChunkPart]] = []
        for chunk in chunks:
            part = read_part(self._folder, chunk)
            self._parts.append((chunk, part))
            self.files |= part.files
            self.lost.update(part.lost)

    def names(self) -> list[str]:
        """The lists that chunks added lines to, sorted."""
        return sorted({name for _, part in self._parts for name in part.lists})

    def lines(self, name: str, *, ordered: bool = False) -> Iterator[bytes]:
        """Yield the lines of a list with their line ends: in chunk order, or sorted by bytes (as `LC_ALL=C sort`).

        Sorting holds the list in memory: some 150 bytes per clip.
        """
        lines = (line for chunk, part in self._parts for line in list_lines(self._folder, chunk, part, name))
        return iter(sorted(lines)) if ordered else lines

    def write(self, relative: str, blocks: Iterable[bytes]) -> None:
        """Write a file of the export."""
        with export_file.writing(self._folder, relative, self.files) as file:
            waiting: list[bytes] = []
            for block in blocks:
                waiting.append(block)
                if len(waiting) >= 1000:
                    file.write(b"".join(waiting))
                    waiting.clear()
            file.write(b"".join(waiting))

    def lose(self, key: str, clips: int) -> None:
        """Count clips of which something is lost; `key` is one of `Format.losses`."""
        self.lost[key] += clips
