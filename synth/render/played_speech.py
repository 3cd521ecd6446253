"""The speech of a clip: its recording after effects and room, and its level. Copies of an utterance may share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.catalog.recording import Word
from synth.dsp import levels, mix
from synth.dsp.arrays import Samples
from synth.dsp.effects.chain import map_position, run_chain
from synth.dsp.effects.effect import Report
from synth.dsp.room import Response, convolve
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.units import seconds_to_samples


@dataclass(frozen=True, slots=True)
class PlayedSpeech:
    """Speech as it enters the mix, without the margins. Nobody changes its samples."""

    samples: Samples  # shape (m,), float64, full scale 1.0; m is speech_num_samples, or more with the tail of a room
    reports: tuple[Report | None, ...]  # for each effect, what a library drew by itself
    level: mix.SpeechLevel  # of the first speech_num_samples samples
    source_num_samples: int  # of the recording
    source_rate: int  # Hz


def snr_scale(measure: str, weighting: str, sample_rate: int) -> mix.Scale:
    """What an SNR is counted in. BS.1770 (`lufs`) has a weighting of its own, so the recipe's does not apply to it."""
    return mix.Scale(measure, "none" if measure == "lufs" else weighting, sample_rate)


def speech_key(spec: ClipSpec) -> str:
    """All that `play_speech` takes from a spec beside its recording: clips with the same key have the same speech."""
    # as text, because the parameters of a library's effect may not be hashable, and 8 == 8.0
    tail = None if spec.room is None else spec.num_samples - spec.onset
    return repr(
        (spec.speech_effects, spec.speech_num_samples, spec.room, tail, spec.measure, spec.weighting, spec.sample_rate)
    )


def play_speech(spec: ClipSpec, speech: Samples, *, source_rate: int, room: Response | None = None) -> PlayedSpeech:
    """Apply the speech effects and the room, and measure the result.

    Args:
        spec: the plan of the clip. What is used of it is in `speech_key`.
        speech: the speech recording, float64, shape (n,), at `source_rate`, full scale 1.0.
        source_rate: Hz.
        room: the prepared impulse response (dsp/room.py) at the clip's rate, or None.

    Raises:
        BadInput: `silent`, `too_short`, `truncated` or `nonfinite`.
    """
    samples, reports = run_chain(
        speech, source_rate=source_rate, sample_rate=spec.sample_rate, effects=spec.speech_effects
    )
    if len(samples) != spec.speech_num_samples:
        text = f"{len(samples)} samples of speech, but {spec.speech_num_samples} were planned"
        raise BadInput("truncated", spec.source_id, text)
    if not np.isfinite(levels.mean_power(samples)):
        raise BadInput("nonfinite", spec.source_id, "an effect gave NaN or infinity")
    if room is not None:
        # The tail of the room runs on into the margin, and is cut at the end of the clip.
        samples = convolve(samples, room)[: spec.num_samples - spec.onset]
    return PlayedSpeech(samples, tuple(reports), _level(spec, samples), len(speech), source_rate)


def _level(spec: ClipSpec, samples: Samples) -> mix.SpeechLevel:
    scale = snr_scale(spec.measure, spec.weighting, spec.sample_rate)
    try:
        return mix.speech_level(samples, slice(spec.speech_num_samples), scale=scale)
    except levels.SilentError as error:
        raise BadInput("silent", spec.source_id, f"the speech has no level: {error}") from error
    except ValueError as error:
        raise BadInput("too_short", spec.source_id, str(error)) from error


def place_words(spec: ClipSpec, words: Sequence[Word], played: PlayedSpeech) -> tuple[tuple[str, float, float], ...]:
    """The words where the effects and the margin put them, without those that were trimmed away.

    Returns:
        (word, start, duration) of each, seconds of the clip.
    """
    num_samples, source_rate = played.source_num_samples, played.source_rate

    def place(seconds: float) -> int:
        position = min(seconds_to_samples(seconds, source_rate), num_samples)
        return spec.onset + map_position(position, num_samples, source_rate, spec.sample_rate, spec.speech_effects)

    placed = ((word.text, place(word.start), place(word.start + word.duration)) for word in words)
    rate = spec.sample_rate
    return tuple((text, start / rate, (end - start) / rate) for text, start, end in placed if end > start)
