"""Lhotse reads and validates what `synth export` writes for it, and its sampler visits every cut once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.consumers.comparison import Row, differing, same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]


def speech_span(row: Row) -> list[int]:
    """Where the speech begins and how long it is, in samples."""
    return [row["speech"]["onset"], row["speech"]["num_samples"]]


def alignment(row: Row) -> list[Any] | None:
    return [[word, start, length, None] for word, start, length in row["alignment"]] if row["alignment"] else None


def check(printed: dict[str, Any], rows: list[Row]) -> None:
    pairs = same_audio(printed["clips"], rows)
    for clip, row in pairs:
        (supervision,) = clip["supervisions"]
        span = [round(supervision[name] * row["sampling_rate"]) for name in ("start", "duration")]
        assert (row["id"], span) == (row["id"], speech_span(row))
        assert supervision.get("text") == row["text"]
        assert supervision.get("speaker") == row["speaker"]
        assert (supervision.get("alignment") or {}).get("word") == alignment(row)
        assert (clip["start"], clip["duration"]) == (0, row["duration"])
        assert clip["declared_samples"] == row["num_samples"]
    for name in ("split", "stage", "weight", "source_id"):
        assert (
            differing(pairs, lambda clip, name=name: clip["custom"].get(name), lambda row, name=name: row[name]) == []
        )
    assert differing(pairs, lambda clip: clip["custom"]["synth"].get("labels"), lambda row: row["labels"]) == []
    assert sorted(printed["epoch"]) == sorted(row["id"] for row in rows)


def check_stems(printed: dict[str, Any], data: MadeSet, split: str) -> None:
    """Speech and noise are custom recordings, and each cut has its own."""
    for clip, row in zip(printed["clips"], data.of(split), strict=True):
        for name in ("speech", "noise"):
            samples, _ = soundfile.read(data.path / row["stems"][name], dtype="float32")
            assert clip["stems"][f"{name}_stem"] == hashlib.sha256(samples.tobytes()).hexdigest()


@pytest.mark.parametrize("split", ["train", "train-dev"])
def test_shar(made_set: MadeSet, export: Export, split: str) -> None:
    printed = run_reader("torch", "lhotse_shar", export("shar") / split)
    check(printed, made_set.of(split))
    check_stems(printed, made_set, split)


def test_shar_of_tars(tar_set: MadeSet, export_of_tars: Export) -> None:
    check(run_reader("torch", "lhotse_shar", export_of_tars("shar") / "train"), tar_set.of("train"))


@pytest.mark.parametrize("split", ["train", "train-dev"])
def test_cuts(made_set: MadeSet, export: Export, split: str) -> None:
    printed = run_reader("torch", "lhotse_cuts", export("lhotse") / f"cuts_{split}.jsonl")
    check(printed, made_set.of(split))
    check_stems(printed, made_set, split)


def test_cuts_without_margins(made_set: MadeSet, export: Export) -> None:
    """With --cut-margins, a cut is its supervision, exact to the sample: what icefall needs."""
    printed = run_reader("torch", "lhotse_cuts", export("lhotse", "--cut-margins") / "cuts_train.jsonl")
    rows = made_set.of("train")
    assert [clip["id"] for clip in printed["clips"]] == [row["id"] for row in rows]
    for clip, row in zip(printed["clips"], rows, strict=True):
        (supervision,) = clip["supervisions"]
        seconds = row["speech"]["num_samples"] / row["sampling_rate"]
        assert (supervision["start"], supervision["duration"], clip["duration"]) == (0, seconds, seconds)
        samples, _ = soundfile.read(made_set.path / row["audio_filepath"], dtype="int16")
        speech = samples[row["speech"]["onset"] :][: row["speech"]["num_samples"]]
        assert clip["pcm_sha256"] == hashlib.sha256(speech.tobytes()).hexdigest()
