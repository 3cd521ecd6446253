"""`synth.open_plan`: a recipe as a sequence of clips that are rendered when they are asked for."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synth import files
from synth.audio.encode import pcm_bytes
from synth.audio.formats import LOSSY_FORMATS
from synth.dataset import manifest
from synth.dataset.dataset_dir import DatasetDir, clip_paths
from synth.dataset.labels import TruthLabels
from synth.dataset.lossy_clip import code_clip
from synth.dataset.plan_header import publish_plan_header
from synth.dataset.saved_plan import SavedPlan, header_of, save_plan
from synth.dataset.saved_plan import open_plan as open_saved
from synth.dataset.written_levels import measure_as_written
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
from synth.training.row import RenderedSound, Row, row_of
from synth.training.view import Floats, NameColumn, View

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore
    from synth.dataset.plan_header import PlanHeader
    from synth.render.clip import RenderedAudio


class PlanFolder:
    """The folder in which a plan is saved. A temporary one is removed together with this object.

    Sent to another process, it is a path; only the process that made the folder removes it, not its forks.
    """

    def __init__(self, path: Path, *, temporary: bool = False) -> None:
        self.path = path
        if temporary:
            weakref.finalize(self, _remove, path, os.getpid())

    def __reduce__(self) -> tuple[type[PlanFolder], tuple[Path]]:
        return type(self), (self.path,)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        files.remove_folder(folder)


class PlanStore:
    """The clips of a saved plan. Each process maps the plan for itself, and each thread renders for itself."""

    def __init__(self, saved_in: PlanFolder, title: str, epoch_zero: PlanFolder | None = None) -> None:
        """Open a plan.

        Args:
            saved_in: its folder.
            title: what messages call it.
            epoch_zero: the folder of epoch 0, if this is the plan of a later one.
        """
        self.saved_in = saved_in
        self.title = title
        self.epoch_zero = epoch_zero
        self._local = threading.local()

    def __reduce__(self) -> tuple[type[PlanStore], tuple[PlanFolder, str, PlanFolder | None]]:
        return type(self), (self.saved_in, self.title, self.epoch_zero)

    def name(self) -> str:
        """The title."""
        return self.title

    @cached_property
    def saved(self) -> SavedPlan:
        """The plan, mapped into memory."""
        if not self.saved_in.path.is_dir():
            raise UsageError(
                f"the plan of {self.title} is gone: it was removed when the process that opened it ended; open it again"
            )
        return open_saved(DatasetDir(self.saved_in.path))

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.saved.plan

    def __len__(self) -> int:
        return len(self.plan)

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id."""
        return self.plan.find(clip_id)

    def row(self, index: int) -> Row:
        """Render a clip: its row is that of `synth generate`, except for the hash of a file that is not encoded."""
        renderer: ClipRenderer | None = getattr(self._local, "renderer", None)
        if renderer is None:
            renderer = self._local.renderer = ClipRenderer(self.plan, self.saved.noise, stems=False)
        try:
            clip = renderer.render(index, NoProgress())
            sound, rendered, encoding = self._as_written(clip)
        except BadInput as error:
            raise SynthError(
                f"clip {self.plan.clip_id(index)} (number {index} of {self.title}) cannot be made: {error}"
            ) from error
        spec, output = clip.spec, self.plan.recipe.output
        path = clip_paths(output, spec).audio
        pcm_sha256 = hashlib.sha256(pcm_bytes(sound.samples)).hexdigest()
        written = manifest.WrittenClip(manifest.WrittenFile(path, ""), pcm_sha256, encoding=encoding)
        fields = manifest.make_row(
            spec,
            clip.recording,
            source_sha256=clip.source_sha256,
            rendered=rendered,
            written=written,
            trace=renderer.trace(spec),
            in_tar=manifest.PlaceInTar(index // output.shard_size, None) if output.layout == "tar" else None,
        )
        # Through JSON, so that a row has the same types as one that is read from a manifest.
        row: manifest.ManifestRow = json.loads(manifest.to_line({**fields, "sha256": None}))
        return row_of(row, Path(path), sound)

    def _as_written(self, clip: RenderedClip) -> tuple[RenderedSound, RenderedAudio, dict[str, Any] | None]:
        """The samples of the file that would be written, their levels, and what a lossy format did to them."""
        if self.plan.recipe.output.format in LOSSY_FORMATS:
            coded = code_clip(clip.spec, clip.rendered, self.plan.recipe)
            return RenderedSound(coded.rendered.pcm, coded.decoded), coded.rendered, coded.encoding
        return RenderedSound(clip.rendered.pcm), measure_as_written(clip.spec, clip.rendered), None

    def name_column(self, column: str) -> NameColumn:
        """The column `split`, `stage` or `condition`."""
        if column == "split":
            return self._splits
        return self._stages if column == "stage" else self._conditions

    def number_column(self, column: str) -> Floats:
        """The column `duration` (seconds) or `weight`, shape (clips,)."""
        if column == "weight":
            return self._weights
        return self.plan.clips["num_samples"] / self.plan.recipe.sample_rate

    def label_names(self) -> tuple[str, ...]:
        """The labels that are true, false or unknown in every clip."""
        noise, labels = self.plan.recipe.noise, TruthLabels()
        labels.add({event.label: True for event in (noise.events if noise else ())})
        for recording in self.plan.speech:
            labels.add(recording.labels)
        return labels.names()

    @cached_property
    def _splits(self) -> NameColumn:
        codes = np.asarray(self.plan.clips["split"], np.int16)
        present = np.unique(codes)
        return NameColumn(np.searchsorted(present, codes).astype(np.int16), tuple(SPLITS[code] for code in present))

    @cached_property
    def _conditions(self) -> NameColumn:
        """The condition of each clip is drawn again: a plan stores lengths and noise, and no more."""
        plan = self.plan
        unchanged = unchanged_recordings(plan.recipe, plan.speech)
        conditions: list[str | None] = []
        for index, recording in enumerate(plan.clips["recording"]):
            if unchanged[recording] or not plan.recipe.conditions:
                conditions.append(None)
            else:
                draws = clip_draws(plan.recipe.seed, plan.clip_id(index))
                conditions.append(draw_condition(plan.recipe, plan.cases, draws).condition)
        return NameColumn.of(conditions)

    @cached_property
    def _stages(self) -> NameColumn:
        return NameColumn.of(self._by_source_and_condition(stage_of))

    @cached_property
    def _weights(self) -> Floats:
        return np.array(self._by_source_and_condition(loss_weight_of), np.float64)

    def _by_source_and_condition(self, value_of: Callable[[Recipe, Source, Condition | None], Any]) -> list[Any]:
        """A value for each clip that the recipe gives by source and condition: looked up once for each pair."""
        plan, clip_conditions = self.plan, self._conditions
        sources = {source.name: source for source in plan.recipe.speech.sources}
        by_name = {condition.name: condition for condition in plan.recipe.conditions}
        conditions = [*(by_name[name] for name in clip_conditions.names), None]  # code -1 is the last
        table = [
            [value_of(plan.recipe, sources[source.name], condition) for condition in conditions]
            for source in plan.speech.sources
        ]
        source_codes = plan.speech.source_indices[plan.clips["recording"]].tolist()
        condition_codes = clip_conditions.codes.tolist()
        return [table[source][condition] for source, condition in zip(source_codes, condition_codes, strict=True)]


class OpenPlan(View):
    """The clips of a plan, in its order: `synth.open_plan`.

    `plan[i]` renders clip i, with the samples of the file that `synth generate` would write, bit for bit. Can be sent
    to worker processes (forked or spawned) while the process that opened it lives; it pickles to a few hundred bytes. A
    clip is fastest rendered next to its other copies, which read the same speech.
    """

    _store: PlanStore

    @property
    def plan_digest(self) -> str:
        """A digest of all that decides the clips: equal if the clips are equal."""
        return self._store.saved.header.plan_digest

    @property
    def sample_rate(self) -> int:
        """The rate of all clips (Hz)."""
        return self._store.plan.recipe.sample_rate

    def epoch(self, number: int) -> OpenPlan:
        """The same speech again, with fresh noise and fresh draws of everything else.

        It is a function of the recipe, its audio and `number`. Epoch 0 is what `synth generate` writes; splits, noise
        pools and speakers' traits are those of epoch 0 in every epoch (plan/epochs.py). The order is the same, and so
        are `len` and the split of each index. Takes a first pass over all clips, as planning does, but no scan. Slices
        and selections are not taken over. Reuse of noise is guarded for each epoch by itself.

        Args:
            number: of the epoch, from 0.

        Raises:
            UsageError: the number is negative.
        """
        return _open_epoch(self._store.epoch_zero or self._store.saved_in, self._store.title, number)


def open_plan(
    path: str | os.PathLike[str], *, overrides: Sequence[str] = (), epoch: int = 0, jobs: int = 1
) -> OpenPlan:
    """Open the clips of a recipe, or of the plan that is saved with a data set; each is rendered when it is asked for.

    The plan of a recipe lies in a temporary folder, which goes with this process.

    Args:
        path: a recipe, which is planned now (its audio is scanned, and its noise decoded into the cache); or the folder
            of a data set, finished or not.
        overrides: keys of the recipe, as `--set` has them, such as `noise.snr_db=[0, 15]`.
        epoch: number of the epoch, as in `OpenPlan.epoch`.
        jobs: worker processes for planning.

    Raises:
        RecipeError, GuardError, UsageError: as `synth.commands.plan.make_plan`; there is no such recipe or data set.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links; a worker may have another working folder
    if absolute.is_dir() and DatasetDir(absolute).private.is_dir():
        if overrides:
            raise UsageError(
                f"{absolute} is a data set: its plan is made, and overrides change a recipe; give the recipe"
            )
        open_saved(DatasetDir(absolute))  # raises what is wrong with it
        return _open_epoch(PlanFolder(absolute), str(absolute), epoch)

    from synth.commands.plan import make_plan

    recipe = recipe_file(absolute)
    planned = make_plan(recipe, overrides=overrides, jobs=jobs, check=False)
    for warning in planned.warnings:
        logging.getLogger("synth").warning("%s: %s", recipe, warning)
    header = header_of(planned.plan, planned.noise, ledger=planned.ledger)
    return _open_epoch(_save_temporarily(planned.plan, header, planned.noise), str(absolute), epoch)


def _save_temporarily(plan: Plan, header: PlanHeader, noise: NoiseStore) -> PlanFolder:
    folder = PlanFolder(files.temporary_folder(), temporary=True)
    dataset = DatasetDir(folder.path)
    save_plan(dataset, plan, noise)
    publish_plan_header(dataset, header)
    return folder


def _open_epoch(epoch_zero: PlanFolder, title: str, number: int) -> OpenPlan:
    if number < 0:
        raise UsageError(f"epoch {number}: epochs are counted from 0")
    if number == 0:
        return OpenPlan(PlanStore(epoch_zero, title))
    saved = open_saved(DatasetDir(epoch_zero.path))
    plan_digest = hashlib.sha256(f"{saved.header.plan_digest} epoch {number}".encode()).hexdigest()
    header = replace(saved.header, plan_digest=plan_digest, ledger={})
    folder = _save_temporarily(epoch_of(saved.plan, number), header, saved.noise)
    return OpenPlan(PlanStore(folder, f"{title} (epoch {number})", epoch_zero))
