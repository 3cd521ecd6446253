"""Renders planned clips in memory: each source is read once, and nothing is written."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from synth.audio.file_identity import Beat, file_sha256
from synth.audio.read import read_samples
from synth.catalog.catalog import Catalog
from synth.catalog.noise_store import NoiseStore
from synth.catalog.recording import Recording
from synth.dsp.arrays import Samples
from synth.dsp.resample import resample
from synth.dsp.room import Response, prepare_response
from synth.errors import BadInput, SynthError
from synth.plan.clip_spec import ClipSpec, RecordingSpan
from synth.plan.origin import Origin, origin_of
from synth.plan.plan import Plan
from synth.render.clip import RenderedAudio, RenderSettings, render_clip
from synth.render.noise_reader import NoiseReader
from synth.render.played_speech import PlayedSpeech, play_speech, speech_key
from synth.render.progress import ProgressReporter

_ROOM_BYTES: Final = 32 << 20  # of impulse responses kept, together
_SPEECH_BYTES: Final = 32 << 20  # of the speech kept for the next copies of an utterance, together
_AHEAD: Final = 16  # specs built at a time
_RECORDINGS_KEPT: Final = 256  # of noise: only what a manifest says of them


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """One clip as rendered, with all that its manifest row tells."""

    spec: ClipSpec
    recording: Recording  # of the speech
    source_sha256: str  # of the file of that recording
    rendered: RenderedAudio


class ClipRenderer:
    """Renders the clips of a plan, and keeps what it read last. Its memory does not grow with the plan."""

    def __init__(self, plan: Plan, noise: NoiseStore, *, stems: bool = True) -> None:
        """`stems=False` leaves out the stems even if the recipe asks for them; they change no sample of the clip."""
        recipe = plan.recipe
        self._plan = plan
        self._noise = NoiseReader(plan, noise)
        self._settings = RenderSettings(
            recipe.max_peak_dbfs, recipe.on_clipping == "refuse", recipe.output.stems and stems
        )
        self._rooms: dict[int, Response] = {}  # in the order of their last use
        # The last recording: its index, samples and the hash of its file. Copies of an utterance are neighbors in the
        # plan, so what was read last is mostly what is needed next.
        self._last: tuple[int, Samples, str] | None = None
        # Speech of the last recording by `speech_key`, in the order of its making.
        self._played: dict[str, PlayedSpeech] = {}
        self._ahead: dict[int, tuple[ClipSpec, Recording]] = {}
        self._next = 0  # the clip after the last one
        self._noise_recording = functools.lru_cache(_RECORDINGS_KEPT)(plan.noise.__getitem__)

    @np.errstate(all="ignore")  # numbers that are not finite are refused by name; numpy's warnings name no clip
    def render(self, index: int, progress: ProgressReporter) -> RenderedClip:
        """Render one clip.

        Raises:
            BadInput: the clip cannot be made.
            SynthError: the noise cache was cleared (plan again).
        """
        spec, recording = self._planned(index)
        beat = functools.partial(progress.report, index, "read")  # a long file takes long, but is no hang
        beat()
        if self._last is None or self._last[0] != spec.recording:
            self._last = None  # not two at a time
            self._played.clear()
            file = os.path.join(self._plan.speech.source(spec.recording).root, recording.path)  # noqa: PTH118
            samples = self._read(self._plan.speech, spec.recording, recording, file, beat)
            self._last = spec.recording, samples, file_sha256(file, beat=beat)
        _, samples, sha256 = self._last
        room = None if spec.room is None else self._room(spec.room)
        progress.report(index, "render")
        try:
            rendered = render_clip(
                spec,
                self._play(spec, samples, recording.sample_rate, room),
                read_noise=functools.partial(self._noise.read_segment, spec),
                look_up_powers=functools.partial(self._noise.look_up_powers, spec),
                read_event=functools.partial(self._noise.read_event, spec),
                words=recording.alignment,
                settings=self._settings,
            )
        except (SynthError, OSError, MemoryError):
            raise
        except Exception as error:  # an effect of a library may raise anything; it costs this clip, and is named
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            raise BadInput("render_failed", spec.source_id, text) from error
        return RenderedClip(spec, recording, sha256, rendered)

    def trace(self, spec: ClipSpec) -> Callable[[str, RecordingSpan], Origin]:
        """A function that finds a span of noise of a clip in its source files, by layer and span."""
        return lambda layer, span: origin_of(self._plan, self._noise_recording(span.recording), layer, spec.pool, span)

    def _planned(self, index: int) -> tuple[ClipSpec, Recording]:
        """The spec and the speech recording of a clip.

        If clips come in their order, those of the next clips are built with it. Each then costs a fifth, because code
        and tables stay in the processor's cache, from which the samples of a clip drive them out.
        """
        if index not in self._ahead:
            stop = min(index + (_AHEAD if index == self._next else 1), len(self._plan))
            specs = [self._plan[number] for number in range(index, stop)]
            self._ahead = {spec.index: (spec, self._plan.speech[spec.recording]) for spec in specs}
        self._next = index + 1
        return self._ahead.pop(index)

    def _play(self, spec: ClipSpec, samples: Samples, source_rate: int, room: Response | None) -> PlayedSpeech:
        """The speech of a clip; copies of an utterance with the same effects, room and measure share it."""
        recordings, following = self._plan.clips["recording"], spec.index + 1
        has_next_copy = following < len(recordings) and recordings[following] == spec.recording
        if not self._played and not has_next_copy:
            return play_speech(spec, samples, source_rate=source_rate, room=room)
        key = speech_key(spec)
        if key not in self._played:
            self._played[key] = play_speech(spec, samples, source_rate=source_rate, room=room)
            while len(self._played) > 1 and sum(p.samples.nbytes for p in self._played.values()) > _SPEECH_BYTES:
                del self._played[next(iter(self._played))]
        return self._played[key]

    def _read(self, catalog: Catalog, index: int, recording: Recording, file: str, beat: Beat | None = None) -> Samples:
        source = catalog.source(index)
        samples, _ = read_samples(
            file,
            offset=recording.offset,
            num_samples=recording.num_samples,
            channels=source.channels,
            max_seconds=self._plan.recipe.limits.max_speech_s,
            root=source.root,
            sample_rate=recording.sample_rate,
            identity=recording.identity,
            sha256=catalog.sha256(index),
            beat=beat,
        )
        return samples

    def _room(self, index: int) -> Response:
        """The prepared impulse response of a room."""
        response = self._rooms.pop(index, None)
        if response is None:
            rooms, rate = self._plan.rooms, self._plan.recipe.sample_rate
            recording = rooms[index]
            samples = self._read(rooms, index, recording, rooms.file(index))
            samples = resample(samples, rate_in=recording.sample_rate, rate_out=rate)
            try:
                response = prepare_response(samples, sample_rate=rate)
            except ValueError as error:
                raise BadInput("silent", rooms.file(index), str(error)) from error
        self._rooms[index] = response
        while len(self._rooms) > 1 and sum(room.taps.nbytes for room in self._rooms.values()) > _ROOM_BYTES:
            del self._rooms[next(iter(self._rooms))]
        return response
