"""What is the same for all chunks of an export: the data set, the format, the options, and how paths are written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth.errors import UsageError
from synth.export.columns import Kind
from synth.export.selection import ClipSelection
from synth.text import is_utf8, printable

RELATIVE: Final = "relative"
ABSOLUTE: Final = "absolute"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of the rows of one split: the unit of work."""

    split: str
    number: int  # from 0, within the split
    offset: int  # bytes, of the first line in the manifest of the split
    size: int  # bytes, of all lines up to the last selected one
    rows: int  # that are selected

    @property
    def name(self) -> str:
        """For messages."""
        return f"chunk {self.number} of the split {self.split}"


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What is the same for all chunks of an export."""

    dataset: Path  # real path of the data set
    out: Path  # real path of the export
    format: str
    selection: ClipSelection
    paths: str  # "relative", "absolute", or a prefix
    shard_size: int  # clips
    cut_margins: bool
    sample_rate: int  # Hz
    dataset_sha256: str  # that `dataset.json` has of itself
    has_texts: bool = False  # whether any selected clip has a text
    chunk_counts: Mapping[str, int] = field(default_factory=dict)  # by split
    label_kinds: Mapping[str, Kind] = field(default_factory=dict)  # type of each label, over all selected clips
    stems: tuple[str, ...] = ()  # names of stems that a selected clip has

    @property
    def root(self) -> str:
        """The folder of the data set as the lists write it."""
        if self.paths == RELATIVE:
            return Path(os.path.relpath(self.dataset, self.out)).as_posix()
        return self.dataset.as_posix() if self.paths == ABSOLUTE else self.paths.rstrip("/") or "/"

    def path(self, relative: str) -> str:
        """The path of a file of the data set as the lists write it."""
        root = self.root
        return f"{root}{'' if root.endswith('/') else '/'}{relative}"

    def options(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {
            **self.selection.to_json(),
            "paths": self.paths,
            "shard_size": self.shard_size,
            "cut_margins": self.cut_margins,
        }


def check_paths(settings: ExportSettings) -> None:
    """Refuse paths that no list can hold. Raises UsageError."""
    root = settings.root
    if not settings.paths.strip():
        raise UsageError("--paths is empty; use relative, absolute, or what paths are to begin with")
    if not is_utf8(root) or any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in root):
        raise UsageError(
            f"{printable(root)}: this path has control characters or bytes that are not UTF-8, which lists cannot "
            "hold; rename the folder, or give --paths a prefix without them"
        )
