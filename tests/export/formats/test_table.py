"""The CSV file has every value of every clip, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

from synth.audio.read import read_samples
from synth.commands.export import export
from synth.text import csv_text
from tests.export.exported_set import rewrite
from tests.export.formats.conftest import Exporter, Row, lost
from tests.small_set import make_inline, make_sources, plan_into


def cells(out: Path) -> list[Row]:
    return list(csv.DictReader(io.StringIO((out / "table.csv").read_bytes().decode(), newline="")))


def test_every_clip_is_a_line(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("table")
    lines = cells(out)
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert line["text"] == (row["text"] or "")
        assert float(line["duration"]) == row["duration"]
        assert float(line["snr_db"]) == row["snr_db"]["measured"]
        assert line["label_rain"] == {True: "true", False: "false", None: ""}[row["labels"]["rain"]]
        assert line["label_accent"] == "north"
        assert line["speaker"] == (row["speaker"] or "")
        assert Path(line["audio_filepath"]).is_file()
    assert lost(result) == {"empty_text": 1}


def test_no_cell_is_a_formula(data_set: Path, tmp_path: Path, rows: list[Row]) -> None:
    shutil.copytree(data_set, tmp_path / "set")
    texts = ["=1+1", "@x", "-a", "+b", "'=c", "\tt", "plain", "-1.5"]
    rewrite(tmp_path / "set", [{**row, "text": text} for row, text in zip(rows, texts, strict=True)])
    result = export(tmp_path / "set", tmp_path / "out", to="table")
    shown = [line["text"] for line in cells(tmp_path / "out")]
    assert [csv_text(cell) for cell in shown] == texts
    assert all(not cell.startswith(("=", "@", "+", "\t")) for cell in shown)
    assert lost(result)["formula"] == 6


def test_clips_in_tar_files_are_in_the_table(tmp_path: Path) -> None:
    """The numbers need no audio; the path is that of the member, which `synth` reads."""
    dataset = plan_into(make_sources(tmp_path), tmp_path / "set", ["output.layout=tar"])
    make_inline(dataset, range(3))
    export(tmp_path / "set", tmp_path / "out", to="table")
    lines = cells(tmp_path / "out")
    assert len(lines) == 8
    for line in lines:
        assert len(read_samples(line["audio_filepath"])[0]) == int(line["num_samples"])
