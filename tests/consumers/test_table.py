"""pandas reads the tables of `synth export` with the line that the command prints: texts, labels, numbers, unknown values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader
from tests.helpers import run_synth

Export = Callable[..., Path]


@pytest.mark.parametrize("name", ["table", "table_parquet"])
def test_export(made_set: MadeSet, export: Export, name: str) -> None:
    again = run_synth("export", made_set.path, "--to", name, "--out", export(name), "--json")
    line = json.loads(again.stdout)["reading"][-1]
    printed = run_reader("light", "pandas_table", line)
    assert [clip["id"] for clip in printed["clips"]] == [row["id"] for row in made_set.of("train", "train-dev")]
    for clip, row in zip(printed["clips"], made_set.of("train", "train-dev"), strict=True):
        for key in ("text", "speaker", "num_samples", "split", "stage", "weight", "source_id"):
            assert (key, clip[key]) == (key, row[key])
        for label, value in (row["labels"] or {"accent": None, "street": None}).items():
            assert clip[f"label_{label}"] == value
        assert clip["duration"] == pytest.approx(row["duration"], abs=1e-9)
        assert clip["snr_db"] == (row["snr_db"] or {"measured": None})["measured"]
