"""Where everything lies in a data set's directory: the only place that knows these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from synth.paths.folders import DATASET_JSON, MANIFEST, PLAN, PRIVATE

PART_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class DatasetDir:
    """The directory of one data set.

    What lies outside `.synth/` is the data set, with the same bytes wherever it is made; `.synth/` belongs to the runs.
    """

    path: Path

    # ------------------------------------------------------------------------------------------------- the data set

    @property
    def dataset_json(self) -> Path:
        """Published last: it exists exactly when the data set is complete."""
        return self.path / DATASET_JSON

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def manifest(self) -> Path:
        return self.path / MANIFEST

    @property
    def quarantine(self) -> Path:
        return self.path / "quarantine.jsonl"

    @property
    def card(self) -> Path:
        return self.path / "README.md"

    def split_manifest(self, split: str) -> Path:
        return self.path / f"{split}.jsonl"

    def stage_manifest(self, stage: str) -> Path:
        """The rows that are trained on in one stage."""
        return self.path / f"stage-{stage}.jsonl"

    def absolute(self, relative: str) -> Path:
        """A path of a manifest row (forward slashes, relative to the data set)."""
        return self.path / relative

    # --------------------------------------------------------------------------------------------------- the runs

    @property
    def private(self) -> Path:
        return self.path / PRIVATE

    @property
    def plan_header(self) -> Path:
        return self.private / PLAN

    @property
    def plan_folder(self) -> Path:
        """Folder of the saved plan: catalogs, noise index, schedule."""
        return self.private / "plan"

    @property
    def lock(self) -> Path:
        return self.private / "lock"

    @property
    def plan_lock(self) -> Path:
        return self.private / "locks" / "plan"

    def part_lock(self, index: int, count: int) -> Path:
        return self.private / "locks" / f"part-{index}-of-{count}"

    @property
    def parts(self) -> Path:
        return self.private / "parts"

    def part(self, shard: int) -> Path:
        """The shard's part of the manifest; it exists exactly when the shard is done."""
        return self.parts / f"{shard:06d}{PART_SUFFIX}"

    @property
    def temp(self) -> Path:
        return self.private / "tmp"


def audio_path(split: str, source_id: str, clip_id: str, extension: str = "flac") -> str:
    """`audio/<split>/<nn>/<clip_id>.flac`: nn = the first two hex digits of the hash that ends the source id."""
    return f"audio/{split}/{source_id[-8:-6]}/{clip_id}.{extension}"


def stem_path(split: str, source_id: str, clip_id: str, stem: str) -> str:
    """`stems/<split>/<nn>/<clip_id>.<speech or noise>.flac` (24-bit FLAC whatever the clips are)."""
    return f"stems/{split}/{source_id[-8:-6]}/{clip_id}.{stem}.flac"
