"""What is counted of the selected clips before anything is written."""

from __future__ import annotations

import posixpath
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from synth.dataset.row_consistency import stems_of
from synth.export.columns import LabelSurvey

# What a row may lack, as `Format.left_out` calls it, and its key.
_NOUNS: Final = {
    "alignments": "alignment",
    "events": "events",
    "labels": "labels",
    "noise segments": "noise",
    "speakers": "speaker",
    "stages": "stage",
}


@dataclass(slots=True)
class GroupTotals:
    """The clips of one split and stage."""

    clips: int = 0
    samples: int = 0
    weighted_seconds: float = 0.0  # sum of length times weight in the loss
    weighted_seconds_with_text: float = 0.0  # the same, of the clips that have a text
    weights: set[float] = field(default_factory=set)  # distinct weights, at most two of them
    durations: array[float] = field(default_factory=lambda: array("d"))  # seconds
    tars: dict[str, None] = field(default_factory=dict)  # tar files of the data set that have its clips, in their order

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row."""
        weight = row.get("weight")
        weight = 1.0 if weight is None else float(weight)
        self.clips += 1
        self.samples += row["num_samples"]
        self.weighted_seconds += weight * row["duration"]
        if row.get("text") is not None:
            self.weighted_seconds_with_text += weight * row["duration"]
        if len(self.weights) < 2:
            self.weights.add(weight)
        self.durations.append(row["duration"])
        if "shard_id" in row:
            self.tars[posixpath.dirname(row["audio_filepath"])] = None


@dataclass(slots=True)
class Totals:
    """The selected clips by split and stage, in the order in which they come."""

    sample_rate: int  # Hz
    groups: dict[tuple[str, str | None], GroupTotals] = field(default_factory=dict)
    texts: int = 0  # clips with a text
    columns: tuple[str, ...] = ()  # keys of a row
    labels: Counter[str] = field(default_factory=Counter)  # clips by name of a label that they have
    label_values: LabelSurvey = field(default_factory=LabelSurvey)  # types of labels
    extensions: set[str] = field(default_factory=set)  # endings of audio files, without the dot
    stems: set[str] = field(default_factory=set)  # names of stems that a clip has
    present: set[str] = field(default_factory=set)  # what a clip has, as `Format.left_out` calls it

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row."""
        group = self.groups.get((row["split"], row.get("stage")))
        if group is None:
            group = self.groups[row["split"], row.get("stage")] = GroupTotals()
        group.add(row)
        self.texts += row.get("text") is not None
        self.columns = self.columns or tuple(row)
        self.labels.update((row.get("labels") or {}).keys())
        self.label_values.add(row)
        self.extensions.add(PurePosixPath(row["audio_filepath"]).suffix[1:])
        stems = stems_of(row)
        self.stems.update(stems)
        self.present.update(noun for noun, key in _NOUNS.items() if row.get(key))
        if stems:
            self.present.add("stems")
        if row.get("weight") not in (None, 1.0):
            self.present.add("weights")

    def lacks(self, noun: str) -> bool:
        """Whether no clip has what a format leaves out, so that nothing is lost."""
        return noun in (*_NOUNS, "stems", "weights") and noun not in self.present

    @property
    def clips(self) -> int:
        """The number of all clips."""
        return sum(group.clips for group in self.groups.values())

    def splits(self) -> dict[str, dict[str, Any]]:
        """Clips, samples and hours of each split."""
        sums: dict[str, dict[str, Any]] = {}
        for (split, _), group in self.groups.items():
            values = sums.setdefault(split, {"clips": 0, "num_samples": 0})
            values["clips"] += group.clips
            values["num_samples"] += group.samples
        for values in sums.values():
            values["hours"] = round(values["num_samples"] / self.sample_rate / 3600, 6)
        return sums
