"""Manifests as the command line names them: the folder of a data set, a manifest, or `stage=manifest`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import read_content
from synth.dataset.manifest import ManifestRow, read_rows
from synth.errors import UsageError

_STAGE_AND_PATH = re.compile(r"([A-Za-z0-9_-]{1,64})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowSet:
    """The rows of a manifest."""

    manifest: Path
    stage: str | None = None  # stage of the rows that have none
    stages: tuple[str, ...] = ()  # stages of the data set, in their order

    def rows(self) -> Iterator[ManifestRow]:
        """Yield the rows, one at a time. Raises UsageError."""
        for row in read_rows(self.manifest):
            yield row if self.stage is None or row.get("stage") is not None else {**row, "stage": self.stage}


def open_row_set(text: str | Path) -> RowSet:
    """Open what a directory, a manifest or `stage=manifest` names.

    Raises:
        UsageError: the directory has no manifest.
    """
    path, stage = Path(text), None
    if not path.exists() and (match := _STAGE_AND_PATH.fullmatch(str(text))):
        stage, path = match[1], Path(match[2])
    if not path.is_dir():
        return RowSet(path, stage)
    dataset = DatasetDir(path)
    if not os.path.lexists(dataset.manifest):
        raise UsageError(f"{path} has no manifest.jsonl; name a finished data set (generate, finish) or a manifest")
    stages: tuple[str, ...] = ()
    if os.path.lexists(dataset.dataset_json):
        stages = tuple(each["stage"] for each in read_content(dataset)["stages"] if each["stage"] is not None)
    return RowSet(dataset.manifest, stage, stages)


def all_stages(sets: Sequence[RowSet], order: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the stages in the order of training, each once: those of `order`, then those that the sets list."""
    stages = [stage for row_set in sets for stage in (*row_set.stages, *((row_set.stage,) if row_set.stage else ()))]
    return tuple(dict.fromkeys((*order, *stages)))
