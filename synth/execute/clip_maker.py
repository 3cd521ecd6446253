"""Makes planned clips into manifest rows and the bytes of their files, in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.audio.encode import encode, pcm_bytes, quantize_24
from synth.dataset import manifest
from synth.dataset.dataset_dir import DatasetDir, clip_paths
from synth.dataset.lossy_clip import code_clip
from synth.dataset.quarantine import clip_refusal
from synth.dataset.saved_plan import SavedPlan, open_plan
from synth.dataset.written_levels import measure_as_written
from synth.errors import BadInput
from synth.execute.shard import Failure
from synth.render.clip_renderer import ClipRenderer
from synth.render.progress import ProgressReporter


@dataclass(frozen=True, slots=True)
class EncodedClip:
    """A finished clip."""

    row: manifest.ManifestRow
    line: str  # the row as JSON
    files: tuple[tuple[str, bytes], ...]  # path in the data set, and content: of the clip, then of its stems


class ClipMaker:
    """Makes the clips of one data set, from its saved plan."""

    def __init__(self, dataset: DatasetDir, saved: SavedPlan) -> None:
        self.dataset = dataset
        self.plan = saved.plan
        self.header = saved.header
        self._renderer = ClipRenderer(saved.plan, saved.noise)

    def make(
        self, index: int, progress: ProgressReporter, *, next_offset: Callable[[str], int] | None = None
    ) -> EncodedClip:
        """Make the clip with this index.

        Args:
            index: of the clip.
            progress: is called with what is being done.
            next_offset: where in a tar file of the data set (its path) the next clip will begin, bytes; None: the clip
                will not be written into one.

        Raises:
            BadInput: the clip cannot be made.
            SynthError: the noise cache was cleared (plan again).
        """
        clip = self._renderer.render(index, progress)
        spec, output = clip.spec, self.plan.recipe.output
        try:
            if output.format == "flac" or output.format == "wav":  # noqa: PLR1714  # mypy narrows the type by it
                pcm = clip.rendered.pcm
                pcm_sha256 = hashlib.sha256(pcm_bytes(pcm)).hexdigest()  # first, while it is in the processor's cache
                rendered, encoding = measure_as_written(spec, clip.rendered), None
                content = encode(pcm, spec.sample_rate, output.format)
            else:
                coded = code_clip(spec, clip.rendered, self.plan.recipe)
                rendered, content, encoding = coded.rendered, coded.content, coded.encoding
                pcm_sha256 = hashlib.sha256(pcm_bytes(rendered.pcm)).hexdigest()
            paths = clip_paths(output, spec)
            contents = {paths.audio: content}
            for path, stem in zip((paths.speech_stem, paths.noise_stem), rendered.stems or (), strict=False):
                contents[path] = encode(quantize_24(stem), spec.sample_rate, "flac")
            main, *stems = (
                manifest.WrittenFile(path, hashlib.sha256(content).hexdigest()) for path, content in contents.items()
            )
            in_tar = None
            if output.layout == "tar":
                offset = None if next_offset is None else next_offset(paths.audio.rpartition("/")[0])
                in_tar = manifest.PlaceInTar(index // output.shard_size, offset)
            row = manifest.make_row(
                spec,
                clip.recording,
                source_sha256=clip.source_sha256,
                rendered=rendered,
                written=manifest.WrittenClip(main, pcm_sha256, encoding, *stems),
                trace=self._renderer.trace(spec),
                in_tar=in_tar,
            )
            return EncodedClip(row, manifest.to_line(row), tuple(contents.items()))
        except (ValueError, ArithmeticError) as error:  # a number that no row can hold costs this clip, and is named
            text = f"the clip cannot be written: {type(error).__name__}: {error}"
            raise BadInput("render_failed", spec.source_id, text) from error

    def unreadable_recordings(self, failures: Mapping[int, Failure]) -> Mapping[int, Failure]:
        """The failures while reading, by speech recording: all copies of such a recording are refused untried."""
        return {int(self.plan.clips["recording"][clip]): f for clip, f in failures.items() if f.step == "read"}

    def refusal(self, index: int, error: BadInput) -> dict[str, Any]:
        """The quarantine row of a clip that could not be made."""
        spec = self.plan[index]
        root = self.plan.speech.source(spec.recording).root
        return clip_refusal(error, spec, self.plan.speech[spec.recording], root=root, rooms=self.plan.rooms.roots)


_makers: dict[str, tuple[tuple[int, int], ClipMaker]] = {}
_MAX_OPEN: Final = 2  # each holds two dozen files open; a worker works for one data set, seldom for another in between


def open_clip_maker(dataset_dir: str | os.PathLike[str]) -> ClipMaker:
    """The clip maker of a data set's directory, opened once in a process (a forked worker has its parent's).

    Raises:
        UsageError: nothing was planned here.
        DamagedDataset: a file of the plan is damaged.
    """
    dataset = DatasetDir(Path(dataset_dir))
    key = str(dataset.path.absolute())
    try:
        state = dataset.plan_header.stat()
    except FileNotFoundError:
        _makers.pop(key, None)
        open_plan(dataset)  # raises why there is no plan
        raise
    version = state.st_ino, state.st_mtime_ns
    if key not in _makers or _makers[key][0] != version:
        _makers.pop(key, None)
        while len(_makers) >= _MAX_OPEN:
            _makers.pop(next(iter(_makers)))
        _makers[key] = version, ClipMaker(dataset, open_plan(dataset))
    return _makers[key][1]
