"""The use cases, each a function that returns a value and prints nothing. The command line is one caller of many."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from synth.audio.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.hashes import hash_files
from synth.catalog.scan import Progress as ScanProgress
from synth.catalog.scan import scan
from synth.catalog.source_files import refuse_missing
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import GuardError, UsageError
from synth.execute.local import Progress, RunResult, run_shards
from synth.execute.parts import Part, parse_part
from synth.lists.cases import Cases, read_cases
from synth.paths import output_path
from synth.plan.clip_name import find_clip
from synth.plan.coverage import PoolUse, ledger
from synth.plan.guards import refuse_from_ledger, refuse_from_totals
from synth.plan.plan import Plan
from synth.plan.pools import near_duplicate_notes
from synth.recipe.load import load_recipe
from synth.recipe.model import Recipe
from synth.recipe.source_folders import source_folders
from synth.units import size_text

__all__ = [
    "Explained",
    "Generated",
    "Listeners",
    "Planned",
    "Replayed",
    "changed_clips",
    "explain",
    "finish",
    "generate",
    "make_plan",
    "replay",
]

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore
    from synth.dataset.plan_file import PlanHeader

Catalogs: TypeAlias = tuple[Catalog, Catalog, Catalog]
"""Speech, noise, rooms."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A path: text, or a `pathlib.Path`."""

_log = logging.getLogger(__name__)

_FLAC_BYTES_PER_SAMPLE = 1.5  # of int16; noise compresses badly
_STEM_BYTES_PER_SAMPLE = 5.0  # two of 24 bits
_ROW_BYTES = 3000


def __dir__() -> list[str]:
    return sorted(__all__)


@dataclass(frozen=True, slots=True)
class Planned:
    """A recipe that was planned on its audio."""

    plan: Plan
    noise: NoiseStore
    uses: tuple[PoolUse, ...]
    warnings: tuple[str, ...]
    elapsed: float
    notes: tuple[str, ...] = ()  # what was passed over in the folders of sources

    @property
    def bytes_needed(self) -> int:
        """Estimate of what the data set will take on disk."""
        samples = int(self.plan.clips["num_samples"].sum())
        output = self.plan.recipe.output
        each = (2.0 if output.format == "wav" else _FLAC_BYTES_PER_SAMPLE) + output.stems * _STEM_BYTES_PER_SAMPLE
        return int(samples * each) + _ROW_BYTES * len(self.plan)

    @property
    def inputs_sha256(self) -> str | None:
        """One hash over those of all input files; None unless the plan was made with `strict_inputs`."""
        if self.plan.speech.hashes is None:
            return None
        digest = hashlib.sha256()
        for catalog in (self.plan.speech, self.plan.noise, self.plan.rooms):
            digest.update(catalog.digest.encode())
            digest.update(catalog.hashes.tobytes() if catalog.hashes is not None else b"")
        return digest.hexdigest()

    @property
    def ledger(self) -> dict[str, Any]:
        """The planned use of noise, as JSON values."""
        return {"pools": [use.to_json() for use in self.uses]}


def make_plan(
    recipe_path: StrPath,
    *,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    progress: ScanProgress | None = None,
    check: bool = True,
    strict_inputs: bool = False,
) -> Planned:
    """Read a recipe, look at its audio, plan every clip, and refuse what would spoil the result.

    Nothing is written but the cache. `check` looks into a sample of the speech for what makes an SNR untrue.
    `strict_inputs` hashes all files whole.

    Raises:
        RecipeError: mistakes in the recipe, all of them.
        GuardError: the recipe cannot be carried out with this audio.
        UsageError: a folder or list is missing.
    """
    from synth.catalog.noise_store import prepare  # brings soxr, which `--help` does not need
    from synth.plan import checks

    start = time.monotonic()
    recipe = load_recipe(Path(recipe_path), overrides)
    speech, noise, rooms = scan_sources(recipe, jobs=jobs, progress=progress)
    refuse_from_totals(recipe, speech, noise)
    if strict_inputs:
        speech, noise = (hash_files(catalog, anew=True, progress=progress) for catalog in (speech, noise))
    rooms = hash_files(rooms, anew=strict_inputs, progress=progress)  # short, and decoded by no one before the render
    store = prepare(
        noise, sample_rate=recipe.sample_rate, cache=cache_folder(), jobs=jobs, limits=recipe.limits, progress=progress
    )
    plan, uses = plan_clips(recipe, (speech, noise, rooms), store)
    warnings = [
        *near_duplicate_notes(recipe, noise, store),
        *checks.warn_of_rates(plan),
        *checks.warn_of_unknown_groups(plan),
        *checks.warn_of_labels_nobody_has(plan),
    ]
    if check:
        from synth.commands.noisy_speech import warn_of_noisy_speech

        warnings += warn_of_noisy_speech(plan, jobs=jobs)
        _log.info("checked the noise in the speech itself")
    notes = (*speech.notes, *noise.notes, *rooms.notes)
    return Planned(plan, store, uses, tuple(warnings), time.monotonic() - start, notes)


