"""Labels of exported rows come back with their names and unknown values; rows of others keep all their columns."""

from __future__ import annotations

import json
from pathlib import Path

from synth.errors import BadInput
from synth.lists.audio_list import read_audio_list
from synth.lists.exported_labels import exported_labels

LABELS = {"rain": True, "door": None, "accent": "north"}


def test_labels_are_found_wherever_an_export_has_them() -> None:
    row = {"pcm_sha256": "0", "labels": LABELS, "snr_db": 3.0}
    assert exported_labels(row) == LABELS
    assert exported_labels({"pcm_sha256": "0", "label_rain": True, "row": json.dumps(row)}) == LABELS
    assert exported_labels({"snr_db": 3.0, "synth": {"labels": LABELS, "source": {}}}) == LABELS
    assert exported_labels({"pcm_sha256": "0", "labels": {}}) == {}


def test_rows_of_others_are_not_taken_for_exported_ones() -> None:
    for row in ({"labels": LABELS}, {"synth": "Moog"}, {"synth": {"labels": 3}}, {"row": "7", "label_rain": True}, {}):
        assert exported_labels(row) is None
    assert exported_labels({"pcm_sha256": "0", "labels": 3}) is None
    assert exported_labels({"pcm_sha256": "0", "row": "{", "labels": LABELS}) == LABELS


def test_a_table_gives_labels_without_the_prefix_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "clips.csv"
    path.write_text("path,text,snr_db,label_rain,label_door,pcm_sha256\na.wav,hello,3.5,true,,00\n")
    (row,) = read_audio_list(path)
    assert not isinstance(row, BadInput)
    assert row.detail["labels"] == {"rain": True, "door": None}
    path.write_text("path,text,label_rain\na.wav,hello,true\n")
    (row,) = read_audio_list(path)
    assert not isinstance(row, BadInput)
    assert row.detail["labels"] == {"label_rain": True}
