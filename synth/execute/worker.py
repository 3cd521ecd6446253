"""Making one shard: read, render, encode, and commit all of it at the end.

A shard is a fixed range of clips. The same shard gives the same bytes in any process, at any time, after anything that
happened before. Nothing of a shard is seen before its files are whole, and it is done exactly when its part exists.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth import files
from synth.audio.encode import encode, pcm_bytes, quantize, quantize_24
from synth.dataset import manifest
from synth.dataset.commit import commit_part
from synth.dataset.dataset_dir import DatasetDir, audio_path, stem_path
from synth.dataset.measured import as_written
from synth.dataset.quarantine import refusal_of
from synth.dataset.saved_plan import SavedPlan, open_plan
from synth.errors import BadInput
from synth.execute.shard import Failure, ShardResult
from synth.plan.clip_spec import ClipSpec
from synth.render.clip import RenderedAudio
from synth.render.clip_renderer import ClipRenderer, RenderedClip
from synth.render.progress import NoProgress, ProgressReporter


@dataclass(frozen=True, slots=True)
class EncodedClip:
    """A finished clip: its manifest row, as values and as a line, and the bytes of each of its files by their path in
    the data set."""

    row: manifest.ManifestRow
    line: str
    files: tuple[tuple[str, bytes], ...]


class ClipMaker:
    """A data set's plan that is open in this process, and makes its clips into files."""

    def __init__(self, dataset: DatasetDir, saved: SavedPlan) -> None:
        self.dataset = dataset
        self.plan = saved.plan
        self.header = saved.header
        self._renderer = ClipRenderer(saved.plan, saved.noise)

    def make(self, index: int, progress: ProgressReporter) -> EncodedClip:
        """Make one clip, in memory.

        Raises:
            BadInput: the clip cannot be made.
            SynthError: the noise cache was cleared (plan again).
        """
        clip = self._renderer.render(index, progress)
        try:
            return self._encoded(clip)
        except (ValueError, ArithmeticError) as error:  # a number that no row can hold costs this clip, and is named
            text = f"the clip cannot be written: {type(error).__name__}: {error}"
            raise BadInput("render_failed", clip.spec.source_id, text) from error

    def _encoded(self, clip: RenderedClip) -> EncodedClip:
        spec = clip.spec
        file_format, rate = self.plan.recipe.output.format, spec.sample_rate
        pcm = quantize(clip.rendered.samples)
        rendered = as_written(spec, clip.rendered, pcm)
        data = encode(pcm, rate, file_format)
        stems = self._stems(spec, rendered)
        made = ((audio_path(spec.split, spec.source_id, spec.clip_id, file_format), data), *stems)
        main, *others = (manifest.WrittenFile(path, hashlib.sha256(content).hexdigest()) for path, content in made)
        written = manifest.WrittenClip(main, hashlib.sha256(pcm_bytes(pcm)).hexdigest(), *others)
        row = manifest.row(
            spec,
            clip.recording,
            source_sha256=clip.source_sha256,
            rendered=rendered,
            written=written,
            trace=self._renderer.trace(spec),
        )
        return EncodedClip(row, manifest.to_line(row), made)

    def _stems(self, spec: ClipSpec, rendered: RenderedAudio) -> tuple[tuple[str, bytes], ...]:
        if rendered.stems is None:
            return ()
        return tuple(
            (
                stem_path(spec.split, spec.source_id, spec.clip_id, name),
                encode(quantize_24(stem), spec.sample_rate, "flac"),
            )
            for name, stem in zip(("speech", "noise"), rendered.stems, strict=True)
        )

    def poisoned(self, failures: Mapping[int, Failure]) -> Mapping[int, Failure]:
        """The failures by speech recording of those that broke in reading: all copies of these are refused untried."""
        return {int(self.plan.clips["recording"][clip]): f for clip, f in failures.items() if f.stage == "read"}

    def refusal(self, index: int, error: BadInput) -> dict[str, Any]:
        spec = self.plan[index]
        root = self.plan.speech.source(spec.recording).root
        rooms = self.plan.rooms.roots
        return refusal_of(error, spec, self.plan.speech[spec.recording], root=root, rooms=rooms)


_open: dict[str, tuple[tuple[int, int], ClipMaker]] = {}
_MOST_OPEN = 2  # each holds two dozen files open; a worker works for one data set, seldom for another in between


def open_clip_maker(dataset_dir: str | os.PathLike[str]) -> ClipMaker:
    """The maker of a data set's directory, opened once in a process (a forked worker has its parent's)."""
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
        _open.pop(key, None)
        while len(_open) >= _MOST_OPEN:
            _open.pop(next(iter(_open)))
        _open[key] = version, ClipMaker(dataset, open_plan(dataset))
    return _open[key][1]


def run_shard(
    dataset_dir: str | os.PathLike[str],
    shard: int,
    *,
    failures: Mapping[int, Failure] | None = None,
    progress: ProgressReporter | None = None,
) -> ShardResult:
    """Make one shard whole and publish it; where it is done already, the same bytes again.

    `failures` are clips (by index) that are known to kill or block their process.

    Raises:
        StorageError: the disk is full, or broken.
        SynthError: the plan or the noise cache is gone, or another run made this shard differently.
    """
    maker, progress = open_clip_maker(dataset_dir), progress or NoProgress()
    clips = maker.plan.shard(shard)
    known = {clip: failure for clip, failure in (failures or {}).items() if clip in clips}
    rows: list[str] = []
    refusals: list[dict[str, Any]] = []
    samples = 0
    with files.Staging(_staging_folder(maker.dataset, shard)) as staging:
        for index, made in _attempts(maker, clips, known, progress):
            if isinstance(made, BadInput):
                refusals.append(maker.refusal(index, made))
                continue
            for path, data in made.files:
                staging.put(maker.dataset.absolute(path), data)
            rows.append(made.line)
            samples += made.row["num_samples"]
            progress.count_clip(made.row["duration"])
        progress.report(clips.start, "commit")
        staging.publish()
        header = commit_part(maker.dataset, shard, rows=rows, samples=samples, refusals=refusals)
    return ShardResult(shard, header.clips, header.refused, samples / maker.header.sample_rate, header.timeouts)


def _attempts(
    maker: ClipMaker, clips: Iterable[int], failures: Mapping[int, Failure], progress: ProgressReporter
) -> Iterable[tuple[int, EncodedClip | BadInput]]:
    """Each clip, made, or the reason why it is not."""
    recordings = maker.plan.clips["recording"]
    poisoned = maker.poisoned(failures)
    for index in clips:
        failure = failures.get(index) or poisoned.get(int(recordings[index]))
        try:
            if failure is not None:
                raise BadInput(failure.code, "", failure.message)
            yield index, maker.make(index, progress)
        except BadInput as error:
            yield index, error


def _staging_folder(dataset: DatasetDir, shard: int) -> Path:
    """This process's own; what a killed one leaves is cleared when the next run starts."""
    return dataset.temp / f"{shard:06d}.{socket.gethostname()}.{os.getpid()}"


def shard_work(
    dataset_dir: str, shard: int, failures: Mapping[int, Failure], progress: ProgressReporter
) -> ShardResult:
    """`run_shard` as an engine calls it."""
    return run_shard(dataset_dir, shard, failures=failures, progress=progress)
