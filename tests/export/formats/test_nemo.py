"""Manifests for NeMo: every row, its values, groups by stage, weights, and what NeMo's reader does with them."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from synth.commands.dataset import verify
from synth.commands.export import export
from synth.errors import UsageError
from tests.export.exported_set import json_lines, rewrite
from tests.export.formats.conftest import Exporter, Row, lost
from tests.helpers import rows_of
from tests.small_set import make_inline, make_sources, plan_into

MANIFESTS = ("train_warm_up.jsonl", "train_last.jsonl", "train-dev.jsonl")


def all_lines(out: Path) -> dict[str, Row]:
    return {line["id"]: line for name in MANIFESTS for line in json_lines(out / name)}


def test_every_row_is_in_the_manifest_of_its_split_and_stage(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("nemo")
    assert sorted(result.content["files"]) == ["input_cfg.yaml", *sorted(MANIFESTS)]
    for name, split, stage in zip(MANIFESTS, ("train", "train", "train-dev"), ("warm_up", "last", None), strict=True):
        expected = [row["id"] for row in rows if (row["split"], row["stage"]) == (split, stage)]
        assert [line["id"] for line in json_lines(out / name)] == expected != []


def test_values_are_those_of_the_row(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    result = exporter("nemo")
    lines = all_lines(out)
    for row in rows:
        line = lines[row["id"]]
        assert line["text"] == (row["text"] or "")
        assert line.get("_skipme", False) is (row["text"] is None)
        for key in ("duration", "num_samples", "sampling_rate", "labels", "source_id", "split"):
            assert line[key] == row[key]
        for key in ("speaker", "alignment", "weight", "stage", "condition"):
            assert line.get(key) == row[key]
        assert line["snr_db"] == row["snr_db"]["measured"]
        assert round(line["speech_onset"] * row["sampling_rate"]) == row["speech"]["onset"]
    assert lost(result) == {"no_text": 1, "weights": 6}


def test_paths_lead_to_the_audio(data_set: Path, tmp_path: Path, rows: list[Row]) -> None:
    expected = {row["id"]: row["audio_filepath"] for row in rows}
    for paths, root in {
        "relative": os.path.relpath(data_set, tmp_path / "relative"),
        "absolute": str(data_set),
        "s3://bucket/a set/": "s3://bucket/a set",
        "/": "",
    }.items():
        out = tmp_path / paths.replace("/", "_")
        export(data_set, out, to="nemo", paths=paths)
        assert {key: line["audio_filepath"] for key, line in all_lines(out).items()} == {
            key: f"{root}/{path}" for key, path in expected.items()
        }
    line = json_lines(tmp_path / "relative" / "train-dev.jsonl")[0]
    assert (tmp_path / "relative" / line["audio_filepath"]).is_file()


def test_cut_margins_start_at_the_speech(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    """With a rate in the row, NeMo's reader takes `duration` for the length of the file, and cannot cut."""
    exporter("nemo", cut_margins=True)
    lines = all_lines(out)
    for row in rows:
        line, rate = lines[row["id"]], row["sampling_rate"]
        assert "sampling_rate" not in line
        assert round(line["offset"] * rate) == row["speech"]["onset"] > 0
        assert round(line["duration"] * rate) == row["speech"]["num_samples"] == line["num_samples"]
        if row["alignment"]:
            assert line["alignment"] == [["word", 0.0, 0.1], ["näxt", 0.1, 0.2]]


def input_cfg(out: Path) -> list[dict[str, Any]]:
    """The values of `input_cfg.yaml`: a list of flat mappings, with one mapping below `tags`."""
    groups: list[dict[str, Any]] = []
    for line in (out / "input_cfg.yaml").read_text().splitlines():
        if line.startswith("#"):
            continue
        key, _, value = line[2:].partition(":")
        if line.startswith("- "):
            groups.append({})
        groups[-1][key.strip()] = json.loads(value) if value.strip().startswith('"') else value.strip()
    return groups


def test_a_manifest_weighs_its_hours_times_the_weights_of_its_clips(
    exporter: Exporter, out: Path, rows: list[Row]
) -> None:
    exporter("nemo")
    groups = input_cfg(out)
    assert [group["stage"] for group in groups] == ["warm_up", "last"]  # train-dev is no group to train on
    for group in groups:
        expected = sum(
            row["weight"] * row["duration"]
            for row in rows
            if row["stage"] == group["stage"] and row["text"] is not None
        )
        assert float(group["weight"]) == pytest.approx(expected / 3600, abs=1e-9)
        assert Path(group["manifest_filepath"]) == (out / f"train_{group['stage']}.jsonl").resolve()


def test_duration_bins_rise_and_lie_between_the_shortest_and_the_longest(
    exporter: Exporter, out: Path, rows: list[Row]
) -> None:
    exporter("nemo")
    comment = next(line for line in (out / "input_cfg.yaml").read_text().splitlines() if "bucket_duration_bins" in line)
    bins = json.loads(comment.partition(": ")[2])
    durations = [row["duration"] for row in rows if row["split"] == "train"]
    assert bins == sorted(bins)
    assert min(durations) <= bins[0] <= bins[-1] <= max(durations) + 0.001


