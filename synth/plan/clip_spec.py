"""One planned clip: every random choice already made, every length an integer."""

from __future__ import annotations

from dataclasses import dataclass

from synth.catalog.synthesized_noise import SynthesizedFile
from synth.dsp.effects.effect import Effect
from synth.dsp.events.event import Event
from synth.dsp.generators.generator import Generator
from synth.dsp.lombard import Lombard
from synth.plan.conditions import TargetSpectrum


@dataclass(frozen=True, slots=True)
class RecordingSpan:
    """A stretch of one noise recording's circle of usable sound, in samples at the data set's rate."""

    recording: int  # index into the plan's noise catalog
    recording_id: str
    offset: int
    num_samples: int


@dataclass(frozen=True, slots=True)
class Synthesis:
    """How a piece of noise is grown: by which generator (its values), from which stretches of recordings."""

    generator: Generator
    materials: tuple[RecordingSpan, ...]


@dataclass(frozen=True, slots=True)
class NoiseSegment:
    """One stretch of one noise recording, or of noise that was grown.

    `recording` indexes the plan's noise catalog (`plan.noise`). `offset` and `source_num_samples` are samples at the
    data set's rate on the recording's circle of usable sound in this pool (0 <= offset < circumference); the use runs
    on over the end of the circle to its start. The effects turn `source_num_samples` into `num_samples`, which are
    placed at sample `at` of the clip. Pieces of one `track` follow each other, overlapping by a crossfade; tracks are
    summed.

    Synthesis noise has `source_num_samples` of it; `recording` is then what it is grown from and `offset` 0, or, for a
    virtual car, the car's number, and `recording_id` its name.
    """

    layer: str
    track: int
    recording: int
    recording_id: str
    offset: int
    source_num_samples: int
    at: int
    num_samples: int
    fade_in: int  # samples of crossfade with the piece before on the same track (0 for the first)
    effects: tuple[Effect, ...]
    relative_db: float  # of the layer, against the others
    synthesis: Synthesis | None = None
    grown_file: SynthesizedFile | None = None  #: set if the "recording" is a file of `synth grow`

    @property
    def kind(self) -> str:
        """`recording`, or the name of the generator: of the piece, or of the file that it is taken from."""
        if self.synthesis is not None:
            return self.synthesis.generator.name
        return "recording" if self.grown_file is None else self.grown_file.method


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """One event of a clip: `num_samples` from sample `at` on, its loudest moment `relative_db` above the other noise.

    Either `synthesized` (its values) or `recorded` (where it is taken from).
    """

    label: str
    layer: str  # the name of its recordings' layer in the pools
    at: int
    num_samples: int
    relative_db: float
    synthesized: Event | None
    recorded: RecordingSpan | None


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """A clip as planned. Sample counts are at `sample_rate`."""

    index: int
    clip_id: str
    source_id: str
    recording: int  # index into the plan's speech catalog
    copy: int
    split: str
    pool: str  # "train" or "held_out": which noise recordings it may use
    sample_rate: int
    speech_effects: tuple[Effect, ...]
    onset: int  # first sample of the speech in the clip
    speech_num_samples: int  # of the speech after its effects
    num_samples: int  # of the whole clip
    room: int | None  # index into the plan's catalog of impulse responses
    room_id: str | None
    noise: tuple[NoiseSegment, ...]
    events: tuple[PlannedEvent, ...]
    event_labels: tuple[tuple[str, bool | None], ...]  # for each event of the recipe: there, not there, not known
    lombard: Lombard | None
    snr_db: float | None
    measure: str
    weighting: str
    channel_effects: tuple[Effect, ...]
    level_dbfs: float | None
    condition: str | None = None
    case: int | None = None  # the number of the condition's case, from 0
    target_spectrum: TargetSpectrum | None = None  # what the noise is equalised to
    fluctuation_db: float | None = None  # SD of the 100-ms levels that the noise is given
    stage: str | None = None  # of training
    loss_weight: float = 1.0
    unknown_labels: tuple[str, ...] = ()  # those that something done to the clip makes unknown
    unchanged: bool = False  # the recording as it is, at the data set's rate
