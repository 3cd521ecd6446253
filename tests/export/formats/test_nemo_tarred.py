from __future__ import annotations

from pathlib import Path

import yaml

from synth.commands.export import export
from tests.export.exported_set import json_lines
from tests.export.packed_clips import audio_of, members, rows_by_id


def test_shards_are_numbered_within_their_split_and_members_follow_their_manifest(
    data_set: Path, tmp_path: Path
) -> None:
    export(data_set, tmp_path / "out", to="nemo_tarred", shard_size=4)
    for split, shards in {"train": 2, "train-dev": 1}.items():
        folder, rows, lines = tmp_path / "out" / split, rows_by_id(data_set, split), []
        assert len(list(folder.glob("audio_*.tar"))) == shards
        for number in range(shards):
            manifest = json_lines(folder / f"sharded_manifests/manifest_{number}.json")
            assert {line["shard_id"] for line in manifest} == {number}
            contents = members(folder / f"audio_{number}.tar")
            assert [name for name, _ in contents] == [line["audio_filepath"] for line in manifest]
            for (_, data), line in zip(contents, manifest, strict=True):
                assert data == audio_of(data_set, rows[line["id"]])
            lines += manifest
        assert [line["id"] for line in lines] == list(rows)
        assert json_lines(folder / "tarred_audio_manifest.json") == lines
        metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
        assert (metadata["num_samples_per_shard"], metadata["dataset_config"]["num_shards"]) == (4, shards)


def test_values_are_those_of_the_manifest_for_nemo(data_set: Path, tmp_path: Path) -> None:
    export(data_set, tmp_path / "list", to="nemo")
    export(data_set, tmp_path / "out", to="nemo_tarred", shard_size=100)
    listed = {line["id"]: line for path in tmp_path.glob("list/*.jsonl") for line in json_lines(path)}
    packed = [line for path in tmp_path.glob("out/*/tarred_audio_manifest.json") for line in json_lines(path)]
    assert len(packed) == len(listed) == 8
    for line in packed:
        name, shard = line.pop("audio_filepath"), line.pop("shard_id")
        assert (name, shard) == (f"{line['id']}.flac", 0)
        assert line == {k: v for k, v in listed[line["id"]].items() if k != "audio_filepath"}


def test_what_is_lost_is_counted(data_set: Path, tmp_path: Path) -> None:
    content = export(data_set, tmp_path / "out", to="nemo_tarred").content
    assert {each["what"]: each["clips"] for each in content["lost"]} == {"no_text": 1, "stems": 8}
