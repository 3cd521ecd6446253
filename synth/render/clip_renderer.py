"""Rendering planned clips in memory: sources read once, and nothing written."""

from __future__ import annotations

import functools
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
from synth.render.progress import ProgressReporter

_ROOM_BYTES: Final = 32 << 20  # of impulse responses kept, together


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """One clip as rendered: its plan, its speech recording with the hash of the file, samples and measurements."""

    spec: ClipSpec
    recording: Recording
    source_sha256: str
    rendered: RenderedAudio


class ClipRenderer:
    """Renders the clips of a plan, with what was read last at hand. Its memory does not grow with the plan."""

    def __init__(self, plan: Plan, noise: NoiseStore) -> None:
        recipe = plan.recipe
        self.plan = plan
        self.noise = NoiseReader(plan, noise)
        self.settings = RenderSettings(recipe.max_peak_dbfs, recipe.on_clipping == "refuse", recipe.output.stems)
        self._rooms: dict[int, Response] = {}  # the last used is the last
        # Copies of an utterance are neighbours in the plan: what was read last is mostly what is needed next.
        self._last: tuple[int, Samples, str] | None = None

    @np.errstate(all="ignore")  # numbers that are not finite are refused by name; numpy's warnings name no clip
    def render(self, index: int, progress: ProgressReporter) -> RenderedClip:
        """Render one clip.

        Raises:
            BadInput: the clip cannot be made.
            SynthError: the noise cache was cleared (plan again).
        """
        spec = self.plan[index]
        recording = self.plan.speech[spec.recording]
        beat = functools.partial(progress.report, index, "read")
        beat()
        samples, sha256 = self._speech(spec.recording, recording, beat)
        room = None if spec.room is None else self._room(spec.room)
        progress.report(index, "render")
        return RenderedClip(spec, recording, sha256, self._render(spec, recording, samples, room))

    def trace(self, spec: ClipSpec) -> Callable[[str, RecordingSpan], Origin]:
        """Finds the noise of a clip in its source files, by layer and place."""
        return lambda layer, place: origin_of(self.plan, layer, spec.pool, place)

    def _speech(self, index: int, recording: Recording, beat: Beat) -> tuple[Samples, str]:
        """The samples of a speech recording, and the hash of its file. A long file takes long, but is no hang."""
        if self._last is None or self._last[0] != index:
            self._last = None  # not two at a time
            samples = self._read(self.plan.speech, index, recording, beat)
            self._last = index, samples, file_sha256(self.plan.speech.file(index), beat=beat)
        return self._last[1], self._last[2]

    def _read(self, catalog: Catalog, index: int, recording: Recording, beat: Beat | None = None) -> Samples:
        source = catalog.source(index)
        samples, _ = read_samples(
            catalog.file(index),
            offset=recording.offset,
            num_samples=recording.num_samples,
            channels=source.channels,
            max_seconds=self.plan.recipe.limits.max_speech_s,
            root=source.root,
            sample_rate=recording.sample_rate,
            identity=recording.identity,
            sha256=catalog.sha256(index),
            beat=beat,
        )
        return samples

    def _room(self, index: int) -> Response:
        response = self._rooms.pop(index, None) or self._prepare_room(index)
        self._rooms[index] = response
        while len(self._rooms) > 1 and sum(room.taps.nbytes for room in self._rooms.values()) > _ROOM_BYTES:
            del self._rooms[next(iter(self._rooms))]
        return response

    def _prepare_room(self, index: int) -> Response:
        recording, rate = self.plan.rooms[index], self.plan.recipe.sample_rate
        response = self._read(self.plan.rooms, index, recording)
        try:
            return prepare_response(resample(response, rate_in=recording.sample_rate, rate_out=rate), sample_rate=rate)
        except ValueError as error:
            raise BadInput("silent", self.plan.rooms.file(index), str(error)) from error

    def _render(self, spec: ClipSpec, recording: Recording, samples: Samples, room: Response | None) -> RenderedAudio:
        try:
            return render_clip(
                spec,
                samples,
                source_rate=recording.sample_rate,
                read_noise=functools.partial(self.noise.piece, spec),
                known_powers=functools.partial(self.noise.known_powers, spec),
                read_event=functools.partial(self.noise.event, spec),
                room=room,
                words=recording.alignment,
                settings=self.settings,
            )
        except (SynthError, OSError, MemoryError):
            raise
        except Exception as error:  # an effect of a library may raise anything; it costs this clip, and is named
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            raise BadInput("render_failed", spec.source_id, text) from error
