"""Making one shard: read, render, encode, and commit all of it at the end.

A shard is a fixed range of clips. The same shard gives the same bytes in any process, at any time, after anything that
happened before. Nothing of a shard is seen before its files are whole, and it is done exactly when its part exists.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.catalog.audio_file import file_digest, read_samples
from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.dataset import manifest
from synth.dataset.audio_file import encode, pcm_bytes, quantise, quantise_24
from synth.dataset.commit import commit_part
from synth.dataset.dataset_dir import DatasetDir, audio_path, stem_path
from synth.dataset.quarantine import refusal_of
from synth.dataset.saved_plan import SavedPlan, open_plan
from synth.dsp.effects.effect import Samples
from synth.dsp.resample import resample
from synth.dsp.room import Response, prepare_response
from synth.errors import BadInput, SynthError
from synth.execute.noise_reader import NoiseReader
from synth.execute.unit import Failure, Heart, NoHeart, ShardResult
from synth.plan.clip_spec import ClipSpec
from synth.render import Rendered, Settings, render_clip

_ROOMS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class MadeClip:
    """A finished clip: its manifest row, and the bytes of each of its files by their path in the data set."""

    row: manifest.ManifestRow
    files: tuple[tuple[str, bytes], ...]


class Workshop:
    """A plan that is open in this process, with what was read last. Its memory does not grow with the plan."""

    def __init__(self, dataset: DatasetDir, saved: SavedPlan) -> None:
        recipe = saved.plan.recipe
        self.dataset = dataset
        self.plan = saved.plan
        self.header = saved.header
        self.noise = NoiseReader(saved.plan, saved.noise)
        self.settings = Settings(recipe.headroom_dbfs, recipe.on_clipping == "refuse", recipe.output.stems)
        self._room = lru_cache(maxsize=_ROOMS_KEPT)(self._prepare_room)
        # Copies of an utterance are neighbours in the plan: what was read last is mostly what is needed next.
        self._last: tuple[int, Samples, str] | None = None

    def make(self, index: int, heart: Heart) -> MadeClip:
        """Make one clip, in memory.

        Raises:
            BadInput: the clip cannot be made.
            SynthError: the noise cache was cleared (plan again).
        """
        spec = self.plan[index]
        recording = self.plan.speech[spec.recording]
        heart.beat(index, "read")
        samples, sha256 = self._speech(spec.recording, recording)
        room = None if spec.room is None else self._room(spec.room)
        heart.beat(index, "render")
        rendered = self._render(spec, recording, samples, room)
        return self._encoded(spec, recording, sha256, rendered)

    def _speech(self, index: int, recording: Recording) -> tuple[Samples, str]:
        """The samples of a speech recording, and the hash of its file."""
        if self._last is None or self._last[0] != index:
            self._last = None  # not two at a time
            path = self.plan.speech.file(index)
            samples = self._read(self.plan.speech, index, recording, self.plan.recipe.limits.max_seconds)
            self._last = index, samples, file_digest(path)
        return self._last[1], self._last[2]

    def _read(self, catalog: Catalog, index: int, recording: Recording, max_seconds: float) -> Samples:
        source = catalog.source(index)
        samples, _ = read_samples(
            catalog.file(index),
            offset=recording.offset,
            num_samples=recording.num_samples,
            channels=source.channels,
            max_seconds=max_seconds,
            root=source.root,
            sample_rate=recording.sample_rate,
            fingerprint=recording.fingerprint,
        )
        return samples

    def _prepare_room(self, index: int) -> Response:
        recording, rate = self.plan.rooms[index], self.plan.recipe.sample_rate
        response = self._read(self.plan.rooms, index, recording, self.plan.recipe.limits.max_seconds)
        try:
            return prepare_response(resample(response, rate_in=recording.sample_rate, rate_out=rate), sample_rate=rate)
        except ValueError as error:
            raise BadInput("silent", self.plan.rooms.file(index), str(error)) from error

    def _render(self, spec: ClipSpec, recording: Recording, samples: Samples, room: Response | None) -> Rendered:
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

    def _encoded(self, spec: ClipSpec, recording: Recording, source_sha256: str, rendered: Rendered) -> MadeClip:
        file_format, rate = self.plan.recipe.output.format, spec.sample_rate
        pcm = quantise(rendered.samples)
        data = encode(pcm, rate, file_format)
        stems = self._stems(spec, rendered)
        made = ((audio_path(spec.split, spec.source_id, spec.clip_id, file_format), data), *stems)
        main, *others = (manifest.WrittenFile(path, hashlib.sha256(content).hexdigest()) for path, content in made)
        written = manifest.WrittenClip(main, hashlib.sha256(pcm_bytes(pcm)).hexdigest(), *others)
        row = manifest.row(spec, recording, source_sha256=source_sha256, rendered=rendered, written=written)
        return MadeClip(row, made)

    def _stems(self, spec: ClipSpec, rendered: Rendered) -> tuple[tuple[str, bytes], ...]:
        if rendered.stems is None:
            return ()
        return tuple(
            (
                stem_path(spec.split, spec.source_id, spec.clip_id, name),
                encode(quantise_24(stem), spec.sample_rate, "flac"),
            )
            for name, stem in zip(("speech", "noise"), rendered.stems, strict=True)
        )

    def poisoned(self, failures: Mapping[int, Failure]) -> Mapping[int, Failure]:
        """The failures by speech recording of those that broke in reading: all copies of these are refused untried."""
        return {int(self.plan.clips["recording"][clip]): f for clip, f in failures.items() if f.stage == "read"}

    def refusal(self, index: int, error: BadInput) -> dict[str, Any]:
        spec = self.plan[index]
        root = self.plan.speech.source(spec.recording).root
        return refusal_of(error, spec, self.plan.speech[spec.recording], root=root)


_open: dict[str, tuple[tuple[int, int], Workshop]] = {}


def open_workshop(dataset_dir: str | os.PathLike[str]) -> Workshop:
    """The workshop of a data set's directory, opened once in a process (a forked worker has its parent's)."""
    dataset = DatasetDir(Path(dataset_dir))
    key = str(dataset.path.absolute())
    try:
        state = dataset.plan_header.stat()
    except FileNotFoundError:
        _open.pop(key, None)
        open_plan(dataset)  # raises what it has to say
        raise
    version = state.st_ino, state.st_mtime_ns
    if key not in _open or _open[key][0] != version:
        _open[key] = version, Workshop(dataset, open_plan(dataset))
    return _open[key][1]


def run_shard(
    dataset_dir: str | os.PathLike[str],
    shard: int,
    *,
    failures: Mapping[int, Failure] | None = None,
    heart: Heart | None = None,
) -> ShardResult:
    """Make one shard whole and publish it; where it is done already, the same bytes again.

    `failures` are clips (by index) that are known to kill or block their process.

    Raises:
        StorageError: the disk is full, or broken.
        SynthError: the plan or the noise cache is gone, or another run made this shard differently.
    """
    workshop, heart = open_workshop(dataset_dir), heart or NoHeart()
    clips = workshop.plan.shard(shard)
    known = {clip: failure for clip, failure in (failures or {}).items() if clip in clips}
    rows: list[str] = []
    refusals: list[dict[str, Any]] = []
    samples = 0
    with files.Staging(_staging_folder(workshop.dataset, shard)) as staging:
        for index, made in _attempts(workshop, clips, known, heart):
            if isinstance(made, BadInput):
                refusals.append(workshop.refusal(index, made))
                continue
            for path, data in made.files:
                staging.put(workshop.dataset.absolute(path), data)
            rows.append(manifest.to_line(made.row))
            samples += made.row["num_samples"]
            heart.made(made.row["duration"])
        heart.beat(clips.start, "commit")
        staging.publish()
        header = commit_part(workshop.dataset, shard, rows=rows, samples=samples, refusals=refusals)
    return ShardResult(shard, header.clips, header.refused, samples / workshop.header.sample_rate, header.timeouts)


def _attempts(
    workshop: Workshop, clips: Iterable[int], failures: Mapping[int, Failure], heart: Heart
) -> Iterable[tuple[int, MadeClip | BadInput]]:
    """Each clip, made, or the reason why it is not."""
    recordings = workshop.plan.clips["recording"]
    poisoned = workshop.poisoned(failures)
    for index in clips:
        failure = failures.get(index) or poisoned.get(int(recordings[index]))
        try:
            if failure is not None:
                raise BadInput(failure.code, "", failure.message)
            yield index, workshop.make(index, heart)
        except BadInput as error:
            yield index, error


def _staging_folder(dataset: DatasetDir, shard: int) -> Path:
    """This process's own; what a killed one leaves is cleared when the next run starts."""
    return dataset.temp / f"{shard:06d}.{socket.gethostname()}.{os.getpid()}"


def shard_work(dataset_dir: str, shard: int, failures: Mapping[int, Failure], heart: Heart) -> ShardResult:
    """`run_shard` as an engine calls it."""
    return run_shard(dataset_dir, shard, failures=failures, heart=heart)
