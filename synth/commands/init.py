"""`synth init`: a starter recipe for the audio that a person has, or a small generated example set to try."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synth import files
from synth.audio.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.catalog.scan import Progress
from synth.catalog.source_files import source_from_path
from synth.catalog.synthesized_noise import synthesized_file_of
from synth.commands.plan import Catalogs, plan_clips, scan_sources
from synth.commands.speech_layout import Layout, recognize_layout
from synth.errors import GuardError
from synth.paths import output_path
from synth.plan.checks import how_to_know
from synth.plan.coverage import PoolUse
from synth.plan.guards import refuse_from_totals
from synth.plan.plan import Plan
from synth.plan.pools import near_duplicate_notes
from synth.plan.splits import HELD_OUT_SPLIT, SplitOf, group_of
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.load import load_recipe
from synth.recipe.model import Layer, Recipe, Source, Splits
from synth.recipe.schema import json_schema

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore

LISTS = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "manifest.jsonl", "manifest.json", "manifest.csv")
"""Names of a list that is used if it is in a folder."""

_KIND = "starter recipe"
_BY = ("speaker",)
_SPLITS: tuple[Mapping[str, float], ...] = (
    {"train": 0.8, "train-dev": 0.1, HELD_OUT_SPLIT: 0.1},
    {"train": 0.9, "train-dev": 0.1},
    {"train": 1.0},
)
"""The splits of the recipe, the first that can be made."""
_WANTED_RECORDINGS = 8
_WANTED_SPEAKERS = 10
_HOURS_TRIES = 6
_SPEECH_LIST, _SCHEMA = "speech.jsonl", "recipe.schema.json"
_TOY = "no --noise: toy noise was generated to try the commands; do not train on it"
_TOY_SPEECH = "no --speech: toy speech was generated to try the commands; do not train on it"


@dataclass(frozen=True, slots=True)
class Started:
    """The recipe that was written, and what its owner should know."""

    recipe: Path
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Choices:
    """What the recipe says because of the audio."""

    shares: Mapping[str, float]  #: of the splits
    seed: int  #: with which no split is empty
    minimum: int = 1  #: `min_recordings`
    reuse: float = float("inf")  #: `max_reuse`
    hours: float | None = None  #: None: one clip per utterance
    modelled: bool = False  #: files that a model made are among the noise, so that `max_synthesized` must allow them


@dataclass(frozen=True, slots=True)
class _Draft:
    """A recipe whose sources are known. `folder` is that of the recipe; paths of sources are relative to it."""

    folder: Path
    speech: Source
    noise: Source
    comments: tuple[str, ...] = ()  #: the first lines of the recipe
    listed: bytes | None = None  #: the list of the speech that is written beside the recipe
    notes: tuple[str, ...] = field(default=())


def init(
    folder: Path,
    *,
    speech: Path | None = None,
    noise: Path | None = None,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Started:
    """Write `folder`/recipe.yaml for speech and noise (folders, lists or files), and the schema that editors read.

    What is not given is generated beside it. `synth plan` accepts the recipe: it is planned here in the same way.

    Raises:
        UsageError: the folder must not be written to (synth/paths/output_path.py), or there is no such folder, list or file.
        GuardError: no recipe can be made for this audio.
    """
    recipe = folder / "recipe.yaml"
    output_path.check_folder(folder, _KIND, option="DIR", inputs=(speech, noise), shared=True)
    output_path.check_replaceable(recipe, _KIND, option="DIR")
    draft = _drafted(folder, speech, noise)
    if draft.listed is not None:
        output_path.check_replaceable(folder / _SPEECH_LIST, _KIND, option="DIR")
    with files.scratch_folder() as scratch:
        if draft.listed is not None:
            files.write_file(scratch / _SPEECH_LIST, draft.listed)
        trial = _Trial.of(draft, scratch, jobs, progress)
        choices, notes = trial.settled()
    if draft.listed is not None:
        output_path.write(folder / _SPEECH_LIST, draft.listed, _KIND, option="DIR")
    if not (folder / _SCHEMA).exists():
        output_path.write(folder / _SCHEMA, f"{json.dumps(json_schema(), indent=2)}\n".encode(), _KIND, option="DIR")
    output_path.write(recipe, _text(draft, choices).encode(), _KIND, option="DIR")
    return Started(recipe, (*draft.notes, *trial.notes(choices), *notes))


# ----------------------------------------------------------------------------------------------------------- sources


def _drafted(folder: Path, speech: Path | None, noise: Path | None) -> _Draft:
    sources = {name: source_from_path(path, name=name, list_names=LISTS) for name, path in _given(speech, noise)}
    comments, notes = [], []
    layout = recognize_layout(speech) if speech is not None and _is_plain_folder(sources["speech"], speech) else None
    if layout is not None:
        sources["speech"] = _laid_out(layout)
        notes.append(_layout_note(layout))
    if len(sources) < 2:
        from synth.commands import example

        output_path.check_folder(folder / "example", example.KIND, option="DIR")
        count = example.write(folder / "example", speech=speech is None, noise=noise is None)
        comments = [text for text, missing in ((_TOY_SPEECH, speech is None), (_TOY, noise is None)) if missing]
        notes += [*comments, f"generated {count} files in {folder / 'example'}"]
        for name in _TOYS.keys() - sources.keys():
            sources[name] = source_from_path(folder / "example" / _TOYS[name], name=name, list_names=LISTS)
    home = Path(os.path.realpath(folder))  # what the recipe's paths count from
    listed = layout.listed if layout is not None else None
    return _Draft(
        home, _relative(sources["speech"], home), _relative(sources["car"], home), tuple(comments), listed, tuple(notes)
    )


_TOYS = {"speech": "speech", "car": "noise"}


def _given(speech: Path | None, noise: Path | None) -> list[tuple[str, Path]]:
    return [(name, path) for name, path in (("speech", speech), ("car", noise)) if path is not None]


def _is_plain_folder(source: Source, path: Path) -> bool:
    return path.is_dir() and source.manifest is None


def _laid_out(layout: Layout) -> Source:
    listed = None if layout.listed is None else _SPEECH_LIST
    source = source_from_path(layout.root, name="speech")
    return replace(source, manifest=listed, speaker=layout.speaker, session=layout.session)


def _layout_note(layout: Layout) -> str:
    known = "speakers are taken from its paths"
    if layout.listed is not None:
        known = f"speakers and texts were written to {_SPEECH_LIST}"
    return f"speech: the layout of {layout.name} was recognized; {known}" + (f"; {layout.note}" if layout.note else "")


def _relative(source: Source, home: Path) -> Source:
    """The source as a recipe in `home` names it; a list that `init` writes lies there."""

    def path_of(text: str) -> str:
        return Path(os.path.relpath(text, home)).as_posix()

    listed = source.manifest if source.manifest in (None, _SPEECH_LIST) else path_of(str(source.manifest))
    return replace(source, path=path_of(source.path), manifest=listed)


# ------------------------------------------------------------------------------------------------------------- trial


@dataclass(frozen=True, slots=True)
class _Trial:
    """The audio of a draft, and recipes that are tried on it."""

    draft: _Draft
    scratch: Path
    catalogs: Catalogs
    store: NoiseStore

    @classmethod
    def of(cls, draft: _Draft, scratch: Path, jobs: int, progress: Progress | None) -> _Trial:
        """Scan the sources and decode the noise, as `synth plan` does. Raises GuardError, RecipeError."""
        from synth.catalog.noise_store import prepare_noise

        recipe = _recipe(draft, scratch, _Choices({"train": 1.0}, 1))
        catalogs = scan_sources(recipe, jobs=jobs, progress=progress)
        if not len(catalogs[1]):
            reasons = "; ".join(f"{one.path}: {one.message}" for one in catalogs[1].refused[:3])
            raise GuardError(f"noise: none of the recordings in {draft.noise.path} can be used: {reasons}")
        store = prepare_noise(
            catalogs[1],
            sample_rate=recipe.sample_rate,
            cache=cache_folder(),
            jobs=jobs,
            limits=recipe.limits,
            progress=progress,
        )
        return cls(draft, scratch, catalogs, store)

    def settled(self) -> tuple[_Choices, list[str]]:
        """The choices of a recipe that can be planned, and what was left out of it. Raises GuardError if none can."""
        notes: list[str] = []
        for shares in _SPLITS:
            seed = _seed(self.catalogs[0], shares)
            if seed is None:
                continue
            try:
                return self._within_limits(_Choices(shares, seed, modelled=self._is_modelled())), notes
            except GuardError as error:
                if len(shares) == 1:
                    raise
                notes.append(f"{list(shares)[-1]} is not in the recipe: {error}")
        raise GuardError("no recipe can be made for this audio")  # train alone needs no seed

    def _is_modelled(self) -> bool:
        return any(file.is_model for one in self.catalogs[1] if (file := synthesized_file_of(one)) is not None)

    def _within_limits(self, choices: _Choices) -> _Choices:
        """The choices with the limits of the starter recipe; fewer hours if the noise would be used too often."""
        plan, uses = self._planned(choices)
        train = min(use.count for use in uses if use.pool == "train")
        choices = replace(choices, minimum=min(_WANTED_RECORDINGS, train), reuse=MAX_REUSE)
        for _ in range(_HOURS_TRIES):
            try:
                self._planned(choices)
            except GuardError:
                most = max(use.reuse_mean for use in uses)
                hours = float(plan.clips["num_samples"].sum()) / plan.recipe.sample_rate / 3600
                choices = replace(choices, hours=_rounded_down(hours * min(0.9 * MAX_REUSE / most, 0.8)))
                plan, uses = self._planned(replace(choices, minimum=1, reuse=float("inf")))
            else:
                return choices
        self._planned(choices)
        return choices

    def _planned(self, choices: _Choices) -> tuple[Plan, tuple[PoolUse, ...]]:
        recipe = _recipe(self.draft, self.scratch, choices)
        refuse_from_totals(recipe, *self.catalogs[:2])
        return plan_clips(recipe, self.catalogs, self.store)

    def notes(self, choices: _Choices) -> list[str]:
        """What is there, and what the recipe says because of it."""
        speech, noise, _ = self.catalogs
        refused = [*noise.refused, *self.store.refused]
        recipe = _recipe(self.draft, self.scratch, choices)
        notes = [
            f"{len(speech)} utterances ({_hours(speech)} h), {len(noise)} noise recordings ({_hours(noise)} h)",
            *(f"refused: {one.path}: {one.code}: {one.message}" for one in (*speech.refused[:1], *refused[:3])),
            *near_duplicate_notes(recipe, noise, self.store),
            *speech.notes,
            *noise.notes,
        ]
        if choices.minimum < _WANTED_RECORDINGS:
            notes.append(
                f"{_recordings(choices.minimum)} for train: few (16 to 32 are good), so that min_recordings is "
                f"{choices.minimum}"
            )
        if choices.modelled:
            notes.append(_MODELLED)
        if choices.hours is not None:
            notes.append(
                f"one clip per utterance would use each second of noise more than {MAX_REUSE:g} times; the recipe asks "
                f"for {choices.hours:g} h instead. Add noise, or grow it, for more"
            )
        if len(_speakers(speech)) < _WANTED_SPEAKERS:
            notes.append(_no_splits(len(_speakers(speech))))
        return notes


_MODELLED = (
    "files of synth grow that a model made are among the noise, so that max_synthesized is 1: add recordings, or the "
    "model that is trained learns the mistakes of this one"
)


def _recordings(count: int) -> str:
    return "1 noise recording" if count == 1 else f"{count} noise recordings"


def _no_splits(speakers: int) -> str:
    known = "no speakers are known" if not speakers else f"only {speakers} speakers are known"
    return (
        f"{known}: all clips go to train. For train-dev and train-dev-noise {_WANTED_SPEAKERS} or more are needed. "
        f"{how_to_know('speaker')}"
    )


def _rounded_down(hours: float) -> float:
    """Three digits."""
    digits = f"{hours:.2e}"
    return max(0.0001, float(digits))


def _hours(catalog: Catalog) -> str:
    return f"{float((catalog.num_samples / catalog.sample_rates).sum()) / 3600:.2f}"


def _speakers(speech: Catalog) -> set[str]:
    return {recording.speaker for recording in speech if recording.speaker is not None}


def _seed(speech: Catalog, shares: Mapping[str, float]) -> int | None:
    """A seed with which no split is empty; None if there are too few speakers, or no such seed."""
    if len(shares) == 1:
        return 1
    if len(_speakers(speech)) < _WANTED_SPEAKERS:
        return None
    groups: dict[str, Recording] = {group_of(recording, _BY): recording for recording in speech}
    for seed in range(1, 10_000):
        split_of = SplitOf(Splits(by=_BY, shares=shares), seed)
        if len({split_of(recording) for recording in groups.values()}) == len(shares):
            return seed
    return None


# -------------------------------------------------------------------------------------------------------------- text


def _recipe(draft: _Draft, scratch: Path, choices: _Choices) -> Recipe:
    """The recipe as `synth plan` will read it. A list that is not yet beside it is read from `scratch`."""
    if draft.listed is not None:
        draft = replace(draft, speech=replace(draft.speech, manifest=str(scratch / _SPEECH_LIST)))
    path = scratch / "recipe.yaml"
    files.write_file(path, _text(draft, choices).encode())
    recipe = _without_places(load_recipe(path, folder=draft.folder))
    if choices.reuse < float("inf"):
        return recipe
    assert recipe.noise is not None
    first: Layer = replace(recipe.noise.layers[0], max_reuse=float("inf"))
    return replace(recipe, noise=replace(recipe.noise, layers=(first,)))


def _without_places(recipe: Recipe) -> Recipe:
    """The recipe with sources that have no place in a file: nobody could open the file of a trial."""
    assert recipe.noise is not None
    speech, (layer,) = recipe.speech, recipe.noise.layers
    spoken, noise = (tuple(replace(one, places={}) for one in part.sources) for part in (speech, layer))
    layers = (replace(layer, sources=noise),)
    return replace(recipe, speech=replace(speech, sources=spoken), noise=replace(recipe.noise, layers=layers))


def _text(draft: _Draft, choices: _Choices) -> str:
    shares = ", ".join(f"{name}: {share:g}" for name, share in _SPLITS[0].items())
    splits = f"# splits: {{by: [speaker], {shares}}}"
    if len(choices.shares) > 1:
        splits = (
            f"splits: {{by: [speaker], {', '.join(f'{name}: {share:g}' for name, share in choices.shares.items())}}}"
        )
    amount = "copies: 1                                   # clips for each utterance; or hours: 100"
    if choices.hours is not None:
        amount = f"hours: {choices.hours:<37g}# of clips: as many as this noise allows; or copies: 1"
    few = choices.minimum < _WANTED_RECORDINGS
    return _TEMPLATE.format(
        comments="".join(f"# {text}\n" for text in draft.comments),
        seed=choices.seed,
        rate=16000,
        amount=amount,
        speech=_source_text(draft.speech),
        noise=_source_text(draft.noise),
        reuse=f"{MAX_REUSE:g}",
        minimum=choices.minimum,
        grown="\n      max_synthesized: 1                          # all of the noise may be a model's"
        if choices.modelled
        else "",
        few="few; every second is heard often" if few else "fewer are refused",
        splits=splits,
    )


def _source_text(source: Source) -> str:
    parts = [f"name: {source.name}", f"path: {_quoted(source.path)}"]
    if source.manifest:
        parts.append(f"manifest: {_quoted(source.manifest)}")
    for name, rule in source.path_labels.items():
        parts.append(f"{name}: {{from: path, pattern: {_quoted(rule.pattern or '')}}}")
    return "{" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_TEMPLATE = """\
{comments}# yaml-language-server: $schema=recipe.schema.json
# A starter recipe. With the schema beside it, editors complete and check keys.
# A number may be a distribution: [low, high], {{normal: [mean, sd], clip: [low, high]}}, {{choice: [a, b]}},
# {{log_uniform: [low, high]}}.
schema: 1
seed: {seed}                                # another seed draws another data set
sample_rate: {rate}
{amount}
speech:
  sources:
    - {speech}
  effects:
    - speed: {{choice: [0.9, 1.0, 1.1]}}      # 0.9 is slower, longer and lower
    - pitch: {{normal: [0, 1], clip: [-3, 3]}}  # semitones
      probability: 0.3
margins_s: [0.2, 0.5]                       # noise only, before and after the speech
noise:
  probability: 0.95                         # the rest stays clean
  snr_db: {{normal: [8, 5], clip: [-5, 25]}}  # active speech level against noise, both between 200 and 7000 Hz
  layers:
    - name: cabin
      sources:
        - {noise}
      recordings: {{choice: [1, 2]}}          # summed, each changed in its own way
      effects:                              # what keeps a model from learning the recordings by heart
        - speed: {{log_uniform: [0.85, 1.18]}}
        - equalizer: {{bands_db: {{normal: [0, 3]}}, tilt_db_per_octave: [-6, 6]}}
        - polarity: {{}}
          probability: 0.5
      max_reuse: {reuse}                        # each second of noise, on average; past it the plan is refused
      min_recordings: {minimum}                     # {few}{grown}
level_dbfs: [-32, -18]                      # of the finished clip
{splits}
output: {{format: flac, stems: false}}
"""
