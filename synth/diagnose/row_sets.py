"""Manifests as a person names them on the command line: a data set's directory, a manifest, or `stage=manifest`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth.dataset.content import read_content
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import ManifestRow, read_rows
from synth.errors import UsageError

_NAMED = re.compile(r"([A-Za-z0-9_-]{1,64})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowSet:
    """A manifest; `stage` is that of the rows that have none. `stages`: the data set's own, in their order."""

    manifest: Path
    stage: str | None = None
    stages: tuple[str, ...] = ()

    def rows(self) -> Iterator[ManifestRow]:
        """The rows, one at a time. Raises UsageError."""
        for row in read_rows(self.manifest):
            yield row if self.stage is None or row.get("stage") is not None else {**row, "stage": self.stage}


def row_set(named: str | Path) -> RowSet:
    """The rows that a directory, a manifest or `stage=manifest` stands for. Raises UsageError where there are none."""
    path, stage = Path(named), None
    if not path.exists() and (parts := _NAMED.fullmatch(str(named))):
        stage, path = parts[1], Path(parts[2])
    if not path.is_dir():
        return RowSet(path, stage)
    dataset = DatasetDir(path)
    if not os.path.lexists(dataset.manifest):
        raise UsageError(f"{path} holds no manifest.jsonl; name a finished data set (generate, finish) or a manifest")
    return RowSet(dataset.manifest, stage, _stages(dataset))


def _stages(dataset: DatasetDir) -> tuple[str, ...]:
    """As its dataset.json lists them."""
    if not os.path.lexists(dataset.dataset_json):
        return ()
    content = read_content(dataset)
    return tuple(stage["stage"] for stage in content["stages"] if stage["stage"] is not None)


def all_stages(sets: Sequence[RowSet], order: Sequence[str] = ()) -> tuple[str, ...]:
    """The stages in the order of training: those of `order`, then those that the sets list, each once."""
    listed = [stage for each in sets for stage in (*each.stages, *((each.stage,) if each.stage else ()))]
    return tuple(dict.fromkeys((*order, *listed)))
