from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from synth.commands.export import export
from tests.export.exported_set import awkward_set, json_lines, rewrite
from tests.export.packed_clips import audio_of, members, rows_by_id, stem_of
from tests.helpers import rows_of


def check_pairs(tar: Path, cuts: list[dict[str, Any]]) -> list[tuple[bytes, Any]]:
    """Check that a tar file has one pair per cut, as Lhotse's `TarIterator` expects; returns data and description."""
    contents, pairs = members(tar), []
    assert len(contents) == 2 * len(cuts)
    for cut, (name, data), (meta_name, meta) in zip(cuts, contents[::2], contents[1::2], strict=True):
        assert name.rpartition(".")[0] == meta_name.rpartition(".")[0] == cut["id"]
        is_missing = name.endswith(".nodata")
        assert meta_name.endswith(".nometa" if is_missing else ".json")
        pairs.append((data, None if is_missing else json.loads(meta)))
    return pairs


def test_cuts_and_tars_go_together_and_hold_the_bytes_of_the_data_set(data_set: Path, tmp_path: Path) -> None:
    export(data_set, tmp_path / "out", to="shar", shard_size=4)
    rows, ids, recording_ids = rows_by_id(data_set), [], []
    for cuts_path in sorted(tmp_path.glob("out/*/cuts.*.jsonl")):
        cuts = json_lines(cuts_path)
        for field in ("recording", "speech_stem", "noise_stem"):
            tar = cuts_path.with_name(cuts_path.name.replace("cuts.", f"{field}.").replace(".jsonl", ".tar"))
            for cut, (data, recording) in zip(cuts, check_pairs(tar, cuts), strict=True):
                row = rows[cut["id"]]
                stem = field.removesuffix("_stem")
                assert data == (audio_of(data_set, row) if field == "recording" else stem_of(data_set, row, stem))
                assert recording == (cut[field] if field == "recording" else cut["custom"][field])
                recording_ids.append(recording["id"])
                assert recording["sources"] == [{"type": "shar", "channels": [0], "source": ""}]
                assert (recording["num_samples"], recording["duration"]) == (row["num_samples"], row["duration"])
        ids += [cut["id"] for cut in cuts]
    assert sorted(ids) == sorted(rows)
    assert len(set(recording_ids)) == 3 * len(rows)


def test_nothing_else_is_in_the_folder_of_a_split(data_set: Path, tmp_path: Path) -> None:
    """Lhotse takes every file there for a field, and fails if one has not as many shards as there are cuts."""
    export(data_set, tmp_path / "out", to="shar", shard_size=4)
    names = sorted(path.name for path in (tmp_path / "out/train").iterdir())
    fields = ("cuts", "noise_stem", "recording", "speech_stem")
    assert [name.split(".")[0] for name in names] == [field for field in fields for _ in range(2)]


def test_a_clip_without_a_stem_has_marks_in_its_place(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    rows = rows_of(data_set / "manifest.jsonl")
    rows[1]["stems"] = dict.fromkeys(rows[1]["stems"])
    rewrite(data_set, rows)
    export(data_set, tmp_path / "out", to="shar", shard_size=100)
    cuts = json_lines(tmp_path / "out/train/cuts.000000.jsonl")
    missing = check_pairs(tmp_path / "out/train/noise_stem.000000.tar", cuts)[1]
    assert missing == (b"", None)
    assert "noise_stem" not in cuts[1]["custom"]
    assert "noise_stem" in cuts[0]["custom"]


def test_without_stems_there_are_no_tars_of_stems(tmp_path: Path) -> None:
    data_set = awkward_set(tmp_path)
    rows = rows_of(data_set / "manifest.jsonl")
    for row in rows:
        row["stems"] = dict.fromkeys(row["stems"])
    rewrite(data_set, rows)
    shutil.rmtree(data_set / "stems")
    export(data_set, tmp_path / "out", to="shar", shard_size=100)
    assert sorted(path.name for path in (tmp_path / "out/train").iterdir()) == [
        "cuts.000000.jsonl",
        "recording.000000.tar",
    ]
