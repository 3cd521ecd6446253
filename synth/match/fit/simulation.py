"""Simulate recipes: their clips are rendered in memory by worker processes, measured, and forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from synth import files
from synth.catalog.noise_store import NoiseStore
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.plan_header import publish_plan_header
from synth.dataset.saved_plan import SavedPlan, header_of, open_plan, save_plan
from synth.errors import BadInput, GuardError
from synth.lists.cases import Cases
from synth.match.measure.clip import measure_clip
from synth.match.measure.profile import ClipProfile
from synth.plan.plan import Plan
from synth.plan.unchanged import unchanged_recordings
from synth.processes.pool import Pool
from synth.recipe.model import Recipe, Splits
from synth.render.simulate import simulate

Progress: TypeAlias = Callable[[str, int, int | None], None]

_TIMEOUT_S = 60.0  # per clip
_BATCH = 8  # clips per task: few enough for an even end, many enough that a recording is read once


@dataclass(slots=True)
class Simulator:
    """Simulates recipes on the audio of one plan. As a context it removes its folder of plans at the end."""

    plan: Plan
    noise: NoiseStore  # of the plan
    clips: int  # per simulation, unless another number is given
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

    def simulate(
        self, recipe: Recipe, cases: Mapping[str, Cases], title: str, *, clips: int | None = None
    ) -> list[ClipProfile]:
        """Measure clips of a recipe, chosen evenly over its speech. All of its noise is used.

        Args:
            recipe: the recipe.
            cases: of its conditions, by name.
            title: what `progress` is told.
            clips: about how many.

        Returns:
            The group of a clip is its speaker, or its source if that is unknown.

        Raises:
            GuardError: most of the clips cannot be made, or no speech is mixed.
        """
        assert self._pool is not None
        count = clips or self.clips
        plan = self._plan_trial(recipe, cases, count)
        # Speakers lie side by side in a plan, so clips are taken evenly spaced.
        mixed = np.flatnonzero(~unchanged_recordings(plan.recipe, plan.speech)[plan.clips["recording"]])
        if not len(mixed):
            raise GuardError(
                "all speech of the recipe is used unchanged, so there is nothing to match: name speech to mix"
            )
        indices = sorted({int(mixed[int(k)]) for k in np.linspace(0, len(mixed) - 1, min(len(mixed), count))})
        folder = self._folder / str(self._count)
        self._count += 1
        dataset = DatasetDir(folder)
        save_plan(dataset, plan, self.noise)
        publish_plan_header(dataset, header_of(plan, self.noise, ledger={}))
        tasks = [(str(folder), tuple(indices[k : k + _BATCH])) for k in range(0, len(indices), _BATCH)]
        answers: dict[int, list[dict[str, Any]]] = {}
        simulated = 0
        timeout_s = _TIMEOUT_S * _BATCH
        for k, answer in self._pool.map(f"{__name__}:measure_planned", tasks, timeout_s=timeout_s, batch=1):
            answers[k] = [] if isinstance(answer, BadInput) else answer
            simulated += len(tasks[k][1])
            self.progress(title, simulated, len(indices))
        files.remove_folder(folder)
        profiles = [ClipProfile(**fields) for k in range(len(tasks)) for fields in answers[k]]
        if len(profiles) < len(indices) / 2:
            raise GuardError(f"{len(indices) - len(profiles)} of {len(indices)} simulated clips could not be made")
        return profiles

    def _plan_trial(self, recipe: Recipe, cases: Mapping[str, Cases], count: int) -> Plan:
        """As many copies as `count` clips need, and all of it train, so that all of the noise takes part."""
        base = self.plan
        changed = int((~unchanged_recordings(recipe, base.speech)).sum())
        copies = max(1, -(-count // max(1, changed)))
        splits = Splits(recipe.splits.by, {"train": 1.0})
        recipe = replace(recipe, copies=copies, hours=None, splits=splits)
        return Plan.make(recipe, base.speech, base.noise, base.rooms, self.noise, dict(cases))


@lru_cache(maxsize=1)
def _open_plan_once(folder: str) -> SavedPlan:
    return open_plan(DatasetDir(Path(folder)))


def measure_planned(folder: str, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Render and measure these clips of the plan in `folder`; this runs in a worker process.

    Returns:
        The fields of ClipProfile. The `truth` is the SNR in the band, the level, and both margins together.
    """
    saved = _open_plan_once(folder)
    profiles = []
    for clip in simulate(saved.plan, saved.noise, indices):
        spec, rendered = clip.spec, clip.measurements
        measured = measure_clip(clip.samples, sample_rate=saved.plan.recipe.sample_rate)
        recording = saved.plan.speech[spec.recording]
        after = spec.num_samples - spec.onset - spec.speech_num_samples
        truth = {
            "snr_db": None if rendered.snr is None else rendered.snr.band,
            "level_dbfs": rendered.level_dbfs,
            "margins_s": (spec.onset + after) / spec.sample_rate,
        }
        profiles.append(
            {
                "path": spec.clip_id,
                "group": recording.speaker or recording.path,
                "features": {**measured.features, "level_dbfs": rendered.level_dbfs},
                "flags": tuple(measured.flags),
                "truth": {name: float(value) for name, value in truth.items() if value is not None},
                "condition": spec.condition,
            }
        )
    return profiles
