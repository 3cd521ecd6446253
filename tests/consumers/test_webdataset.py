"""The webdataset library reads tars that `synth export` and `synth generate` write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.consumers.comparison import Row, same_audio, without_places
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]


@pytest.mark.parametrize("split", ["train", "train-dev"])
def test_export(made_set: MadeSet, export: Export, split: str) -> None:
    tars = sorted(export("webdataset").glob(f"{split}-[0-9]*.tar"))
    printed = run_reader("light", "webdataset_tars", *tars)
    for clip, row in same_audio(printed["clips"], made_set.of(split)):
        assert without_places(clip["row"]) == without_places(row)
        assert clip["stems"] == {f"{name}.flac": row["stems"][f"{name}_sha256"] for name in ("speech", "noise")}
        assert clip["row"]["audio_filepath"] == f"{row['id']}.flac"


def test_tars_that_generate_wrote_are_read_in_place(tar_set: MadeSet) -> None:
    """With `output.layout: tar`, the tars of a split are WebDataset shards: audio, and the row of the manifest beside it."""
    for split in ("train", "train-dev"):
        tars = sorted((tar_set.path / "audio" / split).glob("*.tar"))
        assert len(tars) > 2
        printed = run_reader("light", "webdataset_tars", *tars)
        for clip, row in same_audio(printed["clips"], tar_set.of(split)):
            assert without_offset(clip["row"]) == without_offset(row)


def without_offset(row: Row) -> Row:
    """A row without what only the manifest knows: where the tar holds the clip."""
    return {name: value for name, value in row.items() if name != "tar_offset"}


def test_export_of_tars(made_set: MadeSet, tar_set: MadeSet, export_of_tars: Export) -> None:
    """Where a data set keeps its clips makes no difference to what is exported."""
    tars = sorted(export_of_tars("webdataset").glob("train-[0-9]*.tar"))
    printed = run_reader("light", "webdataset_tars", *tars)
    same_audio(printed["clips"], tar_set.of("train"))
    same_audio(printed["clips"], made_set.of("train"))
