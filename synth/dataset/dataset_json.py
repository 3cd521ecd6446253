"""`dataset.json`: what is counted while the rows and refusals pass by, its text, and how it is read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.json_checks import (
    count,
    fault,
    length,
    list_of,
    mapping,
    mapping_of,
    object_of,
    or_null,
    positive,
    text,
)
from synth.dataset.labels import LabelCounts
from synth.dataset.old_formats import CONTENT_KEYS, refuse_format
from synth.dataset.reader import DataFile
from synth.dataset.stages import StageCounts

if TYPE_CHECKING:
    from synth.dataset.ledger import RenderedLedger
    from synth.dataset.plan_header import PlanHeader

SCHEMA_VERSION: Final = 2

_POOL: Final = object_of({"layer": text, "pool": text, "by_recording": mapping_of(object_of({"used_s": length}))})
_CONTENT: Final = object_of(
    {
        "schema_version": count,
        "sample_rate": positive,
        "clips": count,
        "hours": length,
        "splits": mapping_of(object_of({"clips": count, "hours": length})),
        "stages": list_of(object_of({"stage": or_null(text)})),
        "labels": mapping,
        "planned_clips": count,
        "refused": mapping_of(count),
        "ledger": object_of({"planned": mapping, "rendered": object_of({"pools": list_of(_POOL)})}),
        "files": mapping_of(text),
        "sha256": text,
    }
)


@dataclass(slots=True)
class Sums:
    """What is counted while the rows pass by."""

    ledger: RenderedLedger | None
    stages: StageCounts
    labels: LabelCounts = field(default_factory=LabelCounts)
    clips: Counter[str] = field(default_factory=Counter)  # by split
    samples: Counter[str] = field(default_factory=Counter)  # by split
    codes: Counter[str] = field(default_factory=Counter)  # refusals by code
    columns: tuple[str, ...] = ()  # keys of a row
    bad_inputs: set[tuple[object, object, object]] = field(default_factory=set)  # (source, path, offset)
    source: Mapping[str, Any] | None = None  # of the row before: rows of one file are neighbors
    changed_sources: list[str] = field(default_factory=list)  # files of which rows have different hashes

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Count a manifest row."""
        self.columns = self.columns or tuple(row)
        self.clips[row["split"]] += 1
        self.samples[row["split"]] += row["num_samples"]
        if self.ledger is not None:
            self.ledger.add(row)
        self.labels.add(row)
        self.stages.add(row)
        source, before = row["source"], self.source or row["source"]
        same_file = (source["name"], source["path"]) == (before["name"], before["path"])
        if same_file and source["sha256"] != before["sha256"] and source["path"] not in self.changed_sources[-1:]:
            self.changed_sources.append(source["path"])
        self.source = source

    def add_refusal(self, refusal: Mapping[str, Any]) -> None:
        """Count a quarantine row."""
        self.codes[refusal["code"]] += 1
        if refusal["code"] != "data_set":
            self.bad_inputs.add((refusal.get("source"), refusal["path"], refusal.get("offset")))

    def to_json(self, splits: Sequence[str], sample_rate: int) -> dict[str, Any]:
        """The counts, under their keys in `dataset.json`."""

        def hours(samples: int) -> float:
            return round(samples / sample_rate / 3600, 6)

        return {
            "clips": sum(self.clips.values()),
            "hours": hours(sum(self.samples.values())),
            "splits": {s: {"clips": self.clips[s], "hours": hours(self.samples[s])} for s in splits},
            "stages": self.stages.to_json(),
            "labels": self.labels.to_json(),
            "refused": dict(sorted(self.codes.items())),
        }


def content_of(plan: PlanHeader, sums: Sums, hashes: Mapping[str, str]) -> dict[str, Any]:
    """The content of `dataset.json`.

    Args:
        plan: the header of the plan.
        sums: what was counted in all rows.
        hashes: SHA-256 of the files beside the audio, by name.
    """
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "format_version": plan.format_version,
        "plan_digest": plan.plan_digest,
        "input_digests": dict(plan.input_digests),
        "versions": dict(plan.versions),
        "sample_rate": plan.sample_rate,
        **sums.to_json(plan.splits, plan.sample_rate),
        "planned_clips": plan.clips,
        "ledger": {"planned": plan.ledger, "rendered": sums.ledger.to_json() if sums.ledger else {"pools": []}},
        "files": dict(sorted(hashes.items())),
    }
    return {**content, "sha256": content_digest(content)}


def to_text(content: Mapping[str, Any]) -> str:
    """The text of `dataset.json`."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=2) + "\n"


def content_digest(content: Mapping[str, Any]) -> str:
    """The hash that `dataset.json` holds of itself: of its text without the key `sha256`."""
    return hashlib.sha256(to_text({k: v for k, v in content.items() if k != "sha256"}).encode()).hexdigest()


def read_content(dataset: DatasetDir) -> dict[str, Any]:
    """The content of a data set's `dataset.json`, with every type checked.

    Raises:
        UsageError: it was written by a version of synth with another format.
        DamagedDataset: it is damaged.
    """
    file = DataFile(dataset.dataset_json, dataset.path)
    content = file.json()
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int):
        refuse_format(dataset.dataset_json, "schema_version", version, SCHEMA_VERSION, CONTENT_KEYS)
    problem = fault(_CONTENT, content)
    if problem is not None:
        raise file.error(problem)
    assert isinstance(content, dict)
    return content
