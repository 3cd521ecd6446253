from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from synth.commands.export import export
from synth.export import parquet
from tests.export.packed_clips import audio_of, rows_by_id, stem_of
from tests.small_set import tree


def test_rows_and_files_are_those_of_the_data_set(data_set: Path, tmp_path: Path) -> None:
    from pyarrow.parquet import read_table

    export(data_set, tmp_path / "out", to="huggingface", shard_size=4)
    names = ["train-00000-of-00002", "train-00001-of-00002", "train_dev-00000-of-00001"]
    assert sorted(path.stem for path in tmp_path.glob("out/data/*")) == names
    table = [row for name in names for row in read_table(tmp_path / f"out/data/{name}.parquet").to_pylist()]
    rows = {**rows_by_id(data_set, "train"), **rows_by_id(data_set, "train-dev")}
    assert [each["id"] for each in table] == list(rows)
    for each, row in zip(table, rows.values(), strict=True):
        assert each["audio"] == {"bytes": audio_of(data_set, row), "path": f"{row['id']}.flac"}
        assert each["speech_stem"]["bytes"] == stem_of(data_set, row, "speech")
        assert each["noise_stem"]["bytes"] == stem_of(data_set, row, "noise")
        inside = json.loads(each["row"])
        assert inside | {key: row[key] for key in ("audio_filepath", "stems")} == row
        assert inside["stems"]["noise"] == each["noise_stem"]["path"]
        for key in ("text", "speaker", "duration", "num_samples", "weight", "stage", "condition"):
            assert each[key] == row[key]
        assert {name: each[f"label_{name}"] for name in row["labels"]} == row["labels"]
        words = each["alignment"]
        assert row["alignment"] == (words and [[word["word"], word["start"], word["duration"]] for word in words])


def test_the_card_names_the_files_of_each_split_and_counts_them(data_set: Path, tmp_path: Path) -> None:
    export(data_set, tmp_path / "out", to="huggingface", shard_size=4)
    head = yaml.safe_load((tmp_path / "out/README.md").read_text().split("---\n")[1])
    files = {each["split"]: each["path"] for each in head["configs"][0]["data_files"]}
    assert files == {"train": "data/train-*.parquet", "train_dev": "data/train_dev-*.parquet"}
    counts = {each["name"]: each["num_examples"] for each in head["dataset_info"]["splits"]}
    assert counts == {"train": 6, "train_dev": 2}
    assert head["dataset_info"]["download_size"] == sum(p.stat().st_size for p in tmp_path.glob("out/data/*"))
    assert (head["license"], head["size_categories"]) == ("unknown", ["n<1K"])


@pytest.mark.parametrize("name", ["huggingface", "webdataset", "shar", "nemo_tarred", "table_parquet"])
def test_the_number_of_workers_changes_no_byte(data_set: Path, tmp_path: Path, name: str) -> None:
    trees = []
    for jobs in (1, 3):
        folder = tmp_path / str(jobs) / "out"
        export(data_set, folder, to=name, shard_size=1, jobs=jobs)
        trees.append(tree(folder))
    assert trees[0] == trees[1]


def test_all_files_have_the_same_columns(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all values of a file are null."""
    from pyarrow.parquet import read_schema

    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1)
    export(data_set, tmp_path / "out", to="huggingface", shard_size=1)
    schemas = [read_schema(path) for path in tmp_path.glob("out/data/*")]
    assert len(schemas) == 8
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
