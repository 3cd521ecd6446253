"""Trying recipes: clips of a recipe are rendered in memory by worker processes, measured, and forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from synth import files
from synth.catalog.noise_store import NoiseStore
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.plan_file import publish_plan_header
from synth.dataset.saved_plan import SavedPlan, header_of, open_plan, save_plan
from synth.errors import BadInput, GuardError
from synth.lists.cases import Cases
from synth.match.measure.profile import ClipProfile
from synth.plan.plan import Plan
from synth.plan.unchanged import unchanged_recordings
from synth.processes.pool import Pool
from synth.recipe.model import Recipe, Splits
from synth.render.simulate import SimulatedClip, simulate

Progress = Callable[[str, int, int | None], None]

_TIMEOUT_S = 60.0
_BATCH = 8  # clips of one task: few enough for an even end, many enough that a recording is read once


class Planned(Protocol):
    """A recipe planned on its audio, as `synth.commands.plan.make_plan` gives it."""

    @property
    def plan(self) -> Plan: ...

    @property
    def noise(self) -> NoiseStore: ...


@dataclass(slots=True)
class Simulator:
    """Simulates recipes on the audio of one plan. A context: its folder of plans is taken away at the end."""

    ground: Planned
    clips: int
    jobs: int
    progress: Progress
    _folder: Path = field(default_factory=files.temporary_folder)
    _count: int = 0
    _pool: Pool | None = None

    def __enter__(self) -> Simulator:
        self._pool = Pool(self.jobs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.close()
        files.remove_folder(self._folder)

    def measured(
        self, recipe: Recipe, cases: Mapping[str, Cases], what: str, *, clips: int | None = None
    ) -> list[ClipProfile]:
        """About `clips` clips of the recipe, chosen evenly over its speech, as measured. All of its noise is used.

        The group of a clip is its speaker, or its source where that is not known. Raises GuardError where most of
        the clips cannot be made.
        """
        wanted = clips or self.clips
        plan = _plan(recipe, cases, self.ground, wanted)
        indices = _chosen(plan, wanted)
        folder = self._folder / str(self._count)
        self._count += 1
        dataset = DatasetDir(folder)
        save_plan(dataset, plan, self.ground.noise)
        publish_plan_header(dataset, header_of(plan, self.ground.noise, planned={}))
        found = self._run(str(folder), indices, what)
        files.remove_folder(folder)
        if len(found) < len(indices) / 2:
            raise GuardError(f"{len(indices) - len(found)} of {len(indices)} trial clips could not be made")
        return found

    def _run(self, folder: str, indices: Sequence[int], what: str) -> list[ClipProfile]:
        assert self._pool is not None
        tasks = [(folder, tuple(indices[k : k + _BATCH])) for k in range(0, len(indices), _BATCH)]
        found: dict[int, list[dict[str, Any]]] = {}
        done = 0
        for k, answer in self._pool.map(f"{__name__}:measure_planned", tasks, timeout_s=_TIMEOUT_S * _BATCH, batch=1):
            found[k] = [] if isinstance(answer, BadInput) else answer
            done += len(tasks[k][1])
            self.progress(what, done, len(indices))
        return [ClipProfile(**fields) for k in range(len(tasks)) for fields in found[k]]


def _plan(recipe: Recipe, cases: Mapping[str, Cases], ground: Planned, clips: int) -> Plan:
    """The plan of a trial: as many copies as are needed, and all of it train, so that all of the noise takes part."""
    base = ground.plan
    changed = int((~unchanged_recordings(recipe, base.speech)).sum())
    copies = max(1, -(-clips // max(1, changed)))
    whole = Splits(recipe.splits.by, {"train": 1.0})
    tried = replace(recipe, copies=copies, hours=None, splits=whole)
    return Plan.make(tried, base.speech, base.noise, base.rooms, ground.noise, dict(cases))


def _chosen(plan: Plan, wanted: int) -> list[int]:
    """`wanted` indices of clips that are mixed, evenly spaced: speakers lie side by side in a plan.

    Raises GuardError where all speech is taken unchanged.
    """
    mixed = np.flatnonzero(~unchanged_recordings(plan.recipe, plan.speech)[plan.clips["recording"]])
    if not len(mixed):
        raise GuardError("all speech of the recipe is taken unchanged: there is nothing to match; name speech to mix")
    return sorted({int(mixed[int(k)]) for k in np.linspace(0, len(mixed) - 1, min(len(mixed), wanted))})


# ------------------------------------------------------------------------------------------- what runs in the worker


@lru_cache(maxsize=1)
def _opened(folder: str) -> SavedPlan:
    return open_plan(DatasetDir(Path(folder)))


def measure_planned(folder: str, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Measure these clips of the plan in `folder`; the fields of ClipProfile."""
    saved = _opened(folder)
    return [_measured(saved, clip) for clip in simulate(saved.plan, saved.noise, indices)]


def _measured(saved: SavedPlan, clip: SimulatedClip) -> dict[str, Any]:
    from synth.match.measure.clip import measure_clip

    measured = measure_clip(clip.samples, sample_rate=saved.plan.recipe.sample_rate)
    recording = saved.plan.speech[clip.spec.recording]
    return {
        "path": clip.spec.clip_id,
        "group": recording.speaker or recording.path,
        "features": {**measured.features, "level_dbfs": clip.measurements.level_dbfs},
        "flags": tuple(measured.flags),
        "truth": _truth(clip),
        "condition": clip.spec.condition,
    }


def _truth(clip: SimulatedClip) -> dict[str, float]:
    """What is known of a clip of ours: SNR in the band, level, and its margins in seconds."""
    spec, done = clip.spec, clip.measurements
    after = spec.num_samples - spec.onset - spec.speech_num_samples
    known = {
        "snr_db": done.snr_band,
        "level_dbfs": done.level_dbfs,
        "margins_s": (spec.onset + after) / spec.sample_rate,
    }
    return {name: float(value) for name, value in known.items() if value is not None}
