"""One planned clip: every random choice already made, every length an integer."""

from __future__ import annotations

from dataclasses import dataclass

from synth.dsp.effects.effect import Effect


@dataclass(frozen=True, slots=True)
class NoisePiece:
    """One stretch of one noise recording.

    `recording` indexes the plan's noise catalog (`plan.noise`). `offset` and `source_num_samples` are samples at the
    data set's rate on the recording's circle of usable sound in this pool (0 <= offset < circumference); the use runs
    on over the end of the circle to its start. The effects turn `source_num_samples` into `num_samples`, which are
    placed at sample `at` of the clip. Pieces of one `track` follow each other, overlapping by a crossfade; tracks are
    summed.
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
    noise: tuple[NoisePiece, ...]
    snr_db: float | None
    measure: str
    weighting: str
    channel_effects: tuple[Effect, ...]
    level_dbfs: float | None
