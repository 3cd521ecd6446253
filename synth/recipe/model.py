"""The recipe as frozen values. Distributions, not drawn values: what a clip gets is drawn by the plan.

The key of a draw is the recipe's own path, with layer names and effect names in it, never a list position, so that
reordering or adding an entry leaves the draws of the others as they were:
`recipe.noise.snr_db.value(draws("noise.snr_db"))`, `choice.draw(draws)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from synth.recipe.defaults import MAX_REUSE
from synth.recipe.distributions import Constant, Distribution, Uniform
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.yaml_text import KeyPosition

__all__ = [
    "SPLITS",
    "Condition",
    "EffectChoice",
    "Event",
    "FromPath",
    "GrowMethod",
    "Jitter",
    "Layer",
    "Limits",
    "Lombard",
    "MatchSpectrum",
    "Noise",
    "Output",
    "Recipe",
    "Room",
    "Source",
    "Speech",
    "Splits",
]

Measure: TypeAlias = Literal["active", "rms", "lufs"]
Weighting: TypeAlias = Literal["band", "a", "none"]
Pool: TypeAlias = Literal["train", "held_out"]
Balance: TypeAlias = Literal["seconds", "sqrt", "recordings"]

SPLITS = ("train", "train-dev", "train-dev-noise")
"""The splits that a recipe can make, in the order in which they are written."""

_ZERO_DB = Constant(0.0)
_ONE = Constant(1)
_EVENT_DB = Uniform(-3.0, 9.0)
_EVENT_SECONDS = Constant(30.0)


@dataclass(frozen=True, slots=True)
class FromPath:
    """A label that is in the path of a recording, relative to the source's folder. One of the two is given."""

    pattern: str | None = None  #: regular expression; the group with the label's name, or its only group
    level: int | None = None  #: which folder of the path, 1 is the first


@dataclass(frozen=True, slots=True)
class Source:
    """Where recordings come from: a folder, a file, or a list of files and segments.

    `path` is the folder or file; the paths of a list are relative to it (it is the list's own folder where the recipe
    gives none). Paths are text as the recipe has it, relative to the recipe's folder. `glob` chooses files below
    `path`; None means every file with the extension of a format that we read. `channels`: the mean of all, the first, or one by
    its number (0 is the first). `recording_column` names the column of a list that says which rows are one recording;
    `columns` maps our names of columns to those of the list. `pool` keeps the whole source for one noise pool.
    `allow_synthesized`: the source may be a data set that `synth` made.

    `speaker` and `session` say where in the path these labels are; the value of a list goes before.

    Of speech alone: `stage` and `loss_weight` of its clips (recipe/stages.py); `unchanged`: each recording becomes one
    clip as it is; `split`: where all its groups are, with what other sources have of them.

    `places`: where the recipe has its keys, and "" for the source itself; empty for a source that no recipe has.
    """

    name: str
    path: str
    manifest: str | None = None
    glob: str | None = None
    channels: Literal["mean", "first"] | int = "mean"
    recording_column: str | None = None
    pool: Pool | None = None
    columns: Mapping[str, str] | None = None
    speaker: FromPath | None = None
    session: FromPath | None = None
    stage: str | None = None
    loss_weight: float | None = None
    unchanged: bool = False
    split: str | None = None
    allow_synthesized: bool = False
    places: Mapping[str, KeyPosition] = field(default_factory=dict, compare=False, repr=False)

    @property
    def path_labels(self) -> dict[str, FromPath]:
        """Label -> where it is in the path."""
        labels = {"speaker": self.speaker, "session": self.session}
        return {name: rule for name, rule in labels.items() if rule is not None}


@dataclass(frozen=True, slots=True)
class Room:
    """Recorded impulse responses that the speech is convolved with; drawn with the keys `speech.room.*`."""

    probability: float
    sources: tuple[Source, ...]
    makes_unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lombard:
    """How speech reacts to the level of the noise; drawn with the keys `speech.lombard.*`, most of them once a
    speaker (dsp/lombard.py)."""

    probability: float
    parameters: Mapping[str, Distribution]
    makes_unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Speech:
    sources: tuple[Source, ...]
    effects: tuple[EffectChoice, ...] = ()
    room: Room | None = None
    lombard: Lombard | None = None


