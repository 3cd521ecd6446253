"""Make the data set of a recipe, or resume it: `synth generate`."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.catalog.scan import Progress as ScanProgress
from synth.commands.plan import PlannedRecipe, StrPath, make_plan
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import GuardError
from synth.execute.local import RunProgress, RunResult, run_shards
from synth.execute.parts import Part, parse_part
from synth.paths import output_path
from synth.plan.plan import Plan
from synth.recipe.load import load_recipe
from synth.recipe.source_folders import source_folders
from synth.units import size_text

if TYPE_CHECKING:
    from synth.dataset.plan_file import PlanHeader

__all__ = ["GeneratedDataset", "Listeners", "generate"]

_log = logging.getLogger(__name__)

_DISK_MARGIN = 1.1  # the estimate of the size may be that much too low


@dataclass(frozen=True, slots=True)
class GeneratedDataset:
    """What one call of `generate` did."""

    result: RunResult  # of this call: what earlier calls rendered is not counted
    content: Mapping[str, Any] | None  # that of dataset.json; None if other parts are still to come
    part: Part | None
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

    out = Path(out)
    chosen = parse_part(part, os.environ) if part else None
    output_path.check_data_set(out, inputs=source_folders(load_recipe(Path(recipe_path), overrides)))
    run = _Run(DatasetDir(out), Path(recipe_path), overrides, jobs, strict_inputs, listeners or Listeners())
    if chosen:
        run.listeners.message(f"part {chosen.index} of {chosen.count} ({chosen.origin})")
    content = finished_content(run.dataset)
    if content is not None:  # nothing is written, not even a lock file
        planned, header = run.make_plan()
        run.check_same_inputs(planned.plan, header)
        count = len(chosen.shards(header.shards)) if chosen else header.shards
        run.listeners.message(f"{count} of {count} shards are already done")
        nothing = RunResult(0, 0, 0, 0.0, 0, 0.0)
        return GeneratedDataset(nothing, None if chosen else content, chosen, planned.warnings)
    with lock.part(run.dataset, chosen.index, chosen.count) if chosen else lock.whole(run.dataset):
        planned = run.save_plan()
        shards = chosen.shards(planned.plan.num_shards) if chosen else range(planned.plan.num_shards)
        todo = open_shards(run.dataset, list(shards))
        if len(todo) < len(shards):
            run.listeners.message(f"{len(shards) - len(todo)} of {len(shards)} shards are already done")
        timeout_s = planned.plan.recipe.limits.timeout_s
        result = run_shards(out, todo, jobs=jobs, timeout_s=timeout_s, progress=run.listeners.render)
        content = None if chosen else finish(run.dataset)
    return GeneratedDataset(result, content, chosen, planned.warnings)


@dataclass(frozen=True, slots=True)
class _Run:
    """The planning of one call of `generate`."""

    dataset: DatasetDir
    recipe_path: Path
    overrides: Sequence[str]
    jobs: int
    strict_inputs: bool
    listeners: Listeners = field(default_factory=Listeners)

    def make_plan(self) -> tuple[PlannedRecipe, PlanHeader]:
        """Plan the recipe, and pass notes and warnings on."""
        from synth.dataset.saved_plan import header_of

        planned = make_plan(
            self.recipe_path,
            overrides=self.overrides,
            jobs=self.jobs,
            progress=self.listeners.scan,
            check=False,
            strict_inputs=self.strict_inputs,
        )
        for note in planned.notes:
            self.listeners.message(f"note: {note}")
        for warning in planned.warnings:
            self.listeners.message(f"warning: {warning}")
        return planned, header_of(planned.plan, planned.noise, planned=planned.ledger)

    def save_plan(self) -> PlannedRecipe:
        """Plan the recipe, and save the plan in the directory. Raises UsageError if that holds another plan."""
        from synth.dataset.plan_file import check_fresh, publish_plan_header
        from synth.dataset.saved_plan import save_plan

        with lock.planning(self.dataset):  # so that of many parts that start together one plans
            planned, header = self.make_plan()
            if self.dataset.plan_header.exists():
                self.check_same_inputs(planned.plan, header)
            else:
                check_fresh(self.dataset)
                check_disk(self.dataset.path, planned.bytes_needed)
            save_plan(self.dataset, planned.plan, planned.noise)
            publish_plan_header(self.dataset, header)
        return planned

    def check_same_inputs(self, plan: Plan, header: PlanHeader) -> None:
        """Raise UsageError if the directory holds a plan of something else, with the names of files that changed."""
        from synth.dataset.input_changes import refuse_changed_inputs
        from synth.dataset.plan_file import check_same_plan, has_same_recipe, read_plan_header

        old = read_plan_header(self.dataset)
        if has_same_recipe(old, header) and (touched := refuse_changed_inputs(self.dataset, plan)):
            self.listeners.message(
                f"{touched} input files have another modification time, but the same content (SHA-256)"
            )
        check_same_plan(old, header, self.dataset)


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
