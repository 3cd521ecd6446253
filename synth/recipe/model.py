"""The recipe as frozen values: distributions, not drawn values. What a clip gets is drawn by the plan.

The key of a draw is the recipe's own path, with names of layers and effects in it, never a position in a list. So
adding or reordering entries leaves the draws of the others as they were:
`recipe.noise.snr_db.value(draws("noise.snr_db"))`, `choice.draw(draws)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from synth.audio.formats import Format
from synth.recipe.defaults import MAX_REUSE
from synth.recipe.distributions import Constant, Distribution, Uniform
from synth.recipe.effect_choice import EffectChoice
from synth.recipe.yaml_text import KeyPosition

Measure: TypeAlias = Literal["active", "rms", "lufs"]
Weighting: TypeAlias = Literal["band", "a", "none"]
Pool: TypeAlias = Literal["train", "held_out"]
Balance: TypeAlias = Literal["seconds", "sqrt", "recordings"]

SPLITS = ("train", "train-dev", "train-dev-noise")
"""The splits that a recipe can make, in the order in which they are written."""

_ZERO_DB, _ONE = Constant(0.0), Constant(1)
_EVENT_DB, _EVENT_SECONDS = Uniform(-3.0, 9.0), Constant(30.0)


@dataclass(frozen=True, slots=True)
class FromPath:
    """A label that is in the path of a recording, relative to the source's folder. One of the two is given."""

    pattern: str | None = None  #: regular expression; the group with the label's name, or its only group
    level: int | None = None  #: which folder of the path, 1 is the first


@dataclass(frozen=True, slots=True)
class Source:
    """Where recordings come from: a folder, a file, or a list of files and segments."""

    name: str
    path: str  #: folder or file, relative to the recipe's folder; of a list: what its paths are relative to
    manifest: str | None = None  #: path of the list, relative to the recipe's folder
    glob: str | None = None  #: which files below `path`; None: every file of a format that we read
    format: str | None = None  #: of another tool, a key of lists/formats/registry.py; None: recognized, or none
    channels: Literal["mean", "first"] | int = "mean"  #: mean of all, the first, or one by its number from 0
    recording_column: str | None = None  #: column of the list that says which rows are one recording
    pool: Pool | None = None  #: the noise pool that the whole source is kept for
    columns: Mapping[str, str] | None = None  #: our name of a column -> the list's name
    speaker: FromPath | None = None  #: where in the path the speaker is; a column of the list goes before
    session: FromPath | None = None  #: where in the path the session is; likewise
    stage: str | None = None  #: (speech) stage of training of its clips
    loss_weight: float | None = None  #: (speech) what each of its clips counts in the loss
    unchanged: bool = False  #: (speech) each recording becomes one clip as it is
    split: str | None = None  #: (speech) where all its groups are, with what other sources have of them
    allow_synthesized: bool = False  #: the source may be a data set that `synth` made
    #: where the recipe has its keys, and "" for the source itself; empty for a source that no recipe has
    positions: Mapping[str, KeyPosition] = field(default_factory=dict, compare=False, repr=False)

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
    makes_unknown: tuple[str, ...] = ()  #: labels that are unknown in a clip that gets a room


