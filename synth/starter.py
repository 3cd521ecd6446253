"""`synth init`: a starter recipe for the folders that a person has, or a small generated example set to try."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from synth import files
from synth.catalog.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.scan import Kind, scan
from synth.errors import UsageError
from synth.plan.splits import SplitOf
from synth.recipe.model import Limits, Source, Splits

_LISTS = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "manifest.jsonl", "manifest.json", "manifest.csv")
_SHARES = {"train": 0.8, "train-dev": 0.1, "train-dev-noise": 0.1}
_WANTED_RECORDINGS = 8
_WANTED_SPEAKERS = 10


@dataclass(frozen=True, slots=True)
class Started:
    """The recipe that was written, and what its owner should know."""

    recipe: Path
    notes: tuple[str, ...]


def init(folder: Path, *, speech: Path | None = None, noise: Path | None = None) -> Started:
    """Write `folder`/recipe.yaml for these folders of speech and noise; what is not given is generated beside it.

    Raises:
        UsageError: the recipe exists, or a folder is missing or holds no audio.
    """
    recipe = folder / "recipe.yaml"
    if recipe.exists():
        raise UsageError(f"{recipe} exists; give a new folder, or edit it")
    for given in (speech, noise):
        if given is not None and not given.is_dir():
            raise UsageError(f"there is no folder {given}")
    notes = []
    if speech is None or noise is None:
        from synth import example

        made = example.write(folder / "example", speech=speech is None, noise=noise is None)
        notes.append(f"generated {made} files in {folder / 'example'}: tones and shaped noise, to try the commands on")
        speech, noise = speech or folder / "example" / "speech", noise or folder / "example" / "noise"
    speech_source, noise_source = _source("speech", speech, folder), _source("car", noise, folder)
    speakers, rows = _scanned(speech_source, folder, "speech"), _scanned(noise_source, folder, "noise")
    text, more = _recipe_text(speech_source, noise_source, speakers, rows)
    files.write_file(recipe, text.encode())
    return Started(recipe, (*notes, *more, *speakers.notes, *rows.notes))


def _source(name: str, path: Path, folder: Path) -> Source:
    relative = Path(os.path.relpath(path, folder)).as_posix()
    listed = next((path / each for each in _LISTS if (path / each).is_file()), None)
    manifest = None if listed is None else Path(os.path.relpath(listed, folder)).as_posix()
    return Source(name=name, path=relative, manifest=manifest)


def _scanned(source: Source, folder: Path, kind: Kind) -> Catalog:
    catalog = scan([source], folder=folder.absolute(), limits=Limits(), cache=cache_folder(), jobs=2, kind=kind)
    if not len(catalog):
        first = catalog.refused[0]
        raise UsageError(f"no usable audio in {source.path}: {first.path}: {first.message}")
    return catalog


def _recipe_text(speech: Source, noise: Source, spoken: Catalog, rows: Catalog) -> tuple[str, list[str]]:
    speakers = {recording.speaker for recording in spoken} - {None}
    splits, seed = _splits_text(spoken, len(speakers))
    few = len(rows) < _WANTED_RECORDINGS + 2 * (splits[0] != "#")
    held_out = 0 if splits[0] == "#" else max(1, round(0.2 * len(rows)))
    minimum = max(1, len(rows) - held_out) if few else _WANTED_RECORDINGS
    notes = [f"{len(spoken)} utterances ({_hours(spoken)} h), {len(rows)} noise recordings ({_hours(rows)} h)"]
    if few:
        notes.append(f"{len(rows)} noise recordings are few (16 to 32 are good): min_recordings is set to {minimum}")
    if len(speakers) < _WANTED_SPEAKERS:
        notes.append(f"{len(speakers)} known speakers are too few for splits by speaker: all clips go to train")
    return _TEMPLATE.format(
        seed=seed,
        rate=16000,
        speech=_source_text(speech),
        noise=_source_text(noise),
        minimum=minimum,
        few="few; every second is heard often" if few else "fewer are refused",
        splits=splits,
    ), notes


def _hours(catalog: Catalog) -> str:
    return f"{float((catalog.num_samples / catalog.sample_rates).sum()) / 3600:.2f}"


def _splits_text(spoken: Catalog, speakers: int) -> tuple[str, int]:
    """The splits, and a seed with which none of them is empty."""
    line = "splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}"
    if speakers < _WANTED_SPEAKERS:
        return f"# {line}", 1
    for seed in range(1, 10_000):
        split_of = SplitOf(Splits(by=("speaker",), shares=_SHARES), seed)
        if len({split_of(recording) for recording in spoken}) == len(_SHARES):
            return line, seed
    return f"# {line}", 1


def _source_text(source: Source) -> str:
    parts = [f"name: {source.name}", f"path: {_quoted(source.path)}"]
    if source.manifest:
        parts.append(f"manifest: {_quoted(source.manifest)}")
    return "{" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_TEMPLATE = """\
# yaml-language-server: $schema=recipe.schema.json
# A starter recipe. `synth schema > recipe.schema.json` beside it gives completion in editors.
# A number may be a distribution: [low, high], {{normal: [mean, sd], clip: [low, high]}}, {{choice: [a, b]}},
# {{log_uniform: [low, high]}}.
schema: 1
seed: {seed}                                # another seed draws another data set
sample_rate: {rate}
copies: 1                                   # clips for each utterance; or hours: 100
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
      max_reuse: 100                        # each second of noise, on average; past it the plan is refused
      min_recordings: {minimum}                     # {few}
level_dbfs: [-32, -18]                      # of the finished clip
{splits}
output: {{format: flac, stems: false}}
"""
