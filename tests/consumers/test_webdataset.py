"""The webdataset library reads tars that `synth export` and `synth generate` write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.consumers.comparison import Row, same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]
#: What an export changes in the row of a clip: paths.
PATHS = ("audio_filepath", "stems")


def without_paths(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in PATHS}


@pytest.mark.parametrize("split", ["train", "train-dev"])
def test_export(made_set: MadeSet, export: Export, split: str) -> None:
    tars = sorted(export("webdataset").glob(f"{split}-[0-9]*.tar"))
    printed = run_reader("light", "webdataset_tars", *tars)
    for clip, row in same_audio(printed["clips"], made_set.of(split)):
        assert without_paths(clip["row"]) == without_paths(row)
        assert clip["stems"] == {"speech.flac": row["num_samples"], "noise.flac": row["num_samples"]}
        assert clip["row"]["audio_filepath"] == f"{row['id']}.flac"