@dataclass(frozen=True, slots=True)
class LombardChoice:
    """How speech reacts to the level of the noise; drawn with the keys `speech.lombard.*` (dsp/lombard.py)."""

    probability: float
    parameters: Mapping[str, Distribution]  #: most of them are drawn once per speaker
    makes_unknown: tuple[str, ...] = ()  #: labels that are unknown in a clip whose speech reacts


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech and what is done to it."""

    sources: tuple[Source, ...]
    effects: tuple[EffectChoice, ...] = ()
    room: Room | None = None
    lombard: LombardChoice | None = None


@dataclass(frozen=True, slots=True)
class GrowMethod:
    """A way to grow the noise of a layer."""

    share: float  #: of the layer's clips that get it
    choice: EffectChoice  #: the generator, and where its parameters come from
    cars: int = 0  #: number of virtual cars, for `cabin`

    @property
    def name(self) -> str:
        """The generator: a key of GENERATORS."""
        return self.choice.name

    @property
    def is_model(self) -> bool:
        """Whether the sound is a model's; else it is recorded sound in another order."""
        return bool(getattr(self.choice.kind, "is_model", False))


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of noise."""

    name: str
    sources: tuple[Source, ...]
    probability: float = 1.0  #: share of the noisy clips that have it
    relative_db: Distribution = _ZERO_DB  #: its level against the other layers
    recordings: Distribution = _ONE  #: how many are summed
    effects: tuple[EffectChoice, ...] = ()  #: drawn for each segment
    balance: Balance = "seconds"  #: what a recording's share of use follows
    max_reuse: float = MAX_REUSE  #: the plan is refused if a second is used more often
    min_recordings: int = 1  #: the plan is refused if the train pool has fewer
    crossfade_s: float = 0.05  #: of the joins between stretches
    grow: tuple[GrowMethod, ...] = ()  #: how its noise is grown instead of taken from a recording
    max_synthesized: float = 0.5  #: the plan is refused if models make the noise of a larger share of the clips
    makes_unknown: tuple[str, ...] = ()  #: labels that are unknown in a clip that has it

    @property
    def key(self) -> str:
        """What the keys of this layer's draws begin with."""
        return f"noise.{self.name}" if self.is_event else f"noise.layers.{self.name}"

    @property
    def is_event(self) -> bool:
        """Whether these are the recordings of an event: each is used from its beginning, and none is cut in two."""
        return self.name.startswith("events.")


@dataclass(frozen=True, slots=True)
class EventChoice:
    """Something that happens over the noise of a clip, at a moment of its own."""

    label: str  #: its name in the manifest
    key: str  #: what the keys of its draws begin with
    choice: EffectChoice | None  #: synthesizes its sound (dsp/events); None if it is taken from `sources`
    sources: tuple[Source, ...] = ()
    probability: float = 0.1  #: share of the noisy clips that have it
    count: Distribution = _ONE  #: how often it happens in such a clip
    relative_db: Distribution = _EVENT_DB  #: its loudest 50 ms against the other noise
    seconds: Distribution = _EVENT_SECONDS  #: how much of a recording is taken at most
    makes_unknown: tuple[str, ...] = ()  #: labels that are unknown in a clip that has it

    @property
    def layer(self) -> Layer:
        """Its recordings as a layer of their own, for pools and ledger."""
        return Layer(
            self.key.removeprefix("noise."),
            self.sources,
            max_reuse=float("inf"),
            balance="recordings",
            crossfade_s=0.0,  # the end of a recording does not run into its beginning
        )


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise, its level, and what happens over it."""

    layers: tuple[Layer, ...]  #: the first is the main one
    snr_db: Distribution  #: speech against the sum of all layers
    probability: float = 1.0  #: share of the clips that get noise
    measure: Measure = "active"  #: how the level of the speech is measured
    weighting: Weighting = "band"  #: filter before measuring
    held_out: float = 0.2  #: share of each layer's recordings that only train-dev-noise may use
    events: tuple[EventChoice, ...] = ()

    @property
    def pooled_layers(self) -> tuple[Layer, ...]:
        """The layers, then the events that are taken from recordings: everything that is divided between pools.

        The number of a layer in the plan's tables is its index here.
        """
        return (*self.layers, *(event.layer for event in self.events if event.sources))


@dataclass(frozen=True, slots=True)
class Jitter:
    """Standard deviations by which a clip's values differ from those of its case."""

    snr_db: float = 0.0
    level_dbfs: float = 0.0  #: dB
    bands_db: float = 0.0


