"""Make the data set of a recipe, or resume it: `synth generate`."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.catalog.scan import Progress as ScanProgress
from synth.commands.plan import PlannedRecipe, StrPath, make_plan
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import GuardError
from synth.execute.array_part import ArrayPart, parse_part
from synth.execute.local import RunProgress, RunResult, run_shards
from synth.paths import output_path
from synth.recipe.load import load_recipe
from synth.recipe.source_folders import source_folders
from synth.units import size_text

if TYPE_CHECKING:
    from synth.dataset.plan_header import PlanHeader

__all__ = ["GeneratedDataset", "Listeners", "generate"]

_log = logging.getLogger(__name__)

_DISK_MARGIN = 1.1  # the estimate of the size may be that much too low


@dataclass(frozen=True, slots=True)
class GeneratedDataset:
    """What one call of `generate` did."""

    result: RunResult  # of this call: what earlier calls rendered is not counted
    content: Mapping[str, Any] | None  # that of dataset.json; None if other parts are still to come
    part: ArrayPart | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """What was rendered and what the data set holds, as JSON values."""
        return {
            "rendered": asdict(self.result),
            "part": None if self.part is None else {"index": self.part.index, "count": self.part.count},
            "complete": self.content is not None,
            "dataset": self.content and {key: value for key, value in self.content.items() if key != "ledger"},
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is called with progress and messages."""

    scan: ScanProgress | None = None  # with what is being done, how many files are done, and of how many
    render: Callable[[RunProgress], None] | None = None
    message: Callable[[str], None] = lambda text: None  # with a line for a person


def generate(
    recipe_path: StrPath,
    out: StrPath,
    *,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    part: str | None = None,
    strict_inputs: bool = False,
    listeners: Listeners | None = None,
) -> GeneratedDataset:
    """Make the data set of a recipe, or resume it.

    Args:
        recipe_path: a recipe (YAML), or the folder of one.
        out: the data set's directory. A finished data set is left as it is.
        overrides: `KEY=VALUE` texts that replace keys of the recipe.
        jobs: worker processes.
        part: render only this share of the shards and do not merge: `i/n`, or `auto` inside a job array.
        strict_inputs: hash all input files whole, and compare with the hashes that the directory has recorded.
        listeners: who is called with progress and messages.

    Raises:
        RecipeError: as `make_plan`.
        GuardError: as `make_plan`; or the disk is too small.
        UsageError: as `make_plan`; or there is another data set at `out`.
        Locked: another run holds the directory.
        TooManyBadInputs, SynthError: as `synth.dataset.finish.finish`.
        Interrupted, Terminated: by a signal; run again to resume.
    """
    from synth.dataset.commit import open_shards
    from synth.dataset.finish import finish
    from synth.dataset.status import finished_content

    dataset, listeners = DatasetDir(Path(out)), listeners or Listeners()
    chosen = parse_part(part, os.environ) if part else None
    output_path.check_data_set(dataset.path, inputs=source_folders(load_recipe(Path(recipe_path), overrides)))
    plan = partial(
        make_plan,
        recipe_path,
        overrides=overrides,
        jobs=jobs,
        progress=listeners.scan,
        check=False,
        strict_inputs=strict_inputs,
    )
    if chosen:
        listeners.message(f"part {chosen.index} of {chosen.count} ({chosen.origin})")
    content = finished_content(dataset)
    if content is not None:  # nothing is written, not even a lock file
        planned, header = _make_plan(plan, listeners)
        _check_same_inputs(dataset, planned, header, listeners)
        count = len(chosen.shards(header.shards)) if chosen else header.shards
        listeners.message(f"{count} of {count} shards are already done")
        nothing = RunResult(0, 0, 0, 0.0, 0, 0.0)
        return GeneratedDataset(nothing, None if chosen else content, chosen, planned.warnings)
    with lock.hold_part(dataset, chosen.index, chosen.count) if chosen else lock.hold_all(dataset):
        planned = _save_plan(dataset, plan, listeners)
        shards = chosen.shards(planned.plan.num_shards) if chosen else range(planned.plan.num_shards)
        todo = open_shards(dataset, list(shards))
        if len(todo) < len(shards):
            listeners.message(f"{len(shards) - len(todo)} of {len(shards)} shards are already done")
        timeout_s = planned.plan.recipe.limits.timeout_s
        result = run_shards(dataset.path, todo, jobs=jobs, timeout_s=timeout_s, progress=listeners.render)
        content = None if chosen else finish(dataset)
    return GeneratedDataset(result, content, chosen, planned.warnings)


def _make_plan(plan: Callable[[], PlannedRecipe], listeners: Listeners) -> tuple[PlannedRecipe, PlanHeader]:
    """Plan the recipe, and pass notes and warnings on."""
    from synth.dataset.saved_plan import header_of

    planned = plan()
    for note in planned.notes:
        listeners.message(f"note: {note}")
    for warning in planned.warnings:
        listeners.message(f"warning: {warning}")
    return planned, header_of(planned.plan, planned.noise, ledger=planned.ledger)


def _save_plan(dataset: DatasetDir, plan: Callable[[], PlannedRecipe], listeners: Listeners) -> PlannedRecipe:
    """Plan the recipe, and save the plan in the directory. Raises UsageError if that holds another plan."""
    from synth.dataset.plan_header import publish_plan_header
    from synth.dataset.saved_plan import save_plan

    with lock.hold_plan(dataset):  # parts that start together wait here for each other
        planned, header = _make_plan(plan, listeners)
        if dataset.plan_header.exists():
            _check_same_inputs(dataset, planned, header, listeners)
        else:
            output_path.check_data_set(dataset.path)
            check_disk(dataset.path, planned.bytes_needed)
        save_plan(dataset, planned.plan, planned.noise)
        publish_plan_header(dataset, header)
    return planned


def _check_same_inputs(dataset: DatasetDir, planned: PlannedRecipe, header: PlanHeader, listeners: Listeners) -> None:
    """Raise UsageError if the directory holds a plan of something else, with the names of files that changed."""
    from synth.dataset.input_changes import refuse_changed_inputs
    from synth.dataset.plan_header import check_same_plan, has_same_recipe, read_plan_header

    old = read_plan_header(dataset)
    if has_same_recipe(old, header) and (touched := refuse_changed_inputs(dataset, planned.plan)):
        listeners.message(f"{touched} input files have another modification time, but the same content (SHA-256)")
    check_same_plan(old, header, dataset)


def check_disk(path: Path, needed: int) -> None:
    """Raise GuardError if the disk of `path` clearly has no room for `needed` bytes."""
    existing = next(folder for folder in (path, *path.resolve().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    _log.info("guard disk: about %.3f GB needed, %.1f GB free", needed / 1e9, free / 1e9)
    if needed * _DISK_MARGIN > free:
        raise GuardError(
            f"{path}: the data set will take about {size_text(needed)}, {size_text(free)} are free; "
            "free some space, choose another disk, or ask for less (copies, hours, output.stems)"
        )
