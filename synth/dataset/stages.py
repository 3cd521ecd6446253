"""The stages of training in manifest rows: clips, hours, weight in the loss, and how much of it is synthetic.

Stages are about what is trained on: rows of other splits than train are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any


def is_trained_on(row: Mapping[str, Any]) -> bool:
    """Whether a row is of the split train. Rows of a plain manifest, which names no splits, all are."""
    return row.get("split") in (None, "train")


def is_synthetic(row: Mapping[str, Any]) -> bool:
    """Whether a clip was made by a recipe. Recordings that were taken as they are, and rows of others, are real."""
    speech = row.get("speech")
    return isinstance(speech, Mapping) and not speech.get("unchanged", False)


@dataclass(slots=True)
class Share:
    """Sums over clips."""

    clips: int = 0
    seconds: float = 0.0
    weight: float = 0.0  # in the loss
    weighted_seconds: float = 0.0  # weight times length

    def add(self, seconds: float, weight: float) -> None:
        """Add one clip."""
        self.clips += 1
        self.seconds += seconds
        self.weight += weight
        self.weighted_seconds += weight * seconds

    def to_json(self) -> dict[str, Any]:
        """The sums as JSON values."""
        return {
            "clips": self.clips,
            "hours": round(self.seconds / 3600, 6),
            "weight": round(self.weight, 6),
            "weighted_hours": round(self.weighted_seconds / 3600, 6),
        }


@dataclass(slots=True)
class Stage:
    """What is trained on in one stage. Memory: some 150 bytes per source recording."""

    name: str | None  # None: the clips that have no stage
    synthetic: Share = field(default_factory=Share)  # clips made by a recipe
    real: Share = field(default_factory=Share)  # recordings as they are, and rows of others
    # A short hash of each source recording -> its seconds, so that copies of an utterance count once.
    sources: dict[bytes, float] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        weight = row.get("weight")
        share = self.synthetic if is_synthetic(row) else self.real
        share.add(row["duration"], 1.0 if weight is None else weight)
        key, seconds = _source(row)
        self.sources[blake2b(key.encode(), digest_size=8).digest()] = seconds

    @property
    def total(self) -> Share:
        """Synthetic and real clips together."""
        return Share(
            self.synthetic.clips + self.real.clips,
            self.synthetic.seconds + self.real.seconds,
            self.synthetic.weight + self.real.weight,
            self.synthetic.weighted_seconds + self.real.weighted_seconds,
        )

    def to_json(self) -> dict[str, Any]:
        """The stage as JSON values."""
        return {
            "stage": self.name,
            **self.total.to_json(),
            "source_hours": round(sum(self.sources.values()) / 3600, 6),
            "synthetic": self.synthetic.to_json(),
            "real": self.real.to_json(),
        }


def _source(row: Mapping[str, Any]) -> tuple[str, float]:
    """A key of a row's source recording, by content because it may be in two sources, and its length in seconds."""
    source = row.get("source")
    if not isinstance(source, Mapping) or not source.get("sampling_rate"):
        return str(row.get("source_id") or row["audio_filepath"]), float(row["duration"])
    key = f"{source.get('sha256') or row.get('source_id')}:{source.get('offset')}:{source['num_samples']}"
    return key, float(source["num_samples"]) / float(source["sampling_rate"])


class StageCounts:
    """Feed it the rows. `names` are the stages in the order of training; others follow as they come."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._stages: dict[str | None, Stage] = {name: Stage(name) for name in names}
        self.other_splits = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row, if it is trained on."""
        if not is_trained_on(row):
            self.other_splits += 1
            return
        name = row.get("stage")
        if name not in self._stages:
            self._stages[name] = Stage(name)
        self._stages[name].add(row)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order; the clips without a stage last."""
        named = [stage for name, stage in self._stages.items() if name is not None]
        return (*named, *(stage for name, stage in self._stages.items() if name is None))

    def to_json(self) -> list[dict[str, Any]]:
        """One object per stage; nothing if no clip has a stage."""
        return [stage.to_json() for stage in self.stages] if any(s.name is not None for s in self.stages) else []