def scan_sources(recipe: Recipe, *, jobs: int = 1, progress: ScanProgress | None = None) -> Catalogs:
    """The catalogs of speech, noise and rooms of a recipe.

    Raises:
        RecipeError: a folder, file or list is missing.
        GuardError: none of the speech can be used.
    """
    trim = next((choice for choice in recipe.speech.effects if choice.name == "trim"), None)
    shared: dict[str, Any] = {
        "folder": recipe.folder,
        "limits": recipe.limits,
        "cache": cache_folder(),
        "jobs": jobs,
        "progress": progress,
    }
    refuse_missing(recipe.sources, recipe.folder)
    speech = scan(recipe.speech.sources, kind="speech", trim_top_db=_top_db(trim), **shared)
    noise = scan(recipe.noise_sources, kind="noise", **shared)
    rooms = scan(recipe.room_sources, kind="room", **shared)
    if not len(speech):
        raise GuardError(
            "speech: none of the recordings can be used: " + "; ".join(str(r.message) for r in speech.refused[:3])
        )
    _log.info("found %d recordings of speech, %d of noise, %d of rooms", len(speech), len(noise), len(rooms))
    return speech, noise, rooms


def plan_clips(recipe: Recipe, catalogs: Catalogs, store: NoiseStore) -> tuple[Plan, tuple[PoolUse, ...]]:
    """The plan of a recipe and its use of noise, from its catalogs and decoded noise.

    Raises GuardError: the recipe cannot be carried out with this audio.
    """
    from synth.plan import checks

    speech, noise, rooms = catalogs
    plan = Plan.make(recipe, speech, noise.with_hashes(store.hashes), rooms, store, read_all_cases(recipe))
    _log.info("planned %d clips in %d shards", len(plan), plan.num_shards)
    uses = ledger(plan)
    refuse_from_ledger(recipe, uses)
    checks.refuse_short_clips(plan)
    return plan, uses


def read_all_cases(recipe: Recipe) -> dict[str, Cases]:
    """The cases of each condition that has some. Raises UsageError."""
    return {c.name: read_cases(recipe.folder / c.cases) for c in recipe.conditions if c.cases is not None}


def _top_db(trim: Any) -> float | None:
    setting = trim.parameters["top_db"] if trim else None
    return None if setting is None else float(getattr(setting, "number", setting))


