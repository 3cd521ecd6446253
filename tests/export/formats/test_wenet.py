"""Lists for WeNet: key, wav and txt of every clip with a text."""

from __future__ import annotations

from pathlib import Path

from tests.export.exported_set import json_lines
from tests.export.formats.conftest import Exporter, Row, lost


def test_lines_have_what_the_reader_needs(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("wenet")
    lines = [line for split in ("train", "train-dev") for line in json_lines(out / split / "data.list")]
    with_text = [row for row in rows if row["text"] is not None]
    assert [(line["key"], line["txt"]) for line in lines] == [(row["id"], row["text"]) for row in with_text]
    assert all(set(line) == {"key", "wav", "txt"} and Path(line["wav"]).is_file() for line in lines)
    assert lost(result) == {"no_text": 1}
