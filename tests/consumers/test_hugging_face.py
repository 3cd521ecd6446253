"""`datasets.load_dataset` reads a data set, and what `synth export` writes for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.consumers.comparison import differing, same_audio, without_places
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]


def test_a_data_set_is_a_data_set(made_set: MadeSet) -> None:
    """The card names its splits and lists, so that `load_dataset(DIR)` returns the rows of the manifest."""
    printed = run_reader("light", "hugging_face", made_set.path)
    clips = {(clip["split"], clip["id"]): clip["row"] for clip in printed["clips"]}
    expected = {(row["split"].replace("-", "_"), row["id"]): row for row in made_set.rows}
    assert clips.keys() == expected.keys()
    for key, row in expected.items():
        for name in ("text", "duration", "audio_filepath", "speaker", "weight", "stage", "pcm_sha256"):
            assert clips[key][name] == row[name]


def test_parquet(made_set: MadeSet, export: Export) -> None:
    """Audio columns of the right rate hold the files as they are; the splits, texts, labels and numbers are the manifest's."""
    printed = run_reader("light", "hugging_face", export("huggingface"))
    assert set(printed["features"]) == {"train", "train_dev"}
    for features in printed["features"].values():
        for column in ("audio", "speech_stem", "noise_stem"):
            assert f"'{column}': Audio(sampling_rate=16000" in features
    pairs = same_audio(printed["clips"], made_set.of("train", "train-dev"))
    assert differing(pairs, lambda clip: clip["split"], lambda row: row["split"].replace("-", "_")) == []
    for name in ("text", "speaker", "duration", "num_samples", "split", "stage", "weight", "source_id"):
        assert differing(pairs, lambda clip, name=name: clip["row"][name], lambda row, name=name: row[name]) == []
    for label in ("accent", "street"):
        name = f"label_{label}"
        wrong = differing(
            pairs, lambda clip, name=name: clip["row"][name], lambda row, label=label: (row["labels"] or {}).get(label)
        )
        assert wrong == []
    assert differing(pairs, lambda clip: without_places(json.loads(clip["row"]["row"])), without_places) == []
    assert differing(pairs, lambda clip: clip["path"], lambda row: f"{row['id']}.flac") == []
    for name in ("speech", "noise"):
        stem, digest = f"{name}_stem", f"{name}_sha256"
        wrong = differing(
            pairs, lambda clip, stem=stem: clip["stems"][stem], lambda row, digest=digest: row["stems"][digest]
        )
        assert wrong == []
