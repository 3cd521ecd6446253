"""Labels that are present, absent or unknown: read from lists, counted, as arrays with a mask, and scored."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth.cli.show.labels import labels_text
from synth.commands.labels import count_labels
from synth.dataset.labels import LabelCounts, TruthLabels, label_arrays
from synth.diagnose.labels import read_label_predictions, score_labels
from synth.errors import UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.label_value import label_of_text, state_of, truth_of
from tests.helpers import run_synth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("TRUE", True), (" False ", False), ("false", False), ("", None), ("unknown", None), ("NULL", None),
        ("Unknown", None), ("1", "1"), ("yes", "yes"), ("scottish", "scottish"), ("truer", "truer"), (" x ", " x "),
    ],
)  # fmt: skip
def test_the_text_of_a_cell_becomes_a_truth_value_or_unknown_or_stays(text: str, value: object) -> None:
    found = label_of_text(text)
    assert found == value and type(found) is type(value)


def test_a_csv_has_text_and_json_lines_keep_their_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,text,speaker,wiper,accent,seats\na.wav,true,unknown,TRUE,unknown,2\n")
    line = {
        "path": "a.wav",
        "text": "true",
        "wiper": True,
        "siren": None,
        "seats": 2,
        "said": "true",
        "labels": {"x": ""},
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    (row,) = read_audio_list(tmp_path / "a.csv")
    assert isinstance(row, AudioRow)
    assert row.detail == {
        "text": "true", "speaker": "unknown", "labels": {"wiper": True, "accent": None, "seats": "2"}
    }  # fmt: skip
    (row,) = read_audio_list(tmp_path / "a.jsonl")
    assert isinstance(row, AudioRow)
    assert row.detail["labels"] == {"wiper": True, "siren": None, "seats": 2, "said": "true", "x": None}


def test_a_value_is_one_of_four_states() -> None:
    said = {
        "present": (True, 1, 1.0, "true", "Yes"), "absent": (False, 0, "FALSE", "no"),
        "unknown": (None, "", "unknown", "null"), "other": ("scottish", 2, 0.5, [1]),
    }  # fmt: skip
    for state, values in said.items():
        assert {state_of(value) for value in values} == {state}
        assert {truth_of(value) for value in values} == {{"present": True, "absent": False}.get(state)}


def row(clip: int, split: str | None = "train", **labels: Any) -> dict[str, Any]:
    return {"id": f"c{clip}", "audio_filepath": f"{clip}.wav", "duration": 1.0, "split": split, "labels": labels}


def test_arrays_keep_unknown_apart_from_false() -> None:
    rows = [row(0, a=True, b=False), row(1, a=None, b=True), row(2, b=None), {"audio_filepath": "x", "labels": None}]
    values, known = label_arrays(rows, ["b", "a", "c"])
    assert values.dtype == np.float32 and known.dtype == bool
    assert known.tolist() == [[True, True, False], [True, False, False], [False, False, False], [False, False, False]]
    assert values.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert [a.shape for a in label_arrays([], ["a", "b"])] == [(0, 2), (0, 2)]
    assert [a.shape for a in label_arrays(rows, [])] == [(4, 0), (4, 0)]
    with pytest.raises(UsageError, match="clip c7: the label 'a' is 'scottish'"):
        label_arrays([row(7, a="scottish")], ["a"])


def test_counts_add_up_to_the_clips_of_each_split() -> None:
    counts = LabelCounts()
    for each in (row(0, a=True, b="x"), row(1, a=False), row(2, a=None), row(3), row(4, "train-dev", a=True)):
        counts.add(each)
    assert counts.to_json() == {
        "a": {
            "train": {"present": 1, "absent": 1, "unknown": 2, "other": 0},
            "train-dev": {"present": 1, "absent": 0, "unknown": 0, "other": 0},
        },
        "b": {
            "train": {"present": 0, "absent": 0, "unknown": 3, "other": 1},
            "train-dev": {"present": 0, "absent": 0, "unknown": 1, "other": 0},
        },
    }


def test_labels_that_are_true_or_false_are_named() -> None:
    labels = TruthLabels()
    for each in ({"a": True, "b": "x"}, {"a": None, "c": None}, None, {"b": False, "d": "no"}):
        labels.add(each)
    assert labels.names() == ("a", "d")


def predicted(folder: Path, text: str) -> Path:
    path = folder / "p.csv"
    path.write_text(text)
    return path


def test_metrics_are_those_of_the_definitions_over_what_is_known(tmp_path: Path) -> None:
    rows = [row(0, a=True, b=True), row(1, a=True), row(2, a=False), row(3, a=None), row(4, a=False), row(5, a=True)]
    path = predicted(tmp_path, "id,a,b\nc0,0.9,1\nc1,0.2,1\nc2,0.6,1\nc3,0.9,1\nc4,0.1,1\nc5,,1\nzzz,1,1\n")
    told = score_labels(rows, read_label_predictions(path))
    a = told["labels"]["a"]
    assert (a["n"], a["present"], a["not_predicted"]) == (4, 2, 1)  # c3 is not known, c5 not predicted
    assert (a["error"], a["precision"], a["recall"], a["f1"]) == (0.5, 0.5, 0.5, 0.5)
    entropy = -(math.log(0.9) + math.log(0.2) + math.log(0.4) + math.log(0.9)) / 4
    assert a["cross_entropy"] == pytest.approx(entropy, abs=1e-6)
    b = told["labels"]["b"]
    assert (b["n"], b["error"], b["precision"], b["recall"]) == (1, 0, 1, 1)
    assert b["cross_entropy"] == pytest.approx(0, abs=1e-6)
    assert told["macro"]["error"] == {"mean": 0.25, "labels": 2}
    assert told["all"]["cross_entropy"] == pytest.approx(4 * entropy / 5, abs=1e-6)  # sum m BCE / sum m
    assert told["predictions_without_clip"] == 1 and told["without_prediction"] == 0
    assert score_labels(rows, read_label_predictions(path), threshold=0.95)["labels"]["a"]["precision"] is None


def test_what_is_predicted_where_nothing_is_known_changes_no_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [row(k, a=[True, False, None][k % 3]) for k in range(60)]
    said = rng.random(60).round(3)
    other = np.where(np.arange(60) % 3 == 2, 1 - said, said)
    results = []
    for values in (said, other):
        text = "id,a\n" + "".join(f"c{k},{value:.3f}\n" for k, value in enumerate(values))
        results.append(score_labels(rows, read_label_predictions(predicted(tmp_path, text))))
    assert results[0] == results[1] and results[0]["labels"]["a"]["n"] == 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,a\nc0,1\n", "p.csv:1: columns id and one per label are needed"),
        ("id\nc0\n", "p.csv:1: columns id and one per label are needed"),
        ("id,a,a\nc0,1,1\n", "p.csv:1: duplicate column 'a'"),
        ("id,a\nc0,1,2\n", "p.csv:2: 3 cells, the header has 2"),
        ("id,a\nc0,1.5\n", "p.csv:2: a is '1.5'; a probability"),
        ("id,a\nc0,nan\n", "p.csv:2: a is 'nan'; a probability"),
        ("id,a\nc0,1\nc0,1\n", "p.csv:3: the clip 'c0' is there already"),
        ("id,wipr\nc0,1\n", "no clip has a label 'wipr'; did you mean 'wiper'"),
        ("id,wiper\nd0,1\n", "none of its 1 ids"),
        ('id,wiper\n"c0,1\n', "not valid CSV"),
    ],
)
def test_wrong_predictions_are_named(tmp_path: Path, text: str, said: str) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps(row(0, wiper=True, a=False)) + "\n")
    with pytest.raises(UsageError, match=said):
        count_labels(manifest, predictions=predicted(tmp_path, text))


def test_the_command_counts_and_scores(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    rows = [row(0, wiper=True), row(1, wiper=None), row(2, "train-dev", wiper=False), row(3, None, accent="x")]
    manifest.write_text("".join(json.dumps(each) + "\n" for each in rows))
    path = predicted(tmp_path, "id,wiper\nc0,true\nc1,0.5\nc2,0.7\n")
    told = json.loads(run_synth("labels", manifest, "--predictions", path, "--json").stdout)
    assert told["labels"]["wiper"]["train"] == {"present": 1, "absent": 0, "unknown": 1, "other": 0}
    assert told["labels"]["accent"]["-"] == {"present": 0, "absent": 0, "unknown": 0, "other": 1}
    assert told["metrics"]["labels"]["wiper"]["n"] == 2 and told["metrics"]["labels"]["wiper"]["error"] == 0.5
    only = json.loads(run_synth("labels", manifest, "--split", "train", "--json").stdout)
    assert only["clips"] == 2 and only["metrics"] is None
    shown = run_synth("labels", manifest, "--predictions", path)
    assert (
        shown.returncode == 0 and "mean of labels" in shown.stdout and "clips without a prediction: 1" in shown.stdout
    )
    for words in (("--split", "dev"), ("--predictions", tmp_path / "gone.csv")):
        failed = run_synth("labels", manifest, *words)
        assert failed.returncode == 2 and "Traceback" not in failed.stderr


def test_the_values_of_a_label_of_text_are_counted(tmp_path: Path) -> None:
    """D29: of gender M/F only "other 131" was shown."""
    values = ["F"] * 71 + ["M"] * 60 + [None]
    rows = [
        {"id": f"c{k}", "audio_filepath": f"{k}.wav", "duration": 1.0, "labels": {"gender": value, "wiper": True}}
        for k, value in enumerate(values)
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counted = count_labels(tmp_path / "list.jsonl")
    assert counted["values"] == {"gender": {"-": {"F": 71, "M": 60}}}
    lines = labels_text(counted).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["label", "split", "present", "absent", "unknown", "other", "values"],
        ["gender", "-", "0", "0", "1", "131", "F", "71,", "M", "60"],
        ["wiper", "-", "132", "0", "0", "0"],
    ]


def test_of_many_values_the_most_frequent_are_shown() -> None:
    values = {"city": {"-": {f"c{k}": 20 - k for k in range(12)}}}
    states = {"city": {"-": {"present": 0, "absent": 0, "unknown": 0, "other": 150}}}
    shown = labels_text({"clips": 150, "labels": states, "values": values, "metrics": None})
    assert shown.endswith("c6 14, c7 13 and 4 more values")
