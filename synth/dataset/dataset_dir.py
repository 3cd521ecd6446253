"""Where everything lies in a data set's directory: the only place that knows these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.paths.folders import DATASET_JSON, MANIFEST, PLAN, PRIVATE

if TYPE_CHECKING:
    from synth.plan.clip_spec import ClipSpec
    from synth.recipe.model import Output

PART_SUFFIX: Final = ".jsonl"
TAR_SUFFIX: Final = ".tar"
STEMS: Final = ("speech", "noise")


class DatasetDir:
    """The paths of one data set.

    What lies outside `.synth/` is the data set, with the same bytes wherever it is made; `.synth/` belongs to the runs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dataset_json = path / DATASET_JSON  # published last: it exists exactly if the data set is complete
        self.recipe = path / "recipe.yaml"
        self.manifest = path / MANIFEST
        self.quarantine = path / "quarantine.jsonl"
        self.card = path / "README.md"
        # State of the runs; a finished data set does not need it.
        self.private = path / PRIVATE
        self.plan_header = self.private / PLAN
        self.plan_folder = self.private / "plan"  # catalogs, noise index, columns
        self.lock = self.private / "lock"
        self.plan_lock = self.private / "locks" / "plan"
        self.parts = self.private / "parts"
        self.temp = self.private / "tmp"

    def split_manifest(self, split: str) -> Path:
        """The rows of one split."""
        return self.path / f"{split}.jsonl"

    def stage_manifest(self, stage: str) -> Path:
        """The rows that are trained on in one stage."""
        return self.path / f"stage-{stage}.jsonl"

    def absolute(self, relative: str) -> Path:
        """A path of a manifest row (forward slashes, relative to the data set)."""
        return self.path / relative

    def part_lock(self, index: int, count: int) -> Path:
        """The lock of part `index` of `count` of an array job."""
        return self.private / "locks" / f"part-{index}-of-{count}"

    def part(self, shard: int) -> Path:
        """The shard's part of the manifest; it exists exactly if the shard is done."""
        return self.parts / f"{shard:06d}{PART_SUFFIX}"


@dataclass(frozen=True, slots=True)
class ClipPaths:
    """Where the files of a clip lie in a data set; a file in a tar file is named by it and its own name."""

    audio: str
    speech_stem: str
    noise_stem: str


def clip_paths(output: Output, spec: ClipSpec) -> ClipPaths:
    """The paths of a planned clip, in the layout of the recipe."""
    if output.layout == "tar":
        return tar_paths(spec.split, spec.index // output.shard_size, spec.clip_id, output.format)
    return loose_paths(spec.split, spec.source_id, spec.clip_id, output.format)


def loose_paths(split: str, source_id: str, clip_id: str, extension: str) -> ClipPaths:
    """The paths of a clip in the layout `files`."""
    speech, noise = (stem_path(split, source_id, clip_id, stem) for stem in STEMS)
    return ClipPaths(audio_path(split, source_id, clip_id, extension), speech, noise)


def tar_paths(split: str, shard: int, clip_id: str, extension: str) -> ClipPaths:
    """The paths of a clip in the layout `tar`: `audio/<split>/audio_<shard>.tar/<clip_id>.flac`.

    The row of the clip lies behind it, as `<clip_id>.json`; its stems are in tar files of their own.
    """
    audio, speech, noise = (tar_path(split, shard, kind) for kind in ("audio", *STEMS))
    return ClipPaths(f"{audio}/{clip_id}.{extension}", f"{speech}/{clip_id}.flac", f"{noise}/{clip_id}.flac")


def tar_path(split: str, shard: int, kind: str) -> str:
    """The tar file with the clips (`kind` audio), or the stems (speech, noise), of one split of a shard."""
    folder = "audio" if kind == "audio" else "stems"
    return f"{folder}/{split}/{kind}_{shard:06d}{TAR_SUFFIX}"


def audio_path(split: str, source_id: str, clip_id: str, extension: str = "flac") -> str:
    """`audio/<split>/<nn>/<clip_id>.flac`: nn = the first two hex digits of the hash that ends the source id."""
    return f"audio/{split}/{source_id[-8:-6]}/{clip_id}.{extension}"


def stem_path(split: str, source_id: str, clip_id: str, stem: str) -> str:
    """`stems/<split>/<nn>/<clip_id>.<speech or noise>.flac` (24-bit FLAC whatever the clips are)."""
    return f"stems/{split}/{source_id[-8:-6]}/{clip_id}.{stem}.flac"
