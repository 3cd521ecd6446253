"""`synth.open_plan`: a recipe as a sequence of clips that are rendered when they are asked for."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synth import files
from synth.audio.encode import pcm_bytes, quantize
from synth.dataset import manifest
from synth.dataset.dataset_dir import DatasetDir, audio_path
from synth.dataset.measured import as_written
from synth.dataset.plan_file import publish_plan_header
from synth.dataset.saved_plan import SavedPlan, header_of, save_plan
from synth.dataset.saved_plan import open_plan as open_saved
from synth.draws import clip_draws
from synth.errors import BadInput, SynthError, UsageError
from synth.plan.conditions import draw_condition
from synth.plan.epochs import epoch_of
from synth.plan.plan import Plan
from synth.plan.unchanged import unchanged_recordings
from synth.recipe.load import recipe_file
from synth.recipe.model import SPLITS, Condition, Recipe, Source
from synth.recipe.stages import loss_weight_of, stage_of
from synth.render.clip_renderer import ClipRenderer, RenderedClip
from synth.render.progress import NoProgress
from synth.training.labels import YesOrNo
from synth.training.row import MadeSound, Pcm, Row, row_of
from synth.training.view import Floats, View, Words

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore
    from synth.dataset.plan_file import PlanHeader


class Home:
    """The folder in which a plan is saved. One that was made for it goes with the process that made it.

    Sent to another process it is a path; a fork that ends does not take its parent's folder away.
    """

    def __init__(self, folder: Path, *, temporary: bool = False) -> None:
        self.folder = folder
        if temporary:
            weakref.finalize(self, _remove, folder, os.getpid())

    def __reduce__(self) -> tuple[type[Home], tuple[Path]]:
        return type(self), (self.folder,)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        files.remove_folder(folder)


class PlanStore:
    """The clips of a saved plan. Each process maps the plan for itself, and each thread renders for itself."""

    def __init__(self, home: Home, title: str, base: Home | None = None) -> None:
        """`base`: where epoch 0 lies, of a plan of a later one."""
        self.home = home
        self.title = title
        self.base = base
        self._local = threading.local()

    def __reduce__(self) -> tuple[type[PlanStore], tuple[Home, str, Home | None]]:
        return type(self), (self.home, self.title, self.base)

    def name(self) -> str:
        return self.title

    @cached_property
    def saved(self) -> SavedPlan:
        """The plan, mapped into memory."""
        if not self.home.folder.is_dir():
            raise UsageError(f"the plan of {self.title} is gone: it goes with the process that opened it; open it anew")
        return open_saved(DatasetDir(self.home.folder))

    @property
    def plan(self) -> Plan:
        return self.saved.plan

    def __len__(self) -> int:
        return len(self.plan)

    def find(self, clip_id: str) -> int | None:
        return next((index for index in range(len(self.plan)) if self.plan.clip_id(index) == clip_id), None)

    def row(self, index: int) -> Row:
        try:
            clip = self._renderer.render(index, NoProgress())
            pcm = quantize(clip.rendered.samples)
            fields = self._fields(clip, pcm)
        except BadInput as error:
            raise SynthError(
                f"clip {self.plan.clip_id(index)} (number {index} of {self.title}) cannot be made: {error}"
            ) from error
        return row_of(fields, Path(fields["audio_filepath"]), MadeSound(pcm))

    @property
    def _renderer(self) -> ClipRenderer:
        found: ClipRenderer | None = getattr(self._local, "clip_renderer", None)
        if found is None:
            found = ClipRenderer(self.plan, self.saved.noise)
            found.settings = replace(found.settings, stems=False)  # they change no sample of the clip
            self._local.clip_renderer = found
        return found

    def _fields(self, clip: RenderedClip, pcm: Pcm) -> manifest.ManifestRow:
        """The manifest row that `synth generate` would write, but for the hash of a file that is not encoded."""
        spec = clip.spec
        path = audio_path(spec.split, spec.source_id, spec.clip_id, self.plan.recipe.output.format)
        digest = hashlib.sha256(pcm_bytes(pcm)).hexdigest()
        written = manifest.WrittenClip(manifest.WrittenFile(path, ""), digest)
        rendered = as_written(spec, clip.rendered, pcm)
        fields = manifest.row(
            spec,
            clip.recording,
            source_sha256=clip.source_sha256,
            rendered=rendered,
            written=written,
            trace=self._renderer.trace(spec),
        )
        line = manifest.to_line({**fields, "sha256": None})
        as_read: manifest.ManifestRow = json.loads(line)  # types as JSON has them
        return as_read

    # ------------------------------------------------------------------------------- what clips are chosen by

    def words(self, column: str) -> Words:
        return {"split": lambda: self._splits, "stage": lambda: self._stages, "condition": lambda: self._conditions}[
            column
        ]()

    @cached_property
    def _splits(self) -> Words:
        codes = np.asarray(self.plan.clips["split"], np.int16)
        there = np.unique(codes)
        return Words(np.searchsorted(there, codes).astype(np.int16), tuple(SPLITS[code] for code in there))

    @cached_property
    def _conditions(self) -> Words:
        return Words.of(self._drawn_conditions())

    def _drawn_conditions(self) -> Iterator[str | None]:
        """Drawn for each clip anew: a plan remembers lengths and noise, and no more."""
        plan, unchanged = self.plan, unchanged_recordings(self.plan.recipe, self.plan.speech)
        for index, recording in enumerate(plan.clips["recording"]):
            if unchanged[recording] or not plan.recipe.conditions:
                yield None
                continue
            draws = clip_draws(plan.recipe.seed, plan.clip_id(index))
            yield draw_condition(plan.recipe, plan.cases, draws).condition

    def _by_origin(self, said: Callable[[Recipe, Source, Condition | None], Any]) -> list[Any]:
        """What the recipe says of each clip, by its source and its condition."""
        plan, words = self.plan, self._conditions
        recipe = plan.recipe
        sources = {source.name: source for source in recipe.speech.sources}
        conditions = {condition.name: condition for condition in recipe.conditions}
        drawn = [*(conditions[name] for name in words.names), None]  # code -1 is the last
        table = [[said(recipe, sources[s.name], condition) for condition in drawn] for s in plan.speech.sources]
        origins = plan.speech.source_indices[plan.clips["recording"]]
        return [table[origin][code] for origin, code in zip(origins.tolist(), words.codes.tolist(), strict=True)]

    @cached_property
    def _stages(self) -> Words:
        return Words.of(self._by_origin(stage_of))

    @cached_property
    def _weights(self) -> Floats:
        return np.array(self._by_origin(loss_weight_of), np.float64)

    def numbers(self, column: str) -> Floats:
        if column == "weight":
            return self._weights
        return self.plan.clips["num_samples"] / self.plan.recipe.sample_rate

    def label_names(self) -> tuple[str, ...]:
        noise, found = self.plan.recipe.noise, YesOrNo()
        found.add({event.label: True for event in (noise.events if noise else ())})
        for recording in self.plan.speech:
            found.add(recording.labels)
        return found.names()


class OpenPlan(View):
    """The clips of a plan, in its order: `synth.open_plan`. `plan[i]` renders clip i, with the samples of the file that
    `synth generate` would write, bit for bit.

    Can be sent to worker processes (forked or spawned) while the process that opened it lives; it pickles to a few
    hundred bytes. A clip is fastest rendered next to its other copies, which read the same speech.
    """

    _store: PlanStore

    @property
    def fingerprint(self) -> str:
        """Of all that decides the clips: equal where they are equal."""
        return self._store.saved.header.fingerprint

    @property
    def sample_rate(self) -> int:
        """Of all clips, in Hz."""
        return self._store.plan.recipe.sample_rate

    def epoch(self, number: int) -> OpenPlan:
        """The same speech once more, with fresh noise and fresh draws of everything else: a function of the recipe,
        its audio and `number`. Epoch 0 is what `synth generate` writes; splits, noise pools and speakers' traits are
        those of epoch 0 in every one (plan/epochs.py). The order is the same, so that `len` and the split of each
        index are too.

        Takes a first pass over all clips, as planning does, but no scan. Slices and selections are not taken over.
        Reuse of noise is guarded for each epoch by itself. Raises UsageError for a negative number.
        """
        base = self._store.base or self._store.home
        return _epoch(base, self._store.title, number)


def open_plan(
    path: str | os.PathLike[str], *, overrides: Sequence[str] = (), epoch: int = 0, jobs: int = 1
) -> OpenPlan:
    """The clips of a recipe, or of the plan that is saved with a data set, rendered when they are asked for.

    `path`: a recipe, which is planned now (its audio is scanned, and the noise decoded into the cache where it is not
    yet, by `jobs` processes); or the folder of a data set, finished or not. `overrides`: keys of the recipe, as `--set`
    has them, such as `noise.snr_db=[0, 15]`. `epoch`: as `OpenPlan.epoch`.

    The plan of a recipe lies in a temporary folder, which goes with this process.

    Raises:
        RecipeError, GuardError, UsageError: as `synth.commands.plan.make_plan`; there is no such recipe or data set.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links; workers may stand elsewhere
    if place.is_dir() and DatasetDir(place).private.is_dir():
        if overrides:
            raise UsageError(f"{place} is a data set: its plan is made, and overrides change a recipe; give the recipe")
        home = Home(place)
        open_saved(DatasetDir(place))  # says what is wrong with it
    else:
        home = _planned(recipe_file(place), overrides, jobs)
    return _epoch(home, str(place), epoch)


