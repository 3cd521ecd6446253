"""Write a starter recipe for the audio that a person has, or for a small generated example set: `synth init`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synth import files
from synth.audio.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.catalog.scan import Progress
from synth.catalog.source_files import LIST_NAMES, source_from_path
from synth.catalog.synthesized_noise import synthesized_file_of
from synth.commands import example
from synth.commands.plan import Catalogs, StrPath, plan_clips, scan_sources
from synth.commands.schema import schema_text
from synth.commands.speech_layout import recognize_layout
from synth.commands.starter_recipe import (
    ENOUGH_RECORDINGS,
    SPEECH_LIST,
    SPLITS,
    StarterChoices,
    StarterSources,
    starter_text,
)
from synth.errors import GuardError
from synth.lists.formats.registry import detect_format
from synth.paths import output_path
from synth.plan.checks import how_to_know
from synth.plan.guards import refuse_from_totals
from synth.plan.noise_use import PoolUse
from synth.plan.plan import Plan
from synth.plan.pool_division import near_duplicate_notes
from synth.plan.splits import SplitOf, group_of
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.load import load_recipe
from synth.recipe.model import Recipe, Source, Splits
from synth.text import count_of, listed

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore

__all__ = ["StarterRecipe", "init"]

_KIND = "starter recipe"
_SCHEMA = "recipe.schema.json"
_BY = ("speaker",)
_ENOUGH_SPEAKERS = 10  # for splits by speaker
_HOURS_TRIES = 6
_EXAMPLE = {"speech": "speech", "car": "noise"}  # name of a source -> folder of the example that replaces it
_EXAMPLE_NOTES = {
    "speech": "no --speech: toy speech was generated to try the commands; do not train on it",
    "car": "no --noise: toy noise was generated to try the commands; do not train on it",
}


@dataclass(frozen=True, slots=True)
class StarterRecipe:
    """A starter recipe that was written."""

    recipe: Path
    notes: tuple[str, ...]  # on its audio and on what the recipe says because of it


def init(
    folder: StrPath,
    *,
    speech: Path | None = None,
    noise: Path | None = None,
    jobs: int = 2,
    progress: Progress | None = None,
) -> StarterRecipe:
    """Write `folder`/recipe.yaml for speech and noise, and the schema that editors read.

    `synth plan` accepts the recipe: it is planned here in the same way, in a scratch folder, before it is written.

    Args:
        folder: of the recipe; made if it is not there.
        speech: clean speech: a folder, list or file. If omitted, an example is generated.
        noise: likewise the noise.
        jobs: worker processes.
        progress: called with (what, number of files, number of all).

    Raises:
        UsageError: the folder must not be written to (synth/paths/output_path.py), or an input is missing.
        GuardError: no recipe can be made for this audio.
    """
    folder = Path(folder)
    recipe = folder / "recipe.yaml"
    output_path.check_folder(folder, _KIND, option="DIR", inputs=(speech, noise), shared=True)
    output_path.check_replaceable(recipe, _KIND, option="DIR")
    sources = _find_sources(folder, speech, noise)
    if sources.speech_list is not None:
        output_path.check_replaceable(folder / SPEECH_LIST, _KIND, option="DIR")
    with files.scratch_folder() as scratch:
        if sources.speech_list is not None:
            files.write_file(scratch / SPEECH_LIST, sources.speech_list)
        trial = _Trial.of(sources, scratch, jobs, progress)
        choices, notes = trial.settle()
    if sources.speech_list is not None:
        output_path.write(folder / SPEECH_LIST, sources.speech_list, _KIND, option="DIR")
    if not (folder / _SCHEMA).exists():
        output_path.write(folder / _SCHEMA, f"{schema_text()}\n".encode(), _KIND, option="DIR")
    output_path.write(recipe, starter_text(sources, choices).encode(), _KIND, option="DIR")
    return StarterRecipe(recipe, (*sources.notes, *trial.notes(choices), *notes))


def _find_sources(folder: Path, speech: Path | None, noise: Path | None) -> StarterSources:
    """The sources of the recipe. What is not given is generated in `folder`/example."""
    given = {name: path for name, path in (("speech", speech), ("car", noise)) if path is not None}
    sources = {name: source_from_path(path, name=name, list_names=LIST_NAMES) for name, path in given.items()}
    comments, notes = [], []
    layout = None
    if speech is not None and speech.is_dir() and sources["speech"].manifest is None and not detect_format(speech):
        layout = recognize_layout(speech)
    if layout is not None:
        manifest = None if layout.listed is None else SPEECH_LIST
        laid_out = source_from_path(layout.root, name="speech")
        sources["speech"] = replace(laid_out, manifest=manifest, speaker=layout.speaker, session=layout.session)
        labels = f"speakers and texts were written to {manifest}" if manifest else "speakers are taken from its paths"
        note = f"; {layout.note}" if layout.note else ""
        notes.append(f"speech: the layout of {layout.name} was recognized; {labels}{note}")
    missing = [name for name in _EXAMPLE if name not in sources]
    if missing:
        output_path.check_folder(folder / "example", example.KIND, option="DIR")
        count = example.write(folder / "example", speech="speech" in missing, noise="car" in missing)
        comments = [_EXAMPLE_NOTES[name] for name in missing]
        notes += [*comments, f"generated {count} files in {folder / 'example'}"]
        for name in missing:
            sources[name] = source_from_path(folder / "example" / _EXAMPLE[name], name=name, list_names=LIST_NAMES)
    base = Path(os.path.realpath(folder))  # what the recipe's paths are relative to
    return StarterSources(
        base,
        _relative(sources["speech"], base),
        _relative(sources["car"], base),
        tuple(comments),
        None if layout is None else layout.listed,
        tuple(notes),
    )


def _relative(source: Source, base: Path) -> Source:
    """The source as a recipe in `base` names it. A list that `init` writes lies there already."""
    path = Path(os.path.relpath(source.path, base)).as_posix()
    if source.manifest in (None, SPEECH_LIST):
        return replace(source, path=path)
    return replace(source, path=path, manifest=Path(os.path.relpath(str(source.manifest), base)).as_posix())


@dataclass(frozen=True, slots=True)
class _Trial:
    """The audio of a starter recipe, and recipes that are tried on it."""

    sources: StarterSources
    scratch: Path  # folder for the recipes that are tried
    catalogs: Catalogs
    store: NoiseStore

    @classmethod
    def of(cls, sources: StarterSources, scratch: Path, jobs: int, progress: Progress | None) -> _Trial:
        """Scan the sources and decode the noise, as `synth plan` does. Raises GuardError, RecipeError."""
        from synth.catalog.noise_store import prepare_noise

        recipe = _load(sources, scratch, StarterChoices({"train": 1.0}, 1))
        catalogs = scan_sources(recipe, jobs=jobs, progress=progress)
        if not len(catalogs.noise):
            reasons = listed([f"{row.path}: {row.message}" for row in catalogs.noise.refused], 3, separator="; ")
            raise GuardError(f"noise: none of the recordings in {sources.noise.path} can be used: {reasons}")
        store = prepare_noise(
            catalogs.noise,
            sample_rate=recipe.sample_rate,
            cache=cache_folder(),
            jobs=jobs,
            limits=recipe.limits,
            progress=progress,
        )
        return cls(sources, scratch, catalogs, store)

    def settle(self) -> tuple[StarterChoices, list[str]]:
        """Find a recipe that can be planned: its choices, and notes on what it lacks. Raises GuardError if none can."""
        noise_files = map(synthesized_file_of, self.catalogs.noise)
        has_model_noise = any(file is not None and file.is_model for file in noise_files)
        notes: list[str] = []
        for shares in SPLITS:
            seed = _find_seed(self.catalogs.speech, shares)
            if seed is None:
                continue
            try:
                return self._fit_limits(StarterChoices(shares, seed, has_model_noise=has_model_noise)), notes
            except GuardError as error:
                if len(shares) == 1:
                    raise
                notes.append(f"{list(shares)[-1]} is not in the recipe: {error}")
        raise AssertionError("train alone needs no seed")

    def _fit_limits(self, choices: StarterChoices) -> StarterChoices:
        """The choices with the limits of a starter recipe; fewer hours if the noise would be used too often."""
        plan, uses = self._plan(choices, has_limits=False)
        in_train = min(use.count for use in uses if use.pool == "train")
        choices = replace(choices, min_recordings=min(ENOUGH_RECORDINGS, in_train))
        for _ in range(_HOURS_TRIES):
            try:
                self._plan(choices)
            except GuardError:
                # Other pools may be used more often than train, and shorter plans draw other clips: a few rounds.
                most = max(use.reuse_mean for use in uses)
                hours = float(plan.clips["num_samples"].sum()) / plan.recipe.sample_rate / 3600
                hours *= min(0.9 * MAX_REUSE / most, 0.8)
                choices = replace(choices, hours=max(0.0001, float(f"{hours:.2e}")))
                plan, uses = self._plan(choices, has_limits=False)
            else:
                return choices
        self._plan(choices)
        return choices

    def _plan(self, choices: StarterChoices, *, has_limits: bool = True) -> tuple[Plan, tuple[PoolUse, ...]]:
        recipe = _load(self.sources, self.scratch, choices, has_limits=has_limits)
        refuse_from_totals(recipe, self.catalogs.speech, self.catalogs.noise)
        return plan_clips(recipe, self.catalogs, self.store)

    def notes(self, choices: StarterChoices) -> list[str]:
        """Describe the audio, and what the recipe says because of it."""
        speech, noise, _ = self.catalogs
        recipe = _load(self.sources, self.scratch, choices)
        refused = [*speech.refused[:1], *[*noise.refused, *self.store.refused][:3]]
        notes = [
            f"{len(speech)} utterances ({_hours(speech)} h), {len(noise)} noise recordings ({_hours(noise)} h)",
            *(f"refused: {row.path}: {row.code}: {row.message}" for row in refused),
            *near_duplicate_notes(recipe, noise, self.store),
            *speech.notes,
            *noise.notes,
        ]
        if choices.min_recordings < ENOUGH_RECORDINGS:
            notes.append(
                f"{count_of(choices.min_recordings, 'noise recording')} for train: few (16 to 32 are good), so that "
                f"min_recordings is {choices.min_recordings}"
            )
        if choices.has_model_noise:
            notes.append(
                "files of synth grow that a model made are among the noise, so that max_synthesized is 1: add "
                "recordings, or the model that is trained learns the mistakes of this one"
            )
        if choices.hours is not None:
            notes.append(
                f"one clip per utterance would use each second of noise more than {MAX_REUSE:g} times; the recipe asks "
                f"for {choices.hours:g} h instead. Add noise, or synthesize more with `synth grow`, to get more clips"
            )
        speakers = len(_speakers(speech))
        if speakers < _ENOUGH_SPEAKERS:
            count = f"only {speakers} speakers are known" if speakers else "no speakers are known"
            notes.append(
                f"{count}: all clips go to train. For train-dev and train-dev-noise {_ENOUGH_SPEAKERS} or more are "
                f"needed. {how_to_know('speaker')}"
            )
        return notes


def _load(sources: StarterSources, scratch: Path, choices: StarterChoices, *, has_limits: bool = True) -> Recipe:
    """The recipe as `synth plan` will read it, from `scratch`, where a speech list that is to be written lies too.

    Without `has_limits` the noise may be used as often as the clips need.
    """
    if sources.speech_list is not None:
        sources = replace(sources, speech=replace(sources.speech, manifest=str(scratch / SPEECH_LIST)))
    path = scratch / "recipe.yaml"
    files.write_file(path, starter_text(sources, choices).encode())
    recipe = load_recipe(path, folder=sources.folder)
    assert recipe.noise is not None
    # No message may name a line of this file: the person could not open it.
    (layer,) = recipe.noise.layers
    speech, noise = (tuple(replace(s, positions={}) for s in part.sources) for part in (recipe.speech, layer))
    layer = replace(layer, sources=noise)
    if not has_limits:
        layer = replace(layer, min_recordings=1, max_reuse=float("inf"))
    return replace(recipe, speech=replace(recipe.speech, sources=speech), noise=replace(recipe.noise, layers=(layer,)))


def _hours(catalog: Catalog) -> str:
    return f"{float((catalog.num_samples / catalog.sample_rates).sum()) / 3600:.2f}"


def _speakers(speech: Catalog) -> set[str]:
    return {recording.speaker for recording in speech if recording.speaker is not None}


def _find_seed(speech: Catalog, shares: Mapping[str, float]) -> int | None:
    """A seed with which no split is empty; None if there are too few speakers, or no such seed."""
    if len(shares) == 1:
        return 1
    if len(_speakers(speech)) < _ENOUGH_SPEAKERS:
        return None
    groups: dict[str, Recording] = {group_of(recording, _BY): recording for recording in speech}
    for seed in range(1, 10_000):
        split_of = SplitOf(Splits(by=_BY, shares=shares), seed)
        if len({split_of(recording) for recording in groups.values()}) == len(shares):
            return seed
    return None