@dataclass(frozen=True, slots=True)
class Generated:
    """What one call of `generate` did. `content` is that of dataset.json, None where other parts are still to come."""

    result: RunResult
    content: Mapping[str, Any] | None
    part: Part | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of progress: of scanning (what, done, total), of rendering, and of messages worth a line."""

    scan: ScanProgress | None = None
    render: Callable[[Progress], None] | None = None
    message: Callable[[str], None] = lambda text: None


def generate(
    recipe_path: StrPath,
    out: StrPath,
    *,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    part: str | None = None,
    strict_inputs: bool = False,
    listeners: Listeners | None = None,
) -> Generated:
    """Make the data set of a recipe, or go on with it. With `part` (`i/n` or `auto`) only that share, without merging.

    `strict_inputs` hashes all input files whole before anything else, and compares the hashes with those that the
    directory has recorded.

    Raises:
        RecipeError, GuardError, UsageError: as `make_plan`; another data set, or no space, at `out`.
        Locked: another run holds the directory.
        TooManyBadInputs, SynthError: as `synth.dataset.finish.finish`.
        Interrupted, Terminated: by a signal; run again to go on.
    """
    from synth.dataset.commit import open_shards
    from synth.dataset.finish import finish as merge
    from synth.dataset.status import finished_content

    heard = listeners or Listeners()
    mine = parse_part(part, os.environ) if part else None
    out = Path(out)
    dataset = DatasetDir(out)
    output_path.check_data_set(out, inputs=source_folders(load_recipe(Path(recipe_path), overrides)))
    if mine:
        heard.message(f"part {mine.index} of {mine.count} ({mine.origin})")
    content = finished_content(dataset)
    if content is not None:
        planned, header = _plan_with_header(recipe_path, overrides, jobs, heard, strict_inputs)
        return _complete_already(dataset, planned, header, heard, mine, content)
    with lock.part(dataset, mine.index, mine.count) if mine else lock.whole(dataset):
        planned = _planned_into(dataset, recipe_path, overrides, jobs, heard, strict_inputs)
        shards = mine.shards(planned.plan.num_shards) if mine else range(planned.plan.num_shards)
        todo = open_shards(dataset, list(shards))
        if len(todo) < len(shards):
            heard.message(f"{len(shards) - len(todo)} of {len(shards)} shards are already done")
        limits = planned.plan.recipe.limits
        result = run_shards(out, todo, jobs=jobs, timeout_s=limits.timeout_s, progress=heard.render)
        content = None if mine else merge(dataset)
    return Generated(result, content, mine, planned.warnings)


def _complete_already(
    dataset: DatasetDir,
    planned: Planned,
    header: PlanHeader,
    heard: Listeners,
    part: Part | None,
    content: Mapping[str, Any],
) -> Generated:
    """The answer for a data set that is complete, if it is that of the plan. Writes nothing in it."""
    _check_resumable(dataset, planned.plan, header, heard)
    shards = len(part.shards(header.shards)) if part else header.shards
    heard.message(f"{shards} of {shards} shards are already done")
    return Generated(RunResult(0, 0, 0, 0.0, 0, 0.0), None if part else content, part, planned.warnings)


def _plan_with_header(
    recipe_path: StrPath, overrides: Sequence[str], jobs: int, heard: Listeners, strict_inputs: bool
) -> tuple[Planned, PlanHeader]:
    from synth.dataset.saved_plan import header_of

    planned = make_plan(
        recipe_path,
        overrides=overrides,
        jobs=jobs,
        progress=heard.scan,
        check=False,
        strict_inputs=strict_inputs,
    )
    for note in planned.notes:
        heard.message(f"note: {note}")
    for warning in planned.warnings:
        heard.message(f"warning: {warning}")
    return planned, header_of(planned.plan, planned.noise, planned=planned.ledger)


def _planned_into(
    dataset: DatasetDir,
    recipe_path: StrPath,
    overrides: Sequence[str],
    jobs: int,
    heard: Listeners,
    strict_inputs: bool,
) -> Planned:
    """The plan, saved in the data set's directory; refused where the directory holds another."""
    from synth.dataset.plan_file import check_fresh, publish_plan_header
    from synth.dataset.saved_plan import save_plan

    with lock.planning(dataset):
        planned, header = _plan_with_header(recipe_path, overrides, jobs, heard, strict_inputs)
        if dataset.plan_header.exists():
            _check_resumable(dataset, planned.plan, header, heard)
        else:
            check_fresh(dataset)
            _check_disk(dataset.path, planned.bytes_needed)
        save_plan(dataset, planned.plan, planned.noise)
        publish_plan_header(dataset, header)
    return planned


def _check_resumable(dataset: DatasetDir, plan: Plan, header: PlanHeader, heard: Listeners) -> None:
    """Raise UsageError where the directory holds a plan of something else: with the names of files that changed."""
    from synth.dataset.input_changes import refuse_changed_inputs
    from synth.dataset.plan_file import check_same_plan, has_same_recipe, read_plan_header

    old = read_plan_header(dataset)
    if has_same_recipe(old, header) and (touched := refuse_changed_inputs(dataset, plan)):
        heard.message(f"{touched} input files have another modification time, but the same content (SHA-256)")
    check_same_plan(old, header, dataset)


