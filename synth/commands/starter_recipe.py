"""The text of a starter recipe: a template with comments, filled with sources and with what the audio allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synth.plan.splits import HELD_OUT_SPLIT
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.model import Source

SPLITS: tuple[Mapping[str, float], ...] = (
    {"train": 0.8, "train-dev": 0.1, HELD_OUT_SPLIT: 0.1},
    {"train": 0.9, "train-dev": 0.1},
    {"train": 1.0},
)
"""The splits of a starter recipe: the first that can be made are taken."""
ENOUGH_RECORDINGS = 8
"""A starter recipe asks for this many noise recordings, or for all if there are fewer."""
SPEECH_LIST = "speech.jsonl"
"""The list of the speech that `synth init` writes beside a recipe."""


@dataclass(frozen=True, slots=True)
class StarterSources:
    """The audio of a starter recipe."""

    folder: Path  # of the recipe, which the paths of the sources are relative to
    speech: Source
    noise: Source
    comments: tuple[str, ...] = ()  # the first lines of the recipe
    speech_list: bytes | None = None  # content of SPEECH_LIST, if there is one
    notes: tuple[str, ...] = ()  # for the person


@dataclass(frozen=True, slots=True)
class StarterChoices:
    """What a starter recipe says because of its audio."""

    shares: Mapping[str, float]  # of the splits
    seed: int  # with which no split is empty
    min_recordings: int = 1
    hours: float | None = None  # None: one clip per utterance
    has_model_noise: bool = False  # a model synthesized some noise files, so that `max_synthesized` must allow them


def starter_text(sources: StarterSources, choices: StarterChoices) -> str:
    """Write a starter recipe (YAML)."""
    amount = "copies: 1                                   # clips for each utterance; or hours: 100"
    if choices.hours is not None:
        amount = f"hours: {choices.hours:<37g}# of clips: as many as this noise allows; or copies: 1"
    has_splits = len(choices.shares) > 1
    shares = ", ".join(f"{name}: {share:g}" for name, share in (choices.shares if has_splits else SPLITS[0]).items())
    model_noise = "\n      max_synthesized: 1                    # all of the noise may be a model's"
    return _TEMPLATE.format(
        comments="".join(f"# {text}\n" for text in sources.comments),
        seed=choices.seed,
        amount=amount,
        speech=_source_text(sources.speech),
        noise=_source_text(sources.noise),
        reuse=f"{MAX_REUSE:g}",
        minimum=choices.min_recordings,
        few="few; every second is used often" if choices.min_recordings < ENOUGH_RECORDINGS else "fewer are refused",
        max_synthesized=model_noise if choices.has_model_noise else "",
        splits=f"{'' if has_splits else '# '}splits: {{by: [speaker], {shares}}}",
    )


def _source_text(source: Source) -> str:
    """A source in YAML, on one line."""
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
seed: {seed:<38}# another seed draws another data set
sample_rate: 16000
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
      max_reuse: {reuse:<27}# each second of noise, on average; past it the plan is refused
      min_recordings: {minimum:<22}# {few}{max_synthesized}
level_dbfs: [-32, -18]                      # of the finished clip
{splits}
output: {{format: flac, stems: false}}
"""
