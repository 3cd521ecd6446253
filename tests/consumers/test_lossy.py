"""Lhotse decodes Opus and MP3 to the samples whose hash the manifest has, and to exactly as many."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.audio.formats import LOSSY_FORMATS
from tests.consumers.comparison import same_audio
from tests.consumers.conftest import exporter, make_set
from tests.consumers.environments import run_reader


@pytest.mark.parametrize("file_format", sorted(LOSSY_FORMATS))
def test_lhotse(file_format: str, tmp_path: Path) -> None:
    made_set = make_set(tmp_path, f"format: {file_format}")
    export = exporter(made_set)
    printed = run_reader("torch", "lhotse_lossy", export("lhotse") / "cuts_train.jsonl", export("shar") / "train")
    for clips in (printed["clips"], printed["shar"]):
        for clip, row in same_audio(clips, made_set.of("train")):
            assert clip["declared_samples"] == row["num_samples"]
