"""Rows of a data set that was made to do harm are refused, and nothing is written outside of the export."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.commands.export import export
from synth.dataset.dataset_json import content_digest, to_text
from synth.dataset.manifest import to_line
from synth.errors import DamagedDataset
from synth.export.formats import FORMATS
from tests.export.exported_set import awkward_set
from tests.helpers import rows_of

Row = dict[str, Any]


def put(*keys: str, value: Any) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        for key in keys[:-1]:
            row = row[key]
        row[keys[-1]] = value

    return change


HOSTILE: dict[str, tuple[Callable[[Row], None], str]] = {
    "a command": (put("audio_filepath", value="audio/x.flac; rm -rf ~ |"), "is none of a data set"),
    "a pipe": (put("audio_filepath", value="|sh"), "is none of a data set"),
    "an absolute path": (put("audio_filepath", value="/etc/passwd"), "is none of a data set"),
    "a path that leads out": (put("audio_filepath", value="audio/../../x.flac"), "is none of a data set"),
    "a stem that leads out": (put("stems", "speech", value="../x.flac"), "is none of a data set"),
    "a path with a line end": (put("audio_filepath", value="audio/x\ny.flac"), "is none of a data set"),
    "a stage that is a path": (put("stage", value="../../../x"), "is no name of synth"),
    "an id that is a path": (put("id", value="../x"), "is no name of synth"),
    "an id of two words": (put("id", value="a b"), "is no name of synth"),
    "a source that is a path": (put("source_id", value="../x"), "is no name of synth"),
    "another split": (put("split", value="train-dev"), "its split is 'train-dev'"),
    "another rate": (put("sampling_rate", value=0), "its sampling_rate is 0"),
    "speech outside": (put("speech", "onset", value=10**9), "its speech lies outside of the clip"),
    "a text that is a number": (put("text", value=1), "text is 1, expected a text"),
    "a row of others": (lambda row: row.pop("pcm_sha256"), "pcm_sha256 is missing"),
}


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return awkward_set(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def train_rows(data_set: Path) -> list[Row]:
    return rows_of(data_set / "train.jsonl")


@pytest.mark.parametrize("name", HOSTILE)
def test_rows_that_do_harm_are_refused(data_set: Path, train_rows: list[Row], tmp_path: Path, name: str) -> None:
    harm, message = HOSTILE[name]
    rows = copy.deepcopy(train_rows)
    harm(rows[1])
    write_manifest(data_set, rows)
    for to in FORMATS:
        out = tmp_path / "deep" / "deeper" / to
        with pytest.raises(DamagedDataset, match="clip") as caught:
            export(data_set, out, to=to, shard_size=100)
        assert message in str(caught.value), to
        assert not (out / "export.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["deeper"]


def write_manifest(data_set: Path, rows: list[Row]) -> None:
    """Give the split train these rows, and dataset.json their hash."""
    data = "".join(f"{to_line(row)}\n" for row in rows).encode()
    (data_set / "train.jsonl").write_bytes(data)
    content = json.loads((data_set / "dataset.json").read_text())
    content["files"]["train.jsonl"] = hashlib.sha256(data).hexdigest()
    content["sha256"] = content_digest(content)
    (data_set / "dataset.json").write_text(to_text(content))
