"""mlcroissant validates what `synth export` writes, and its records are the rows of the manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]
EQUAL = ("text", "speaker", "num_samples", "sampling_rate", "split", "stage", "weight", "source_id")


def test_export(made_set: MadeSet, export: Export) -> None:
    folder = export("croissant")
    printed = run_reader("light", "croissant", folder / "croissant.json")
    assert printed["errors"] == []
    assert printed["rates"] == {"clips/audio": 16000}
    assert [record["splits/name"] for record in printed["records"]["splits"]] == ["train", "train-dev"]
    rows = made_set.of("train", "train-dev")
    records = printed["records"]["clips"]
    assert [record["clips/id"] for record in records] == [row["id"] for row in rows]
    for record, row in zip(records, rows, strict=True):
        for name in EQUAL:
            assert (name, record[f"clips/{name}"]) == (name, row[name])
        for label, value in (row["labels"] or {}).items():
            assert record[f"clips/label_{label}"] == value
        # pandas, which mlcroissant reads lines with, rounds in the 16th digit: less than a millionth of a sample.
        assert record["clips/duration"] == pytest.approx(row["duration"], rel=1e-12)
        assert record["clips/speech_start"] == pytest.approx(row["speech"]["onset"] / 16000, rel=1e-12)
        assert (folder / record["clips/audio"]).read_bytes() == (made_set.path / row["audio_filepath"]).read_bytes()
