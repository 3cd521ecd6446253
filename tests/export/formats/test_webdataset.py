from __future__ import annotations

import json
from pathlib import Path

import yaml

from synth.archives.tar_writer import MAX_NAME_BYTES
from synth.commands.export import export
from synth.export.formats.webdataset import member_key
from tests.export.packed_clips import audio_of, members, rows_by_id, stem_of


def test_a_clip_is_four_neighbors_with_the_bytes_of_the_data_set(data_set: Path, tmp_path: Path) -> None:
    export(data_set, tmp_path / "out", to="webdataset", shard_size=4)
    names = ["train-000000.tar", "train-000001.tar", "train-dev-000000.tar"]
    assert sorted(path.name for path in tmp_path.glob("out/*.tar")) == names
    contents = [each for name in names for each in members(tmp_path / "out" / name)]
    rows = {**rows_by_id(data_set, "train"), **rows_by_id(data_set, "train-dev")}
    endings = ("flac", "json", "speech.flac", "noise.flac")
    assert [name for name, _ in contents] == [f"{clip_id}.{ending}" for clip_id in rows for ending in endings]
    files = dict(contents)
    for clip_id, row in rows.items():
        assert files[f"{clip_id}.flac"] == audio_of(data_set, row)
        assert files[f"{clip_id}.speech.flac"] == stem_of(data_set, row, "speech")
        assert files[f"{clip_id}.noise.flac"] == stem_of(data_set, row, "noise")
        inside = json.loads(files[f"{clip_id}.json"])
        assert inside["audio_filepath"] in files
        assert files[inside["stems"]["noise"]] == files[f"{clip_id}.noise.flac"]
        names_of_files = ("audio_filepath", "stems")
        assert {k: v for k, v in inside.items() if k not in names_of_files} == {
            k: v for k, v in row.items() if k not in names_of_files
        }


def test_the_card_names_the_files_of_each_split(data_set: Path, tmp_path: Path) -> None:
    export(data_set, tmp_path / "out", to="webdataset", shard_size=4)
    head = yaml.safe_load((tmp_path / "out/README.md").read_text().split("---\n")[1])
    files = {each["split"]: each["path"] for each in head["configs"][0]["data_files"]}
    matched = {split: sorted(path.name for path in tmp_path.glob(f"out/{path}")) for split, path in files.items()}
    assert matched == {
        "train": ["train-000000.tar", "train-000001.tar"],  # without those of train-dev
        "train_dev": ["train-dev-000000.tar"],
    }
    counts = {each["name"]: each["num_examples"] for each in head["dataset_info"]["splits"]}
    assert counts == {"train": 6, "train_dev": 2}
    sizes = {each["name"]: each["num_bytes"] for each in head["dataset_info"]["splits"]}
    assert sizes["train_dev"] == (tmp_path / "out/train-dev-000000.tar").stat().st_size
    assert {each["name"] for each in head["dataset_info"]["features"]} == {
        *("flac", "speech.flac", "noise.flac", "json", "__key__", "__url__")
    }


def test_the_longest_ids_fit_into_a_tar_file_and_stay_distinct() -> None:
    ids = [f"{'x' * 80}_{hash_}-v{copy}" for hash_ in ("0123abcd", "0123abce") for copy in (0, 12345)]
    keys = [member_key(each) for each in ids]
    assert len(set(keys)) == len(ids)
    assert all(len(f"{key}.speech.flac") <= MAX_NAME_BYTES for key in keys)
    assert member_key("ada_0123abcd-v0") == "ada_0123abcd-v0"