def _check_disk(path: Path, needed: int) -> None:
    """Raise GuardError where the disk clearly has no room."""
    there = next(folder for folder in (path, *path.resolve().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    _log.info("guard disk: about %.3f GB needed, %.1f GB free", needed / 1e9, free / 1e9)
    if needed * 1.1 > free:
        raise GuardError(
            f"{path}: the data set will take about {size_text(needed)}, {size_text(free)} are free; "
            "free some space, choose another disk, or ask for less (copies, hours, output.stems)"
        )


def finish(out: StrPath, *, accept_timeouts: bool = False) -> dict[str, Any]:
    """Merge the parts of a data set. As `synth.dataset.finish.finish`, under the directory's lock."""
    from synth.dataset.finish import finish as merge
    from synth.dataset.plan_file import read_plan_header

    dataset = DatasetDir(Path(out))
    read_plan_header(dataset)  # before a lock file is made in a folder that is not ours
    with lock.whole(dataset, "synth finish"):
        return merge(dataset, accept_timeouts=accept_timeouts)


@dataclass(frozen=True, slots=True)
class Explained:
    """How a clip was made: its manifest row (None while it is not made), each draw with its setting in the recipe."""

    clip_id: str
    spec: Mapping[str, Any]
    draws: tuple[tuple[str, float, Any], ...]
    row: Mapping[str, Any] | None


def explain(out: StrPath, clip: str) -> Explained:
    """Every choice of one clip, named as `find_clip` takes it. Raises UsageError if the data set has no such clip."""
    from synth.dataset.saved_plan import reading_plan
    from synth.plan.explain import explained_draws, spec_to_json

    dataset = DatasetDir(Path(out))
    with reading_plan(dataset) as saved:
        index = find_clip(saved.plan, clip, dataset.path)
        spec, draws = explained_draws(saved.plan, index)
        clip_id = saved.plan.clip_id(index)
        row = find_row(dataset, saved.plan, index, clip_id)
        if row is not None and len(row["noise"]) != len(spec.noise):
            raise ValueError(
                f"the clip {clip_id} was made of {len(row['noise'])} noise segments, not {len(spec.noise)}"
            )
        return Explained(clip_id, spec_to_json(spec), draws, row)


def find_row(dataset: DatasetDir, plan: Plan, index: int, clip_id: str) -> dict[str, Any] | None:
    """The manifest row of a clip, from the part that made it; None where it is not made (yet)."""
    from synth.dataset.commit import read_part
    from synth.dataset.plan_file import read_plan_header

    shard = index // plan.shard_size
    if not os.path.lexists(dataset.part(shard)):
        return None
    part = read_part(dataset, shard, read_plan_header(dataset))
    return next((row for row, _, is_row in part if is_row and row["id"] == clip_id), None)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A clip made again. `same` tells whether its bytes are those of the data set; None where it has none."""

    clip_id: str
    path: Path
    sha256: str
    same: bool | None


def replay(out: StrPath, clip: str, target: StrPath) -> Replayed:
    """Make one clip again, from the sources, and write it to `target` (never into the data set).

    The clip is named as `find_clip` takes it.

    Raises:
        UsageError: no such clip, or `target` must not be written (synth/paths/output_path.py), or its name does not end as
            the clips of the data set do.
        BadInput: the clip cannot be made; the sources are not what they were.
    """
    import hashlib

    from synth.dataset.saved_plan import reading_plan
    from synth.execute.unit import NoHeart
    from synth.execute.worker import Workshop

    out, target = Path(out), Path(target)
    output_path.check_file(target, "clip", inputs=(out,))
    dataset = DatasetDir(out)
    with reading_plan(dataset) as saved:
        index = find_clip(saved.plan, clip, out)
        clip_id = saved.plan.clip_id(index)
        _check_ending(target, saved.plan.recipe.output.format)
        row = find_row(dataset, saved.plan, index, clip_id)
        if row is not None:  # its source may have been touched or copied since; the same content will do
            source = int(saved.plan.clips["recording"][index])
            saved.plan.speech = saved.plan.speech.with_hash(source, row["source"]["sha256"])
        data = Workshop(dataset, saved).make(index, NoHeart()).files[0][1]
    output_path.write(target, data, "clip")
    digest = hashlib.sha256(data).hexdigest()
    return Replayed(clip_id, target, digest, None if row is None else row["sha256"] == digest)


def _check_ending(target: Path, extension: str) -> None:
    """A file's name must say what is in it. Raises UsageError."""
    if target.suffix.lower() != f".{extension}":
        raise UsageError(
            f"--out {target}: the clips of this data set are {extension.upper()}, and replay writes the same bytes; "
            f"name a file that ends in .{extension}, such as {target.with_suffix('.' + extension)}"
        )


def changed_clips(planned: Planned, out: StrPath) -> tuple[int, int, int]:
    """(changed, new, gone) clips of a plan against the one saved in a data set's directory."""
    from synth.dataset.saved_plan import reading_plan
    from synth.plan.explain import same_clip

    with reading_plan(DatasetDir(Path(out))) as saved:
        old = saved.plan
        there = {old.clip_id(i): i for i in range(len(old))}
        changed = new = 0
        for spec in planned.plan:
            before = there.pop(spec.clip_id, None)
            if before is None:
                new += 1
            elif not same_clip(old[before], spec):
                changed += 1
        return changed, new, len(there)