def _planned(recipe: Path, overrides: Sequence[str], jobs: int) -> Home:
    """Plan a recipe into a folder of its own."""
    from synth.commands.plan import make_plan

    planned = make_plan(recipe, overrides=overrides, jobs=jobs, check=False)
    for warning in planned.warnings:
        logging.getLogger("synth").warning("%s: %s", recipe, warning)
    return _saved(planned.plan, header_of(planned.plan, planned.noise, planned=planned.ledger), planned.noise)


def _saved(plan: Plan, header: PlanHeader, noise: NoiseStore) -> Home:
    home = Home(files.temporary_folder(), temporary=True)
    dataset = DatasetDir(home.folder)
    save_plan(dataset, plan, noise)
    publish_plan_header(dataset, header)
    return home


def _epoch(base: Home, title: str, number: int) -> OpenPlan:
    if number < 0:
        raise UsageError(f"epoch {number}: epochs are counted from 0")
    if number == 0:
        return OpenPlan(PlanStore(base, title))
    saved = open_saved(DatasetDir(base.folder))
    fingerprint = hashlib.sha256(f"{saved.header.fingerprint} epoch {number}".encode()).hexdigest()
    header = replace(saved.header, fingerprint=fingerprint, planned={})
    home = _saved(epoch_of(saved.plan, number), header, saved.noise)
    return OpenPlan(PlanStore(home, f"{title} (epoch {number})", base))
