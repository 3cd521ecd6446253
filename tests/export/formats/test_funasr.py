"""Lists for FunASR: lengths in frames of 10 ms and in words or characters.

Long form: FunASR's own reader, where `SYNTH_TEST_FUNASR` names the folder of an unpacked funasr wheel; of torch and of the
rest of FunASR it uses a base class and a register.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.export.exported_set import json_lines
from tests.export.formats.conftest import Exporter, Row, lost


def test_lines_have_what_the_reader_needs(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("funasr")
    lines = {line["key"]: line for split in ("train", "train-dev") for line in json_lines(out / f"{split}.jsonl")}
    with_text = [row for row in rows if row["text"] is not None]
    assert list(lines) == [row["id"] for row in with_text]
    for row in with_text:
        line = lines[row["id"]]
        assert line["target"] == row["text"]
        assert line["source_len"] == int(row["duration"] * 100)
        assert Path(line["source"]).is_file()
    assert lines[rows[0]["id"]]["target_len"] == 5  # words
    assert lines[rows[6]["id"]]["target_len"] == len(rows[6]["text"].split())
    assert lost(result) == {"no_text": 1}


if FUNASR := os.environ.get("SYNTH_TEST_FUNASR"):

    def test_the_reader_itself(exporter: Exporter, out: Path, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
        names = (
            "torch",
            "torch.distributed",
            "torch.utils",
            "torch.utils.data",
            "librosa",
            "funasr",
            "funasr.register",
        )
        stubs = {name: ModuleType(name) for name in names}
        stubs["torch.utils.data"].Dataset = object  # type: ignore[attr-defined]
        stubs["torch"].utils = SimpleNamespace(data=stubs["torch.utils.data"])  # type: ignore[attr-defined]
        register = SimpleNamespace(register=lambda *_: lambda kind: kind)
        stubs["funasr.register"].tables = register  # type: ignore[attr-defined]
        for name, stub in stubs.items():
            monkeypatch.setitem(sys.modules, name, stub)
        path = Path(FUNASR) / "funasr/datasets/audio_datasets/index_ds.py"
        spec = importlib.util.spec_from_file_location("funasr_index", path)
        assert spec and spec.loader
        reader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reader)
        exporter("funasr")
        items = reader.IndexDSJsonlRankFull(str(out / "train.jsonl")).contents
        expected = [row for row in rows if row["split"] == "train" and row["text"] is not None]
        assert [item["target"] for item in items] == [row["text"] for row in expected]
        assert [item["source_len"] for item in items] == [int(row["duration"] * 100) for row in expected]
        assert all(item["source"].endswith(row["audio_filepath"]) for item, row in zip(items, expected, strict=True))
