"""The stages of training in manifest rows: clips, hours, what they count in the loss, and what of it was synthesised.

Stages are about what is trained on: rows of other splits than train are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any


def is_trained_on(row: Mapping[str, Any]) -> bool:
    """Whether a row is of the split train; a plain manifest that knows no splits is all for training."""
    return row.get("split") in (None, "train")


def is_synthetic(row: Mapping[str, Any]) -> bool:
    """Whether a clip was made by a recipe. Recordings that were taken as they are, and rows of others, are real."""
    speech = row.get("speech")
    return isinstance(speech, Mapping) and not speech.get("unchanged", False)


@dataclass(slots=True)
class Share:
    """Clips, their length, what they count in the loss clip by clip, and weight times length."""

    clips: int = 0
    seconds: float = 0.0
    weight: float = 0.0
    weighted_seconds: float = 0.0

    def add(self, seconds: float, weight: float) -> None:
        self.clips += 1
        self.seconds += seconds
        self.weight += weight
        self.weighted_seconds += weight * seconds

    def to_json(self) -> dict[str, Any]:
        return {
            "clips": self.clips,
            "hours": round(self.seconds / 3600, 6),
            "weight": round(self.weight, 6),
            "weighted_hours": round(self.weighted_seconds / 3600, 6),
        }


@dataclass(slots=True)
class Stage:
    """One stage (None: the clips that have none): what of it was synthesised, and what is real.

    `sources`: a short hash of each different source recording with its length in seconds, so that copies of an
    utterance count once. Memory: some 150 bytes a source recording.
    """

    name: str | None
    synthetic: Share = field(default_factory=Share)
    real: Share = field(default_factory=Share)
    sources: dict[bytes, float] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        weight = row.get("weight")
        share = self.synthetic if is_synthetic(row) else self.real
        share.add(row["duration"], 1.0 if weight is None else weight)
        key, seconds = _source(row)
        self.sources[blake2b(key.encode(), digest_size=8).digest()] = seconds

    @property
    def total(self) -> Share:
        return Share(
            self.synthetic.clips + self.real.clips,
            self.synthetic.seconds + self.real.seconds,
            self.synthetic.weight + self.real.weight,
            self.synthetic.weighted_seconds + self.real.weighted_seconds,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.name,
            **self.total.to_json(),
            "source_hours": round(sum(self.sources.values()) / 3600, 6),
            "synthetic": self.synthetic.to_json(),
            "real": self.real.to_json(),
        }


def _source(row: Mapping[str, Any]) -> tuple[str, float]:
    """What names a row's source recording (its content: it may be in two sources), and its length in seconds."""
    source = row.get("source")
    if not isinstance(source, Mapping) or not source.get("sampling_rate"):
        return str(row.get("source_id") or row["audio_filepath"]), float(row["duration"])
    key = f"{source.get('sha256') or row.get('source_id')}:{source.get('offset')}:{source['num_samples']}"
    return key, float(source["num_samples"]) / float(source["sampling_rate"])


class StageCounts:
    """Feed it the rows. `names`: the stages in the order of training; those that are not named follow as they come."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._stages: dict[str | None, Stage] = {name: Stage(name) for name in names}
        self.other_splits = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row, where it is trained on."""
        if not is_trained_on(row):
            self.other_splits += 1
            return
        name = row.get("stage")
        if name not in self._stages:
            self._stages[name] = Stage(name)
        self._stages[name].add(row)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In order; the clips without a stage last."""
        named = [stage for name, stage in self._stages.items() if name is not None]
        return (*named, *(stage for name, stage in self._stages.items() if name is None))

    def to_json(self) -> list[dict[str, Any]]:
        """One object a stage; nothing where no clip has a stage."""
        return [stage.to_json() for stage in self.stages] if any(s.name is not None for s in self.stages) else []
