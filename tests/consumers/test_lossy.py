"""Clips in Opus and MP3: what readers decode, rounded to 16 bits, is what the manifest holds the hash of."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.audio.formats import LOSSY_FORMATS
from tests.consumers.comparison import same_audio
from tests.consumers.conftest import MadeSet, exporter, make_set
from tests.consumers.environments import run_reader
from tests.helpers import LONG


@pytest.fixture(scope="module", params=["opus", "mp3"] if LONG else ["opus"])
def lossy_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeSet:
    return make_set(tmp_path_factory.mktemp("lossy"), f"format: {request.param}, layout: tar")


def test_webdataset_in_place(lossy_set: MadeSet) -> None:
    tars = sorted((lossy_set.path / "audio" / "train").glob("*.tar"))
    printed = run_reader("light", "webdataset_tars", *tars)
    same_audio(printed["clips"], lossy_set.of("train"), lossy=True)


def test_hugging_face(lossy_set: MadeSet) -> None:
    printed = run_reader("light", "hugging_face", exporter(lossy_set)("huggingface"))
    same_audio(printed["clips"], lossy_set.of("train", "train-dev"), lossy=True)


def test_lhotse_and_nemo(lossy_set: MadeSet) -> None:
    export, rows = exporter(lossy_set), lossy_set.of("train")
    shar = run_reader("torch", "lhotse_shar", export("shar") / "train")
    same_audio(shar["clips"], rows, lossy=True)
    folder = export("nemo_tarred") / "train"
    tars = f"{folder}/audio__OP_0..2_CL_.tar"
    tarred = run_reader("torch", "nemo_tarred", "all", folder / "tarred_audio_manifest.json", tars)
    same_audio(tarred["clips"], [row for row in rows if row["text"] is not None], lossy=True)


@pytest.mark.parametrize("file_format", sorted(LOSSY_FORMATS))
def test_lhotse_of_files(file_format: str, tmp_path: Path) -> None:
    """Cuts that refer to files, and Shar made of files."""
    made_set = make_set(tmp_path, f"format: {file_format}")
    export = exporter(made_set)
    cuts = run_reader("torch", "lhotse_cuts", export("lhotse") / "cuts_train.jsonl")
    shar = run_reader("torch", "lhotse_shar", export("shar") / "train")
    for printed in (cuts, shar):
        for clip, row in same_audio(printed["clips"], made_set.of("train"), lossy=True):
            assert clip["declared_samples"] == row["num_samples"]
