"""Show every choice that made one clip: `synth explain`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synth.commands.plan import StrPath
from synth.dataset.dataset_dir import DatasetDir
from synth.plan.clip_name import find_clip
from synth.plan.explain import ExplainedDraw, explained_draws, spec_to_json
from synth.plan.plan import Plan

__all__ = ["ClipExplanation", "explain"]


@dataclass(frozen=True, slots=True)
class ClipExplanation:
    """How a clip is made."""

    clip_id: str
    spec: Mapping[str, Any]  # its ClipSpec, as JSON values
    draws: tuple[ExplainedDraw, ...]
    row: Mapping[str, Any] | None  # of the manifest; None if the clip is not rendered yet

    def to_json(self) -> dict[str, Any]:
        """The explanation as JSON values, each draw with the value that it gave."""
        draws = [asdict(draw) for draw in self.draws]
        return {"clip_id": self.clip_id, "spec": self.spec, "draws": draws, "row": self.row}


def explain(out: StrPath, clip: str) -> ClipExplanation:
    """Return every choice of one clip, which is named as `find_clip` takes it.

    Raises:
        UsageError: there is no data set, or no such clip in it.
        DamagedDataset: its plan or its parts cannot be read.
    """
    from synth.dataset.saved_plan import reading_plan

    dataset = DatasetDir(Path(out))
    with reading_plan(dataset) as saved:
        index = find_clip(saved.plan, clip, dataset.path)
        spec, draws = explained_draws(saved.plan, index)
        row = find_row(dataset, saved.plan, index)
        clip_id = saved.plan.clip_id(index)
        if row is not None and len(row["noise"]) != len(spec.noise):
            raise ValueError(
                f"the clip {clip_id} was made of {len(row['noise'])} noise segments, not {len(spec.noise)}"
            )
        return ClipExplanation(clip_id, spec_to_json(spec), draws, row)


def find_row(dataset: DatasetDir, plan: Plan, index: int) -> dict[str, Any] | None:
    """Return the manifest row of clip `index`, from the part that made it; None if it is not rendered (yet)."""
    from synth.dataset.commit import read_part
    from synth.dataset.plan_header import read_plan_header

    shard = index // plan.shard_size
    if not os.path.lexists(dataset.part(shard)):
        return None
    clip_id = plan.clip_id(index)
    part = read_part(dataset, shard, read_plan_header(dataset))
    return next((row for row, _, is_row in part if is_row and row["id"] == clip_id), None)
