"""Export a data set to the format of another tool."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import read_content
from synth.errors import UsageError
from synth.export.formats import FORMATS
from synth.export.selection import ClipSelection
from synth.export.settings import ExportSettings
from synth.paths import output_path
from synth.recipe.load import load_recipe

if TYPE_CHECKING:
    from synth.export.run import ExportResult, Progress

__all__ = ["export"]


def export(
    dataset: Path,
    out: Path,
    *,
    to: str,
    split: Sequence[str] = (),
    stage: Sequence[str] = (),
    condition: Sequence[str] = (),
    min_duration: float | None = None,
    max_duration: float | None = None,
    paths: str | None = None,
    shard_size: int | None = None,
    cut_margins: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> ExportResult:
    """Export a finished data set. The same call again resumes an export that was interrupted.

    Args:
        dataset: the data set; it is not changed.
        out: the folder to write.
        to: one of FORMATS.
        split: export clips of these splits only.
        stage: export clips of these stages of training only.
        condition: export clips of these conditions only.
        min_duration: export clips of at least this length (seconds).
        max_duration: export clips of at most this length (seconds).
        paths: how lists write paths: `relative` (to `out`), `absolute`, or what paths begin with in place of the folder
            of the data set, such as `s3://bucket/set`. Default: what the reader of the format needs.
        shard_size: clips per unit of work, and per archive in formats that have archives (default: that of the data
            set).
        cut_margins: leave the margins before and after the speech out.
        jobs: worker processes.
        progress: called with (what, clips so far, clips).

    Raises:
        UsageError: no such format, no finished data set, no clip is selected, or `out` must not be written.
        DamagedDataset: a file of the data set is not as it was written.
        Locked: another run exports into this folder.
    """
    from synth.export.run import run

    output_path.check_export(out, inputs=(dataset,))
    if to not in FORMATS:
        close = get_close_matches(to, FORMATS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"formats are {', '.join(FORMATS)}"
        raise UsageError(f"--to {to}: there is no such format; {hint}")
    for option, seconds in (("--min-duration", min_duration), ("--max-duration", max_duration)):
        if seconds is not None and not math.isfinite(seconds):
            raise UsageError(f"{option} {seconds}: this is no length of a clip; give a number of seconds")
    if min_duration is not None and max_duration is not None and min_duration > max_duration:
        raise UsageError(f"--min-duration {min_duration:g} is above --max-duration {max_duration:g}; swap them")
    folder = DatasetDir(Path(os.path.realpath(dataset)))
    if not os.path.lexists(folder.dataset_json):
        raise UsageError(
            f"{dataset} is not a finished data set: it has no dataset.json; finish it with synth generate "
            "or synth finish"
        )
    content = read_content(folder)
    settings = ExportSettings(
        dataset=folder.path,
        out=Path(os.path.realpath(out)),
        format=to,
        selection=ClipSelection(tuple(split), tuple(stage), tuple(condition), min_duration, max_duration),
        paths=FORMATS[to].default_paths if paths is None else paths,
        shard_size=shard_size or load_recipe(folder.recipe, folder=folder.path).output.shard_size,
        cut_margins=cut_margins,
        sample_rate=content["sample_rate"],
        dataset_sha256=content["sha256"],
    )
    return run(settings, out=out, jobs=jobs, progress=progress)
