"""Cuts for Lhotse: supervisions over the speech, exact lengths, stems, labels."""

from __future__ import annotations

from pathlib import Path

from tests.export.exported_set import json_lines
from tests.export.formats.conftest import Exporter, Row, lost


def cuts_of(out: Path) -> dict[str, Row]:
    return {cut["id"]: cut for name in ("cuts_train.jsonl", "cuts_train-dev.jsonl") for cut in json_lines(out / name)}


def test_every_row_is_a_cut_in_order(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("lhotse")
    assert sorted(result.content["files"]) == ["cuts_train-dev.jsonl", "cuts_train.jsonl"]
    assert list(cuts_of(out)) == [row["id"] for row in rows]
    assert lost(result) == {"no_text": 1}


def test_supervisions_are_over_the_speech(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("lhotse")
    for row in rows:
        cut, rate = cuts_of(out)[row["id"]], row["sampling_rate"]
        (supervision,) = cut["supervisions"]
        assert round(supervision["start"] * rate) == row["speech"]["onset"] > 0
        assert round(supervision["duration"] * rate) == row["speech"]["num_samples"]
        assert supervision.get("text") == row["text"]
        assert supervision.get("speaker") == row["speaker"]
        assert supervision.get("alignment", {}).get("word") == row["alignment"]
        assert cut["duration"] == cut["recording"]["duration"] == row["num_samples"] / rate
        assert cut["recording"]["num_samples"] == row["num_samples"]
        assert cut["recording"]["sources"][0]["source"].endswith(f"/set/{row['audio_filepath']}")
        assert Path(cut["recording"]["sources"][0]["source"]).is_file()


def test_labels_weights_and_stems_are_kept(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("lhotse")
    for row in rows:
        custom = cuts_of(out)[row["id"]]["custom"]
        assert custom["synth"]["labels"] == row["labels"]
        assert custom.get("weight") == row["weight"]
        for stem in ("speech", "noise"):
            assert custom[f"{stem}_stem"]["sources"][0]["source"].endswith(row["stems"][stem])
        # what Lhotse would take for one of its own objects
        assert [key for key, value in custom.items() if isinstance(value, dict) and "width" in value] == []


def test_cut_margins_cut_the_cuts_not_the_recordings(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("lhotse", cut_margins=True)
    for row in rows:
        cut, rate = cuts_of(out)[row["id"]], row["sampling_rate"]
        (supervision,) = cut["supervisions"]
        assert round(cut["start"] * rate) == row["speech"]["onset"]
        assert round(cut["duration"] * rate) == row["speech"]["num_samples"]
        assert (supervision["start"], supervision["duration"]) == (0, cut["duration"])
        assert cut["recording"]["num_samples"] == row["num_samples"]
        if row["alignment"]:
            assert [word[1] for word in supervision["alignment"]["word"]] == [0.0, 0.1]
