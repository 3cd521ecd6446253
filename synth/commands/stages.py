"""Counts clips and hours per training stage, and checks whether the stages are in balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synth.dataset.stages import StageCounts
from synth.diagnose.row_sets import all_stages, open_row_set
from synth.diagnose.stages import check_stages, distinct_hours
from synth.errors import UsageError

__all__ = ["count_stages"]


def count_stages(sets: Sequence[str], *, order: Sequence[str] = ()) -> dict[str, Any]:
    """Count the stages of data sets and manifests together, in the order of training, and check their balance.

    Args:
        sets: data sets, manifests, and `stage=manifest`.
        order: stages in the order of training. Other stages follow in the order of the recipes of the data sets, then
            in that of their first clips.

    Raises:
        UsageError: a set cannot be read, or no clip is of a stage of `order`.
    """
    row_sets = [open_row_set(each) for each in sets]
    counts = StageCounts(all_stages(row_sets, order))
    for row_set in row_sets:
        for row in row_set.rows():
            counts.add(row)
    names = [stage.name for stage in counts.stages if stage.name is not None and stage.total.clips]
    if unknown := [name for name in order if name not in names]:
        raise UsageError(f"--order: no clip is of the stage {unknown[0]!r}; there are {', '.join(names) or 'none'}")
    return {
        "stages": [stage.to_json() for stage in counts.stages],
        "source_hours": round(distinct_hours(counts.stages), 6),
        "other_splits": counts.other_splits,
        "checks": [check.to_json() for check in check_stages(counts.stages)],
    }
