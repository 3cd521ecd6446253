"""How far a data set is: which shards are done, and who works on it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from synth.dataset.commit import present_headers
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import content_digest, read_content
from synth.dataset.lock import holders
from synth.dataset.plan_header import read_plan_header
from synth.dataset.reader import DataFile
from synth.dataset.saved_plan import open_plan
from synth.errors import SynthError, UsageError


@dataclass(frozen=True, slots=True)
class Status:
    """State of a data set's directory."""

    shards: int  # of the plan
    missing: tuple[int, ...]  # shards to be made: without a part, or with a timeout
    planned_clips: int
    clips: int  # made
    seconds: float  # of audio in the clips made
    refused: dict[str, int] = field(default_factory=dict)  # clips by code
    complete: bool = False  # `dataset.json` exists
    held_by: tuple[str, ...] = ()  # who works in the directory now

    @property
    def shards_done(self) -> int:
        """The number of shards that are made."""
        return self.shards - len(self.missing)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {
            "shards": self.shards,
            "shards_done": self.shards_done,
            "missing": list(self.missing),
            "planned_clips": self.planned_clips,
            "clips": self.clips,
            "hours": round(self.seconds / 3600, 4),
            "refused": dict(sorted(self.refused.items())),
            "complete": self.complete,
            "held_by": list(self.held_by),
        }


def status(dataset: DatasetDir) -> Status:
    """Read the headers of all parts.

    Raises:
        UsageError: nothing was planned here.
        DamagedDataset: the plan or a part is damaged.
    """
    plan = read_plan_header(dataset)
    missing = set(range(plan.shards))
    clips = samples = 0
    refused: dict[str, int] = {}
    for header in present_headers(dataset):
        clips, samples = clips + header.clips, samples + header.samples
        for code, count in header.codes.items():
            refused[code] = refused.get(code, 0) + count
        if not header.timeouts:
            missing.discard(header.shard)
    return Status(
        shards=plan.shards,
        missing=tuple(sorted(missing)),
        planned_clips=plan.clips,
        clips=clips,
        seconds=samples / plan.sample_rate,
        refused=refused,
        complete=dataset.dataset_json.exists(),
        held_by=tuple(holders(dataset)),
    )


def finished_content(dataset: DatasetDir) -> dict[str, Any] | None:
    """The content of `dataset.json` if a run would have nothing to do and nothing to repair; else None.

    Audio files are not checked. Writes nothing, so that it works on a read-only disk.

    Raises:
        UsageError: the data set is one of another version.
    """
    if not os.path.lexists(dataset.dataset_json) or not os.path.lexists(dataset.plan_header):
        return None
    try:
        state, content = status(dataset), read_content(dataset)
        open_plan(dataset)
        hashes = {name: DataFile(dataset.path / name, dataset.path).sha256() for name in content["files"]}
    except UsageError:  # of another version: nothing may be repaired
        raise
    except SynthError:
        return None
    is_whole = content["sha256"] == content_digest(content) and content["files"] == hashes
    return content if is_whole and not state.missing and not state.held_by else None
