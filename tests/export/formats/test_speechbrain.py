"""JSON for SpeechBrain: `str.format_map` over all texts gives the rows back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth.export.formats.speechbrain import escaped
from tests.export.formats.conftest import Exporter, Row, lost


def formatted(value: Any, replacements: dict[str, str]) -> Any:
    """What `load_data_json` of SpeechBrain makes of a value."""
    if isinstance(value, str):
        return value.format_map(replacements)
    if isinstance(value, dict):
        return {key: formatted(each, replacements) for key, each in value.items()}
    return [formatted(each, replacements) for each in value] if isinstance(value, list) else value


def items_of(out: Path, replacements: dict[str, str]) -> dict[str, Row]:
    return {
        key: formatted(item, replacements)
        for split in ("train", "train-dev")
        for key, item in json.loads((out / f"{split}.json").read_text(encoding="utf-8")).items()
    }


@pytest.mark.parametrize("paths", ["absolute", "relative"])
def test_the_reader_gets_the_rows(exporter: Exporter, out: Path, rows: list[Row], paths: str) -> None:
    result = exporter("speechbrain", paths=paths)
    items = items_of(out, {"data_root": str(out)})
    assert list(items) == [row["id"] for row in rows]
    for row in rows:
        item = items[row["id"]]
        assert item["words"] == row["text"]
        assert item["spk_id"] == row["speaker"]
        assert item["length"] == row["duration"]
        assert item["labels"] == row["labels"]
        assert item.get("alignment") == row["alignment"]
        assert item.get("weight") == row["weight"]
        assert Path(item["wav"]).is_file()
    assert lost(result) == {"no_text": 1}


def test_cut_margins_are_samples(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("speechbrain", paths="relative", cut_margins=True)
    for row in rows:
        item = items_of(out, {"data_root": str(out)})[row["id"]]
        assert item["wav"]["start"] == row["speech"]["onset"]
        assert item["wav"]["stop"] - item["wav"]["start"] == row["speech"]["num_samples"] == item["num_samples"]
        assert Path(item["wav"]["file"]).is_file()


@pytest.mark.parametrize("text", ["{", "}}", "{data_root}", "${HOME}", "{{x}", "{0.__class__}", "%s {}", "a\nb 🚗"])
def test_any_text_comes_back(text: str) -> None:
    value = {"{key}": [text, {"x": text}], "n": 1.5, "none": None}
    assert formatted(escaped(value), {"data_root": "no"}) == value
