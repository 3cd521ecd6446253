"""A planned clip: every random choice is made, every length is a whole number of samples."""

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
    """A span of the usable sound of a noise recording, which is a circle: it may run over the end to the start."""

    recording: int  #: index into the plan's noise catalog
    recording_id: str
    offset: int  #: first sample on the circle, at the data set's rate
    num_samples: int  #: at the data set's rate


@dataclass(frozen=True, slots=True)
class Synthesis:
    """How a noise segment is grown."""

    generator: Generator  #: the noise generator with its values
    materials: tuple[RecordingSpan, ...]  #: the recorded sound that it works from; empty for a virtual car


@dataclass(frozen=True, slots=True)
class NoiseSegment:
    """A stretch of noise in a clip, taken from one recording or grown.

    The segments of one track follow each other, each crossfaded with the one before; the tracks are summed.
    """

    layer: str  #: name of the layer
    track: int  #: number of the track within the layer
    recording: int  #: index into the plan's noise catalog, also of what it is grown from; or the virtual car's number
    recording_id: str  #: id of that recording; or the virtual car's name
    offset: int  #: first sample on the recording's circle, at the data set's rate; 0 if it is grown
    source_num_samples: int  #: before the effects, at the data set's rate
    at: int  #: first sample in the clip
    num_samples: int  #: after the effects
    fade_in: int  #: samples of crossfade with the segment before on the same track; 0 for the first
    effects: tuple[Effect, ...]
    relative_db: float  #: level of the layer against the other layers
    synthesis: Synthesis | None = None  #: None if it is taken from a recording
    grown_file: SynthesizedFile | None = None  #: set if the "recording" is a file of `synth grow`

    @property
    def kind(self) -> str:
        """`recording`, or the name of the generator: of the segment, or of the file that it is taken from."""
        if self.synthesis is not None:
            return self.synthesis.generator.name
        return "recording" if self.grown_file is None else self.grown_file.method


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event of a clip, such as a horn: its sound is either synthesized or taken from a recording."""

    label: str
    layer: str  #: name of its recordings' layer in the noise pools
    at: int  #: first sample in the clip
    num_samples: int
    relative_db: float  #: its loudest 50 ms against the other noise
    synthesized: Event | None  #: the event with its values
    recorded: RecordingSpan | None


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """A clip as planned. Sample counts are at `sample_rate`."""

    index: int  #: of the clip in the plan
    clip_id: str
    source_id: str  #: id of the speech recording
    recording: int  #: index into the plan's speech catalog
    copy: int  #: number of the copy of that recording, from 0
    split: str
    pool: str  #: "train" or "held_out": which noise recordings it may use
    sample_rate: int  #: Hz
    speech_effects: tuple[Effect, ...]
    onset: int  #: first sample of the speech in the clip
    speech_num_samples: int  #: of the speech after its effects
    num_samples: int  #: of the whole clip
    room: int | None  #: index into the plan's catalog of impulse responses
    room_id: str | None
    noise: tuple[NoiseSegment, ...]
    events: tuple[PlannedEvent, ...]
    event_labels: tuple[tuple[str, bool | None], ...]  #: each event of the recipe: does it happen? None: unknown
    lombard: Lombard | None  #: how the speaker reacts to the noise
    snr_db: float | None
    measure: str  #: of the speech level, as in the recipe
    weighting: str  #: filter before measuring, as in the recipe
    channel_effects: tuple[Effect, ...]
    level_dbfs: float | None  #: of the finished clip (RMS); None: the speech keeps the level of its source
    condition: str | None = None  #: name of its condition
    case: int | None = None  #: number of the condition's case, from 0
    target_spectrum: TargetSpectrum | None = None  #: what the noise is equalized to
    fluctuation_db: float | None = None  #: SD of the 100-ms levels that the noise is given
    stage: str | None = None  #: stage of training
    loss_weight: float = 1.0
    unknown_labels: tuple[str, ...] = ()  #: those that something done to the clip makes unknown
    unchanged: bool = False  #: the recording as it is, at the data set's rate
