"""NeMo takes the manifest as it is.

Short form: the rules of its reader (`nemo/collections/common/parts/preprocessing/manifest.py` of nemo_toolkit 3.0), written
out. Long form: that very file, where `SYNTH_TEST_NEMO` names the folder of an unpacked nemo_toolkit wheel; of the rest of
NeMo, which needs torch, it uses a logger and a look at the file's name for `s3://`.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import soundfile

from synth.commands.generate import generate
from tests.helpers import fixture_recipe

NEMO = os.environ.get("SYNTH_TEST_NEMO")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nemo")
    splits = "splits: {by: [speaker], train: 0.6, train-dev: 0.4}"
    generate(fixture_recipe(folder, splits=splits), folder / "out", jobs=2)
    return folder / "out"


def check_items(items: list[dict[str, Any]], manifest: Path) -> None:
    """What NeMo makes of a line is the audio, its duration, the text and the speaker."""
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert len(items) == len(rows) > 10
    for item, row in zip(items, rows, strict=True):
        info = soundfile.info(item["audio_file"])
        assert info.frames / info.samplerate == item["duration"] == row["duration"]
        assert item["text"] == row["text"]
        assert item["speaker"] == row["speaker"]
        assert item["offset"] is None


@pytest.mark.parametrize("name", ["manifest.jsonl", "train.jsonl", "train-dev.jsonl"])
def test_every_line_follows_the_rules_of_the_reader(made: Path, name: str) -> None:
    items = []
    for line in (made / name).read_text(encoding="utf-8").split("\n")[:-1]:
        item = json.loads(line)
        assert "audio_filename" not in item  # it would win over audio_filepath
        assert "offset" not in item
        relative = item["audio_filepath"]
        assert not Path(relative).is_absolute()
        assert len(relative) < 255
        assert len(Path(relative).parts) > 1  # a bare name is not looked up beside the manifest
        items.append({**item, "audio_file": made / relative, "offset": item.get("offset")})
    check_items(items, made / name)


if NEMO:

    @pytest.mark.parametrize("name", ["manifest.jsonl", "train.jsonl", "train-dev.jsonl"])
    def test_the_reader_itself(made: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        utils, data, log = (
            types.ModuleType(m) for m in ("nemo.utils", "nemo.utils.data_utils", "nemo.utils.nemo_logging")
        )
        utils.logging = logging  # type: ignore[attr-defined]
        data.DataStoreObject = lambda path: types.SimpleNamespace(get=lambda: path)  # type: ignore[attr-defined]
        data.get_datastore_object = lambda path, **kwargs: path  # type: ignore[attr-defined]
        data.is_datastore_path = lambda path: "://" in str(path)  # type: ignore[attr-defined]
        log.LogMode = types.SimpleNamespace(ONCE=1)  # type: ignore[attr-defined]
        for module in (types.ModuleType("nemo"), utils, data, log):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        path = Path(NEMO) / "nemo/collections/common/parts/preprocessing/manifest.py"
        spec = importlib.util.spec_from_file_location("nemo_manifest", path)
        assert spec and spec.loader
        reader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reader)
        check_items(list(reader.item_iter(str(made / name))), made / name)
