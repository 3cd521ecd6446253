"""What Lhotse, datasets and webdataset write is read as a source: every sample, text and speaker."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.audio.read import read_samples
from synth.catalog.scan import scan
from synth.recipe.model import Limits, Source
from tests.consumers.conftest import TEXTS
from tests.consumers.environments import run_reader
from tests.helpers import FIXTURES

ONE_LINE = [" ".join(text.split()) for text in TEXTS if text]
"""Texts without line breaks and doubled spaces, which Kaldi's files cannot hold."""


def spoken_clips(folder: Path, *, as_wav: bool = False) -> tuple[Path, list[dict[str, Any]]]:
    """Clips of the fixtures, each with a supervision of a part of it. For FLAC, Lhotse writes pipes into wav.scp."""
    clips = []
    with (FIXTURES / "speech" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for k, row in zip(range(11), csv.DictReader(file), strict=False):
            path = FIXTURES / "speech" / row["path"]
            samples, rate = soundfile.read(path, dtype="int16")
            frames = len(samples)
            if as_wav:
                path = folder / f"{path.stem}.wav"
                soundfile.write(path, samples, rate)
            span = {"start": 0.125, "duration": (frames - 4000) / 16000}
            text = f"{ONE_LINE[k % len(ONE_LINE)]} {k}"
            clips.append({"file": str(path), "id": f"clip-{k:02}", "text": text, "speaker": row["speaker"], **span})
    (folder / "clips.json").write_text(json.dumps(clips), encoding="utf-8")
    return folder / "clips.json", clips


def check(source: Source, clips: list[dict[str, Any]], *, parts: bool) -> None:
    catalog = scan([source], folder=Path("/"), limits=Limits())
    assert list(catalog.refused) == []
    assert len(catalog) == len(clips)
    by_text = {(clip["text"], clip["speaker"]): clip for clip in clips}
    for k, row in enumerate(catalog):
        clip = by_text[row.text or "", row.speaker or ""]
        expected, rate = soundfile.read(clip["file"])
        start = round(clip["start"] * rate) if parts else 0
        stop = start + round(clip["duration"] * rate) if parts else len(expected)
        samples, _ = read_samples(catalog.file(k), offset=row.offset, num_samples=row.num_samples)
        assert np.array_equal(samples, expected[start:stop])


def test_sets_of_lhotse(tmp_path: Path) -> None:
    listed, clips = spoken_clips(tmp_path, as_wav=True)
    run_reader("torch", "lhotse_sets", listed, tmp_path / "out", folder="writers")
    out, root = tmp_path / "out", str(tmp_path)
    for name, parts in (("manifests", True), ("cuts", False), ("trimmed", True), ("kaldi", True)):
        check(Source(name="s", path=root, manifest=str(out / name)), clips, parts=parts)
    check(Source(name="s", path=str(out / "shar")), clips, parts=True)
    for name, what in (("speed", "to be changed"), ("mixed", "is computed")):
        refused = scan(
            [Source(name="s", path=root, manifest=str(out / name))], folder=Path("/"), limits=Limits()
        ).refused
        assert len(refused) == len(clips)
        assert all(what in refusal.message for refusal in refused)


@pytest.mark.parametrize("name", ["huggingface", "webdataset"])
def test_sets_of_datasets_and_webdataset(tmp_path: Path, name: str) -> None:
    listed, clips = spoken_clips(tmp_path)
    run_reader("light", "light_sets", listed, tmp_path / "out", folder="writers")
    check(Source(name="s", path=str(tmp_path / "out" / name)), clips, parts=False)