def test_a_reference_in_a_path_is_no_reference(data_set: Path, tmp_path: Path) -> None:
    """OmegaConf would replace `${HOME}` by another key of the configuration."""
    out = tmp_path / "${HOME} 🚗"
    export(data_set, out, to="nemo")
    assert {group["manifest_filepath"] for group in input_cfg(out)} == {
        str(out.parent / "\\${HOME} 🚗" / f"train_{stage}.jsonl") for stage in ("warm_up", "last")
    }


def test_clips_are_not_skipped_if_none_has_a_text(tmp_path: Path, data_set: Path, rows: list[Row]) -> None:
    import shutil

    shutil.copytree(data_set, tmp_path / "set")
    rewrite(tmp_path / "set", [{**row, "text": None} for row in rows])
    result = export(tmp_path / "set", tmp_path / "out", to="nemo")
    assert lost(result)["no_texts"] == 8
    assert {line.get("_skipme") for line in all_lines(tmp_path / "out").values()} == {None}


def test_a_way_that_nemo_does_not_follow_is_refused(data_set: Path, tmp_path: Path) -> None:
    """NeMo takes a relative path of 255 characters or more as it is."""
    deep = tmp_path.joinpath(*["d" * 40] * 3)
    far = deep.joinpath(*[f"{k}" for k in range(60)])
    with pytest.raises(UsageError, match="too long for NeMo"):
        export(data_set, far, to="nemo")
    export(data_set, far, to="nemo", paths="absolute")


@pytest.mark.parametrize("kind", ["nemo", "nemo_tarred"])
@pytest.mark.parametrize("name", ["copy (1)", "a[0]", "<new>", "x_OP_0_CL_", "{a,b}"])
def test_folders_that_nemo_takes_for_lists_are_refused(data_set: Path, tmp_path: Path, kind: str, name: str) -> None:
    """NeMo puts braces in the place of these characters and looks for another folder."""
    with pytest.raises(UsageError, match=r"NeMo takes .* for a part of a list of paths"):
        export(data_set, tmp_path / name / "out", to=kind)
    assert not (tmp_path / name).exists()


def tar_set(folder: Path) -> Path:
    dataset = plan_into(make_sources(folder), folder / "set", ["output.layout=tar"])
    make_inline(dataset, range(3))
    return folder / "set"


def test_clips_in_tar_files_are_named_as_members_with_the_tar_files_in_the_configuration(tmp_path: Path) -> None:
    """NeMo finds a row by the whole name of the member, and the tar file by the number in its name."""
    data_set, out = tar_set(tmp_path), tmp_path / "out"
    result = export(data_set, out, to="nemo")
    assert verify(out).findings == []
    (entry,) = yaml.safe_load((out / "input_cfg.yaml").read_text())
    assert yaml.safe_load((out / "input_cfg_train.yaml").read_text()) == [entry]
    assert entry["type"] == "nemo_tarred"
    assert entry["skip_missing_manifest_entries"] is True
    assert entry["manifest_filepath"] == str(out / "tarred_train.jsonl")
    lines = {line["audio_filepath"]: line for line in json_lines(out / "tarred_train.jsonl")}
    contents = {}
    for path in entry["tarred_audio_filepaths"]:
        number = int(re.search(r"audio[^/]*_(\d+)[^/]*\.tar", path)[1])  # type: ignore[index]
        with tarfile.open(path) as tar:
            contents.update({member.name: number for member in tar if not member.name.endswith(".json")})
    assert {name: line["shard_id"] for name, line in lines.items()} == contents
    assert sorted(line["id"] for line in lines.values()) == sorted(
        row["id"] for row in rows_of(data_set / "manifest.jsonl")
    )
    assert any("input_cfg_train.yaml" in line for line in result.reading)


def test_margins_are_not_cut_in_tar_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--cut-margins: NeMo cuts no clip in a tar file by less than 0\.2 s"):
        export(tar_set(tmp_path), tmp_path / "out", to="nemo", cut_margins=True)


def test_a_prefix_begins_the_paths_of_tar_files(tmp_path: Path) -> None:
    export(tar_set(tmp_path), tmp_path / "out", to="nemo", paths="/mnt/car")
    (entry,) = yaml.safe_load((tmp_path / "out" / "input_cfg.yaml").read_text())
    assert {Path(path).parent.as_posix() for path in entry["tarred_audio_filepaths"]} == {"/mnt/car/audio/train"}


def test_tar_files_in_a_folder_that_nemo_takes_for_a_list_are_refused(tmp_path: Path) -> None:
    data_set = tar_set(tmp_path / "car (1)")
    with pytest.raises(UsageError, match=r"car \(1\)/set: NeMo takes \( in a path .* --paths a prefix without it$"):
        export(data_set, tmp_path / "out", to="nemo")
    export(data_set, tmp_path / "out", to="nemo", paths="/mnt/car")
