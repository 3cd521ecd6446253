"""SpeechBrain's DynamicItemDataset reads what `synth export` writes for it, braces and dollars in texts included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.consumers.comparison import same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]


@pytest.mark.parametrize("paths", ["relative", "absolute"])
@pytest.mark.parametrize("split", ["train", "train-dev"])
def test_export(made_set: MadeSet, export: Export, split: str, paths: str) -> None:
    folder = export("speechbrain", "--paths", paths)
    printed = run_reader("torch", "speechbrain_json", folder / f"{split}.json", folder)
    for clip, row in same_audio(printed["clips"], made_set.of(split)):
        values = clip["values"]
        assert values["length"] == row["duration"]
        assert values["words"] == row["text"]
        assert values["spk_id"] == row["speaker"]
        for name in ("labels", "weight", "stage", "alignment", "source_id"):
            assert values[name] == row[name]
