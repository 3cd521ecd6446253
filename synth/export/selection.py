"""Which clips of a data set are exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClipSelection:
    """The clips to export: those that meet every condition. An empty tuple selects all."""

    splits: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    min_duration: float | None = None  # seconds
    max_duration: float | None = None  # seconds

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a manifest is exported."""
        if self.splits and row["split"] not in self.splits:
            return False
        if self.stages and row.get("stage") not in self.stages:
            return False
        if self.conditions and row.get("condition") not in self.conditions:
            return False
        if self.min_duration is not None and row["duration"] < self.min_duration:
            return False
        return self.max_duration is None or row["duration"] <= self.max_duration

    def to_json(self) -> dict[str, Any]:
        """The selection as JSON values, under the names of the options."""
        return {
            "split": list(self.splits),
            "stage": list(self.stages),
            "condition": list(self.conditions),
            "min_duration": self.min_duration,
            "max_duration": self.max_duration,
        }
