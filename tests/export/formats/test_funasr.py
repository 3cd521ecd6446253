"""Lists for FunASR: lengths in frames of 10 ms and in words or characters."""

from __future__ import annotations

from pathlib import Path

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
