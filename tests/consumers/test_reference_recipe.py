"""A thousand clips of the reference recipe through every reader: samples bit-identical, texts equal, lengths exact.

Only with SYNTH_LONG=1. The other tests of this folder read a small data set with awkward rows, which finds more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.comparison import Row, same_audio
from tests.consumers.conftest import MadeSet, exporter
from tests.consumers.environments import run_reader
from tests.consumers.test_kaldi import key_of
from tests.helpers import LONG, ROOT, rows_of, run_synth

pytestmark = pytest.mark.skipif(not LONG, reason="SYNTH_LONG=1 reads a thousand clips with every reader")
COPIES = 17  # of 60 utterances
Clips = list[dict[str, Any]]


def read_by_split(folder: Path, splits: list[str], environment: str, script: str, of: Callable[..., Any]) -> Clips:
    return [clip for split in splits for clip in run_reader(environment, script, *of(folder, split))["clips"]]


def tarred(folder: Path, split: str) -> tuple[str, ...]:
    last = len(list((folder / split).glob("audio_*.tar"))) - 1
    numbers = f"_OP_0..{last}_CL_" if last else "0"
    manifests = f"{folder}/{split}/sharded_manifests/manifest_{numbers}.json"
    return "all", manifests, f"{folder}/{split}/audio_{numbers}.tar"


def tars(folder: Path, split: str) -> list[Path]:
    return sorted(folder.glob(f"{split}-[0-9]*.tar"))


READERS: dict[tuple[str, str], tuple[str, Callable[..., Any]]] = {
    ("lhotse", "lhotse_cuts"): ("torch", lambda folder, split: [folder / f"cuts_{split}.jsonl"]),
    ("shar", "lhotse_shar"): ("torch", lambda folder, split: [folder / split]),
    ("nemo", "nemo_list"): ("torch", lambda folder, split: [folder / f"{split}.jsonl"]),
    ("nemo_tarred", "nemo_tarred"): ("torch", tarred),
    ("kaldi", "kaldi_dir"): ("light", lambda folder, split: [folder / split]),
    ("kaldi", "lhotse_kaldi"): ("torch", lambda folder, split: [folder / split]),
    ("espnet", "espnet_set"): ("torch", lambda folder, split: [folder / split]),
    ("speechbrain", "speechbrain_json"): ("torch", lambda folder, split: [folder / f"{split}.json", folder]),
    ("webdataset", "webdataset_tars"): ("light", tars),
}
"""By format and reader: the environment, and the arguments of the reader for a split."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    out = tmp_path_factory.mktemp("reference") / "set"
    options = ("--set", f"copies={COPIES}", "--set", "output.shard_size=128")
    done = run_synth("generate", ROOT / "recipes" / "reference.yaml", "--out", out, "--jobs", "2", *options)
    assert done.returncode == 0, done.stderr
    rows = rows_of(out / "manifest.jsonl")
    assert len(rows) == 60 * COPIES
    assert all(row["text"] for row in rows)
    return MadeSet(out, rows)


@pytest.fixture(scope="module")
def export(reference: MadeSet) -> Callable[..., Path]:
    return exporter(reference)


@pytest.mark.parametrize(("name", "script"), READERS, ids=lambda word: word)
def test_every_clip(reference: MadeSet, export: Callable[..., Path], name: str, script: str) -> None:
    environment, of = READERS[name, script]
    splits = list(dict.fromkeys(row["split"] for row in reference.rows))
    clips = read_by_split(export(name), splits, environment, script, of)
    rows = [{**row, "id": key_of(row)} for row in reference.rows] if name in ("kaldi", "espnet") else reference.rows
    check(clips, rows)


def test_every_clip_of_hugging_face(reference: MadeSet, export: Callable[..., Path]) -> None:
    clips = run_reader("light", "hugging_face", export("huggingface"))["clips"]
    check(clips, reference.rows)


def check(clips: Clips, rows: list[Row]) -> None:
    for clip, row in same_audio(clips, rows, in_order=False):
        values = clip.get("values") or clip.get("row") or {}
        text = clip.get("text", values.get("text", values.get("words")))
        assert text == row["text"]
        assert clip.get("duration", row["duration"]) == row["duration"]
