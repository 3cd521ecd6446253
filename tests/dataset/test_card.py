"""The dataset card names the files of the splits and the columns as the `datasets` library wants them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from synth.dataset.card import SPLIT_NAME, card_text, split_name
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.verify import verify
from synth.recipe.model import SPLITS
from tests.helpers import rows_of
from tests.small_set import make_inline, make_sources, plan_into


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DatasetDir:
    folder = tmp_path_factory.mktemp("card")
    dataset = plan_into(make_sources(folder), folder / "out")
    make_inline(dataset, range(3))
    return dataset


def head(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_every_split_has_a_name_that_hugging_face_takes() -> None:
    """D25: "Split name should match ... but got 'train-dev'"."""
    content = {
        "splits": {name: {"clips": k, "hours": 0.5} for k, name in enumerate(SPLITS, 1)},
        "versions": {"synth": "1"},
        "plan_digest": "f",
    }
    files = head(card_text(content, ["id"]))["configs"][0]["data_files"]
    assert files == [
        {"split": "train", "path": "train.jsonl"},
        {"split": "train_dev", "path": "train-dev.jsonl"},
        {"split": "train_dev_noise", "path": "train-dev-noise.jsonl"},
    ]
    assert all(SPLIT_NAME.fullmatch(split_name(name)) for name in SPLITS)


def test_a_split_without_clips_is_no_file_to_load() -> None:
    content = {
        "splits": {"train": {"clips": 2, "hours": 0.1}, "train-dev": {"clips": 0, "hours": 0.0}},
        "versions": {},
        "plan_digest": "f",
    }
    assert [file["split"] for file in head(card_text(content, ["id"]))["configs"][0]["data_files"]] == ["train"]
    assert head(card_text({**content, "splits": {}}, [])) == {"license": "unknown"}


def test_the_card_of_a_data_set_names_its_files_and_columns(made: DatasetDir) -> None:
    """D25: `load_dataset(DIR)` loaded one split `validation`, or failed on rows that differ."""
    text = made.card.read_text(encoding="utf-8")
    front = head(text)
    (config,) = front["configs"]
    assert config["config_name"] == "default"
    assert [rows_of(made.path / file["path"]) for file in config["data_files"]] == [rows_of(made.manifest)]
    types = {column["name"]: column["dtype"] for column in front["dataset_info"]["features"]}
    kinds = {"string": str, "int64": int, "float64": (int, float)}
    for row in rows_of(made.manifest):
        assert list(row) == list(types)
        for name, value in row.items():
            if types[name] != "json":
                assert value is None or isinstance(value, kinds[types[name]]), name  # type: ignore[arg-type]
    assert {name for name, kind in types.items() if kind == "json"} == {
        name for name, value in rows_of(made.manifest)[0].items() if isinstance(value, dict | list)
    } | {"alignment", "match_spectrum"}
    assert "| train | `train.jsonl` | 8 | 0.00 |" in text
    assert str(made.path) not in text


def test_the_card_is_part_of_the_data_set(made: DatasetDir) -> None:
    content = json.loads(made.dataset_json.read_text())
    assert "README.md" in content["files"]
    assert verify(made, quick=True).findings == []
    before = made.card.read_bytes()
    made.card.write_bytes(before + b"mine\n")
    assert [str(finding) for finding in verify(made, quick=True).findings] == [
        "README.md: is not as it was written (run synth finish)"
    ]
    made.card.write_bytes(before)
