"""Where everything lies in the folder of an export: the only place that knows these names."""

from __future__ import annotations

from pathlib import Path

from synth.paths.folders import EXPORT_JSON, PRIVATE


class ExportDir:
    """The paths of one export."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.export_json = path / EXPORT_JSON  # written last: it exists exactly if the export is complete
        self.private = path / PRIVATE
        self.header = self.private / EXPORT_JSON  # what is being exported, and how; gone when the export is complete
        self.parts = self.private / "parts"
        self.temp = self.private / "tmp"

    def part(self, split: str, number: int) -> Path:
        """The part of a chunk; it exists exactly if the chunk is done."""
        return self.parts / f"{split}-{number:06d}.part"