@dataclass(frozen=True, slots=True)
class MatchSpectrum:
    """The spectral shape that the noise is equalized to, in bands (dsp/analysis/bands.py)."""

    mean_db: tuple[float, ...]  #: of each band
    sd_db: tuple[float, ...]  #: of each band
    limit_db: float = 30.0  #: no band is changed by more
    rumble_db: tuple[float, ...] | None = None  #: mean of the bands below 60 Hz; None leaves them to the noise
    rumble_sd_db: tuple[float, ...] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Condition:
    """A weighted variant of the recipe. What it sets replaces the recipe's own values; None leaves them."""

    name: str
    weight: float = 1.0  #: how often clips draw it, against the others
    cases: str | None = None  #: list of cases (lists/cases.py), relative to the recipe's folder; a clip draws one
    jitter: Jitter = Jitter()  #: around a case
    snr_db: Distribution | None = None
    level_dbfs: Distribution | None = None
    margins_s: Distribution | None = None
    match_spectrum: MatchSpectrum | None = None
    limit_db: float = 30.0  #: no noise band is changed by more for a case
    fluctuation_db: Distribution | None = None  #: SD of the 100-ms levels that the noise is given
    low_hz: Distribution | None = None  #: lower limit of a microphone behind the channel
    high_hz: Distribution | None = None  #: upper limit of that microphone
    stage: str | None = None
    loss_weight: float | None = None

    @property
    def key(self) -> str:
        """What the keys of its draws begin with."""
        return f"conditions.{self.name}"


@dataclass(frozen=True, slots=True)
class Splits:
    """How the speech is divided."""

    by: tuple[str, ...]  #: labels whose values together make a group that is never torn apart
    shares: Mapping[str, float]  #: every split that the recipe asks for, in the order of SPLITS; they sum to 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too bad, too long, too slow."""

    max_bad: float = 0.01  #: inputs that may be refused before the run fails: a share below 1, else a number
    max_speech_s: float = 120.0  #: longest speech recording
    max_noise_s: float = 14400.0  #: longest noise recording
    timeout_s: float = 60.0  #: longest time for one input file


@dataclass(frozen=True, slots=True)
class Output:
    """How the data set is written."""

    format: Format = "flac"
    stems: bool = False  #: whether speech and noise are written apart as well
    shard_size: int = 128  #: clips per shard, the unit of work
    bit_rate_kbps: float | None = None  #: of a lossy format; None: DEFAULT_BIT_RATE_KBPS
    layout: Literal["files", "tar"] = "files"  #: one file per clip, or one tar file per shard and split


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe. Exactly one of `copies` and `hours` is set."""

    seed: int
    sample_rate: int  #: Hz, of the clips
    copies: int | None  #: clips per utterance
    hours: float | None  #: of clips
    speech: Speech
    margins_s: Distribution  #: noise only, before and after the speech
    noise: Noise | None
    channel: tuple[EffectChoice, ...]  #: applied to the mix
    level_dbfs: Distribution | None  #: of the finished clip (RMS); None: the speech keeps the level of its source
    max_peak_dbfs: float  #: no sample is above this
    on_clipping: Literal["turn_down", "refuse"]  #: what happens to a clip above it
    conditions: tuple[Condition, ...]
    splits: Splits
    limits: Limits
    output: Output
    folder: Path  #: what relative paths start from
    stage: str | None = None  #: of clips whose source and condition set none
    loss_weight: float | None = None  #: likewise
    stages: tuple[str, ...] = ()  #: all stages, in the order of training

    @property
    def noise_sources(self) -> tuple[Source, ...]:
        """The sources of the layers, then those of the events."""
        layers = self.noise.pooled_layers if self.noise else ()
        return tuple(source for layer in layers for source in layer.sources)

    @property
    def room_sources(self) -> tuple[Source, ...]:
        """The sources of impulse responses."""
        return self.speech.room.sources if self.speech.room else ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, in the order in which they are scanned."""
        return (*self.speech.sources, *self.noise_sources, *self.room_sources)
