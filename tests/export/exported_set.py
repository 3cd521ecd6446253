"""A small data set whose rows have awkward texts, labels, alignments, stages and weights; and exports of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from synth.dataset.dataset_json import content_digest, to_text
from synth.dataset.manifest import to_line
from tests.helpers import rows_of
from tests.small_set import make_inline, make_sources, plan_into

TEXTS = [
    'she said "hello" and left',
    "costs $5, or ${HOME}, or {data_root} and {}",
    "grüße 🚗 ça va",
    "two\nlines\tand a tab",
    None,
    "",
    "back\\slash and 'quote'",
    "#comment, key: value | pipe \u2028 separator",
]
"""Texts by the number of the row."""


def make_set(folder: Path) -> Path:
    """Make the data set `folder/set`: eight clips of 8 kHz with stems, in three shards."""
    dataset = plan_into(make_sources(folder), folder / "set")
    make_inline(dataset, range(3))
    return folder / "set"


def rewrite(data_set: Path, rows: list[dict[str, Any]]) -> None:
    """Give a data set other rows: manifests and dataset.json fit them, so that it is an undamaged data set."""
    content = json.loads((data_set / "dataset.json").read_text())
    names = {"manifest.jsonl": rows}
    splits = {}
    for split in dict.fromkeys(row["split"] for row in rows):
        names[f"{split}.jsonl"] = [row for row in rows if row["split"] == split]
        splits[split] = {"clips": len(names[f"{split}.jsonl"]), "hours": 0.0}
    for name, lines in names.items():
        data = "".join(f"{to_line(row)}\n" for row in lines).encode()
        (data_set / name).write_bytes(data)
        content["files"][name] = hashlib.sha256(data).hexdigest()
    content |= {"clips": len(rows), "splits": splits}
    content["sha256"] = content_digest(content)
    (data_set / "dataset.json").write_text(to_text(content))


def awkward_set(folder: Path) -> Path:
    """Make a data set with awkward rows: two splits, stages and weights, texts that break formats, unknown values."""
    data_set = make_set(folder)
    rows = rows_of(data_set / "manifest.jsonl")
    for k, (row, text) in enumerate(zip(rows, TEXTS, strict=True)):
        row["text"] = text
        row["speaker"] = [None, "ada", "b b", "ada"][k % 4]
        row["labels"] = {"rain": [True, False, None][k % 3], "accent": "north"}
        row["split"] = "train-dev" if k >= 6 else "train"
        row["stage"] = None if k >= 6 else ["warm_up", "last"][k % 2]
        row["condition"] = ["city", None][k % 2]
        row["weight"] = [1.0, 0.5, 0.25][k % 3] if k < 6 else None
        onset = row["speech"]["onset"] / row["sampling_rate"]
        row["alignment"] = [["word", round(onset, 6), 0.1], ["näxt", round(onset + 0.1, 6), 0.2]] if k % 2 else None
        row["events"] = []
    rewrite(data_set, rows)
    return data_set


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The values of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
