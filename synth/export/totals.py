"""What is counted of the selected clips before anything is written."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from synth.dataset.row_consistency import stems_of
from synth.export.columns import LabelSurvey


@dataclass(slots=True)
class GroupTotals:
    """The clips of one split and stage."""

    clips: int = 0
    samples: int = 0
    weighted_seconds: float = 0.0  # sum of length times weight in the loss
    weighted_seconds_with_text: float = 0.0  # the same, of the clips that have a text
    weights: set[float] = field(default_factory=set)  # distinct weights, at most two of them
    durations: array[float] = field(default_factory=lambda: array("d"))  # seconds

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
        self.stems.update(stems_of(row))

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