@dataclass(frozen=True, slots=True)
class GrowMethod:
    """A way to grow noise: the share of a layer's clips that get it, and where its parameters come from.

    `cars`: how many virtual cars there are, for `cabin`.
    """

    share: float
    choice: EffectChoice
    cars: int = 0

    @property
    def name(self) -> str:
        return self.choice.name

    @property
    def is_model(self) -> bool:
        """Whether the sound is a model's; else it is recorded sound in another order."""
        return bool(getattr(self.choice.kind, "is_model", False))


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of noise.

    `relative_db` is its level against the other layers; `recordings` of them are summed; `crossfade_s` joins stretches.
    `grow`: the ways in which its noise is grown instead of taken from a recording. Where a second is used more than
    `max_reuse` times, the train pool holds fewer than `min_recordings`, or a model would make the noise
    of a larger share of the clips than `max_synthesized`, the plan is refused.
    """

    name: str
    sources: tuple[Source, ...]
    probability: float = 1.0
    relative_db: Distribution = _ZERO_DB
    recordings: Distribution = _ONE
    effects: tuple[EffectChoice, ...] = ()
    balance: Balance = "seconds"
    max_reuse: float = MAX_REUSE
    min_recordings: int = 1
    crossfade_s: float = 0.05
    grow: tuple[GrowMethod, ...] = ()
    max_synthesized: float = 0.5
    makes_unknown: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the keys of this layer's draws begin with."""
        return f"noise.{self.name}" if self.is_event else f"noise.layers.{self.name}"

    @property
    def is_event(self) -> bool:
        """Whether these are the recordings of an event: each is used from its beginning, and none is cut in two."""
        return self.name.startswith("events.")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens over the noise of a clip, at a moment of its own.

    `choice` makes its sound (dsp/events); it is None where the event is taken from `sources`, at most `seconds` of it.
    `count` of them happen in a clip that has it. `relative_db`: its loudest 50 ms against the other noise.
    """

    label: str
    key: str
    choice: EffectChoice | None
    sources: tuple[Source, ...] = ()
    probability: float = 0.1
    count: Distribution = _ONE
    relative_db: Distribution = _EVENT_DB
    seconds: Distribution = _EVENT_SECONDS
    makes_unknown: tuple[str, ...] = ()

    @property
    def layer(self) -> Layer:
        """Its recordings as a layer of their own, for pools and ledger; no end of one runs into its beginning."""
        name = self.key.removeprefix("noise.")
        return Layer(
            name, self.sources, min_recordings=1, max_reuse=float("inf"), balance="recordings", crossfade_s=0.0
        )


@dataclass(frozen=True, slots=True)
class Noise:
    """`held_out`: the share of each layer's recordings that only train-dev-noise may use."""

    layers: tuple[Layer, ...]
    snr_db: Distribution
    probability: float = 1.0
    measure: Measure = "active"
    weighting: Weighting = "band"
    held_out: float = 0.2
    events: tuple[Event, ...] = ()

    @property
    def pooled_layers(self) -> tuple[Layer, ...]:
        """Everything that recordings are shared out for: the layers, then the events that are taken from recordings.

        The number of a layer in the plan's tables is its place here.
        """
        return (*self.layers, *(event.layer for event in self.events if event.sources))


@dataclass(frozen=True, slots=True)
class Jitter:
    """Standard deviations in dB of what a clip's values differ by from those of its case."""

    snr_db: float = 0.0
    level_dbfs: float = 0.0
    bands_db: float = 0.0


@dataclass(frozen=True, slots=True)
class MatchSpectrum:
    """The colour that the noise is equalised to: mean and standard deviation of each band (dsp/noise_bands.py) in dB;
    no band is changed by more than `limit_db`. `rumble_db`, `rumble_sd_db`: likewise of the two bands below 60 Hz,
    against the mean of the twelve (dsp/colour.py); None leaves them to the noise."""

    mean_db: tuple[float, ...]
    sd_db: tuple[float, ...]
    limit_db: float = 30.0
    rumble_db: tuple[float, ...] | None = None
    rumble_sd_db: tuple[float, ...] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Condition:
    """A weighted variant of the recipe: what it says replaces the recipe's own; None leaves it.

    `cases`: a list of what was measured of real clips (catalog/case_list.py), as text relative to the recipe's folder;
    a clip draws one case whole. What a case does not say, the condition's own distributions do, else the recipe's.
    """

    name: str
    weight: float = 1.0
    cases: str | None = None
    jitter: Jitter = Jitter()
    snr_db: Distribution | None = None
    level_dbfs: Distribution | None = None
    margins_s: Distribution | None = None
    match_spectrum: MatchSpectrum | None = None
    limit_db: float = 30.0
    fluctuation_db: Distribution | None = None
    low_hz: Distribution | None = None
    high_hz: Distribution | None = None
    stage: str | None = None
    loss_weight: float | None = None

    @property
    def key(self) -> str:
        """What the keys of its draws begin with."""
        return f"conditions.{self.name}"


@dataclass(frozen=True, slots=True)
class Splits:
    """`by`: the labels whose values together make a group that is never torn apart. `shares` holds every split that the
    recipe asks for, in the order of SPLITS; they sum to 1."""

    by: tuple[str, ...]
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_bad`: below 1 the share, else the number of inputs that may be refused before the run fails."""

    max_bad: float = 0.01
    max_speech_s: float = 120.0
    max_noise_s: float = 14400.0
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Output:
    format: Literal["flac", "wav"] = "flac"
    stems: bool = False
    shard_size: int = 128


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe. Exactly one of `copies` (clips per utterance) and `hours` (of output) is set.

    `folder` is the folder that relative paths are resolved against. `stage` and `loss_weight` are those of clips of
    which neither source nor condition says one; `stages` names all stages in the order of training.
    """

    seed: int
    sample_rate: int
    copies: int | None
    hours: float | None
    speech: Speech
    margins_s: Distribution
    noise: Noise | None
    channel: tuple[EffectChoice, ...]
    level_dbfs: Distribution | None
    max_peak_dbfs: float
    on_clipping: Literal["turn_down", "refuse"]
    conditions: tuple[Condition, ...]
    splits: Splits
    limits: Limits
    output: Output
    folder: Path
    stage: str | None = None
    loss_weight: float | None = None
    stages: tuple[str, ...] = ()

    @property
    def noise_sources(self) -> tuple[Source, ...]:
        """Those of the layers, then those of the events."""
        layers = self.noise.pooled_layers if self.noise else ()
        return tuple(source for layer in layers for source in layer.sources)

    @property
    def room_sources(self) -> tuple[Source, ...]:
        return self.speech.room.sources if self.speech.room else ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, in the order in which they are scanned."""
        return (*self.speech.sources, *self.noise_sources, *self.room_sources)
