"""Read a recipe, look at its audio, and plan every clip: `synth plan`, and the first step of all that renders."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from synth.audio.cache import cache_folder
from synth.audio.formats import DEFAULT_BIT_RATE_KBPS
from synth.catalog.catalog import Catalog
from synth.catalog.scan import Progress, scan
from synth.catalog.source_files import refuse_missing
from synth.catalog.source_hashes import hash_sources
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import GuardError
from synth.lists.cases import Cases, read_cases
from synth.plan.guards import refuse_from_totals, refuse_from_use
from synth.plan.noise_use import PoolUse, count_use
from synth.plan.plan import Plan
from synth.plan.pool_division import near_duplicate_notes
from synth.processes.pool import Pool
from synth.recipe.distributions import Constant
from synth.recipe.load import load_recipe
from synth.recipe.model import SPLITS, Recipe
from synth.text import listed

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore

__all__ = ["ChangedClips", "PlannedRecipe", "SplitTotals", "changed_clips", "make_plan"]

StrPath: TypeAlias = str | os.PathLike[str]
"""A path: text, or a `pathlib.Path`."""

_log = logging.getLogger(__name__)

# Estimates per sample or row of what a data set takes on disk.
_FLAC_BYTES_PER_SAMPLE = 1.5  # of 16-bit samples: noise compresses badly
_STEM_BYTES_PER_SAMPLE = 5.0  # two stems of 24-bit samples
_ROW_BYTES = 3000


class Catalogs(NamedTuple):
    """The recordings that a recipe may use."""

    speech: Catalog
    noise: Catalog
    rooms: Catalog


class SplitTotals(NamedTuple):
    """The size of a split."""

    clips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PlannedRecipe:
    """A recipe that was planned on its audio."""

    plan: Plan
    noise: NoiseStore  # the decoded noise
    uses: tuple[PoolUse, ...]  # how much of each pool of noise is used
    warnings: tuple[str, ...]
    elapsed: float  # seconds that planning took
    notes: tuple[str, ...] = ()  # what was passed over in the folders of the sources

    @property
    def bytes_needed(self) -> int:
        """Estimate of what the data set will take on disk."""
        samples = int(self.plan.clips["num_samples"].sum())
        output = self.plan.recipe.output
        mix = {"wav": 2.0, "flac": _FLAC_BYTES_PER_SAMPLE}.get(output.format)
        if mix is None:
            bit_rate = DEFAULT_BIT_RATE_KBPS if output.bit_rate_kbps is None else output.bit_rate_kbps
            mix = bit_rate * 125 / self.plan.recipe.sample_rate
        return int(samples * (mix + output.stems * _STEM_BYTES_PER_SAMPLE)) + _ROW_BYTES * len(self.plan)

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

    def split_totals(self) -> dict[str, SplitTotals]:
        """The clips and seconds of each split of the recipe."""
        import numpy as np

        split, samples = np.asarray(self.plan.clips["split"]), np.asarray(self.plan.clips["num_samples"])
        totals = {}
        for number, name in enumerate(SPLITS):
            if name in self.plan.recipe.splits.shares:
                in_split = split == number
                seconds = float(samples[in_split].sum()) / self.plan.recipe.sample_rate
                totals[name] = SplitTotals(int(in_split.sum()), seconds)
        return totals

    def to_json(self) -> dict[str, Any]:
        """The plan in numbers, as JSON values."""
        plan = self.plan
        splits = self.split_totals()
        refused = [row for part in (plan.speech, plan.noise, plan.rooms, self.noise) for row in part.refused]
        return {
            "clips": len(plan),
            "hours": round(plan.seconds / 3600, 6),
            "bytes": self.bytes_needed,
            "shards": plan.num_shards,
            "plan_digest": plan.digest,
            "inputs_sha256": self.inputs_sha256,
            "splits": {name: {"clips": t.clips, "hours": round(t.seconds / 3600, 6)} for name, t in splits.items()},
            "ledger": self.ledger,
            "refused": [asdict(refusal) for refusal in refused],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "seconds": round(self.elapsed, 3),
        }


def make_plan(
    recipe_path: StrPath,
    *,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    progress: Progress | None = None,
    check: bool = True,
    strict_inputs: bool = False,
) -> PlannedRecipe:
    """Read a recipe, look at its audio, plan every clip, and refuse what would spoil the result.

    Nothing is written but the cache.

    Args:
        recipe_path: a recipe (YAML), or the folder of one.
        overrides: `KEY=VALUE` texts that replace keys of the recipe.
        jobs: worker processes.
        progress: called while files are scanned, with what is being done, how many are done, and of how many.
        check: measure the noise in a sample of the speech, which can make SNRs untrue, and warn of it.
        strict_inputs: hash all input files whole.

    Raises:
        RecipeError: mistakes in the recipe, all of them.
        GuardError: the recipe cannot be carried out with this audio.
        UsageError: a folder or list is missing.
    """
    from synth.catalog.noise_store import prepare_noise  # brings soxr, which `--help` does not need
    from synth.plan import checks

    start = time.monotonic()
    recipe = load_recipe(Path(recipe_path), overrides)
    with Pool(jobs) as pool:  # one for all steps: each start of a worker takes time
        speech, noise, rooms = scan_sources(recipe, jobs=jobs, progress=progress, pool=pool)
        refuse_from_totals(recipe, speech, noise)
        if strict_inputs:
            speech, noise = (hash_sources(catalog, reread=True, progress=progress) for catalog in (speech, noise))
        # Room responses are always hashed: they are short, and nothing decodes them before the render.
        rooms = hash_sources(rooms, reread=strict_inputs, progress=progress)
        store = prepare_noise(
            noise,
            sample_rate=recipe.sample_rate,
            cache=cache_folder(),
            jobs=jobs,
            limits=recipe.limits,
            progress=progress,
            pool=pool,
        )
    plan, uses = plan_clips(recipe, Catalogs(speech, noise, rooms), store)
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
    return PlannedRecipe(plan, store, uses, tuple(warnings), time.monotonic() - start, notes)


def scan_sources(
    recipe: Recipe, *, jobs: int = 1, progress: Progress | None = None, pool: Pool | None = None
) -> Catalogs:
    """Make the catalogs of speech, noise and rooms of a recipe; `pool` is as in `scan`.

    Raises:
        RecipeError: a folder, file or list is missing.
        GuardError: none of the speech can be used.
    """
    trim = next((choice for choice in recipe.speech.effects if choice.name == "trim"), None)
    setting = None if trim is None else trim.parameters["top_db"]
    top_db = setting.number if isinstance(setting, Constant) else None  # a recipe cannot draw it
    refuse_missing(recipe.sources, recipe.folder)
    scan_each = partial(
        scan,
        folder=recipe.folder,
        limits=recipe.limits,
        cache=cache_folder(),
        jobs=jobs,
        progress=progress,
        pool=pool,
    )
    speech = scan_each(recipe.speech.sources, kind="speech", trim_top_db=top_db)
    noise = scan_each(recipe.noise_sources, kind="noise")
    rooms = scan_each(recipe.room_sources, kind="room")
    if not len(speech):
        reasons = listed([str(refusal.message) for refusal in speech.refused], 3, separator="; ")
        raise GuardError(f"speech: none of the recordings can be used: {reasons}")
    _log.info("found %d recordings of speech, %d of noise, %d of rooms", len(speech), len(noise), len(rooms))
    return Catalogs(speech, noise, rooms)


def plan_clips(recipe: Recipe, catalogs: Catalogs, store: NoiseStore) -> tuple[Plan, tuple[PoolUse, ...]]:
    """Plan a recipe from its catalogs and its decoded noise; also return how much of each pool of noise it uses.

    Raises:
        GuardError: the recipe cannot be carried out with this audio.
        UsageError: a list of cases cannot be read.
    """
    from synth.plan import checks

    noise = catalogs.noise.with_hashes(store.hashes)
    plan = Plan.make(recipe, catalogs.speech, noise, catalogs.rooms, store, read_all_cases(recipe))
    _log.info("planned %d clips in %d shards", len(plan), plan.num_shards)
    uses = count_use(plan)
    refuse_from_use(recipe, uses)
    checks.refuse_short_clips(plan)
    checks.refuse_long_names(plan)
    return plan, uses


def read_all_cases(recipe: Recipe) -> dict[str, Cases]:
    """Read the cases of each condition that has some, by the condition's name. Raises UsageError."""
    return {c.name: read_cases(recipe.folder / c.cases) for c in recipe.conditions if c.cases is not None}


class ChangedClips(NamedTuple):
    """How many clips of a plan differ from those of a data set."""

    changed: int  # in both, but made differently
    new: int  # in the plan only
    removed: int  # in the data set only


def changed_clips(planned: PlannedRecipe, out: StrPath) -> ChangedClips:
    """Compare the clips of a plan with those that are planned in a data set's directory.

    Raises:
        UsageError: there is no data set.
        DamagedDataset: its plan cannot be read.
    """
    from synth.dataset.saved_plan import reading_plan
    from synth.plan.explain import is_same_clip

    with reading_plan(DatasetDir(Path(out))) as saved:
        old = saved.plan
        unmatched = {old.clip_id(i): i for i in range(len(old))}
        changed = new = 0
        for spec in planned.plan:
            index = unmatched.pop(spec.clip_id, None)
            if index is None:
                new += 1
            elif not is_same_clip(old[index], spec):
                changed += 1
        return ChangedClips(changed, new, len(unmatched))
