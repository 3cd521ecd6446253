"""kaldiio and Lhotse read Kaldi data directories, and ESPnet2 its own kind of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.consumers.comparison import Row, same_audio
from tests.consumers.conftest import MadeSet
from tests.consumers.environments import run_reader

Export = Callable[..., Path]
SPLITS = ("train", "train-dev")


def key_of(row: Row) -> str:
    """The utterance of a clip: the speaker comes first, so that sorting by utterances sorts by speakers."""
    if row["speaker"] is not None:
        return f"{row['speaker']}-{row['id']}"
    return row["id"]


def with_text(data: MadeSet, split: str) -> list[Row]:
    """The rows with a text, whose `id` is the utterance: the others are left out, because Kaldi needs a text."""
    rows = [row for row in data.of(split) if row["text"] is not None]
    return sorted(({**row, "id": key_of(row)} for row in rows), key=lambda row: row["id"].encode())


def words(text: str) -> list[str]:
    """A text as Kaldi has it: words between single spaces."""
    return text.split()


def check_tables(tables: dict[str, dict[str, str]], rows: list[Row]) -> None:
    """The rules of utils/validate_data_dir.sh: the same keys in every file, sorted by bytes, and two tables that agree."""
    keys = [row["id"] for row in rows]
    for name in ("text", "utt2spk", "utt2dur", "utt2uniq"):
        assert list(tables[name]) == keys == sorted(keys, key=str.encode)
    assert list(tables["wav.scp"]) == list(tables["reco2dur"]) == sorted(tables["wav.scp"], key=str.encode)
    members = {speaker: line.split() for speaker, line in tables["spk2utt"].items()}
    assert {key: speaker for speaker, keys in members.items() for key in keys} == tables["utt2spk"]
    assert list(members) == sorted(members, key=str.encode)
    assert list(tables["utt2spk"].values()) == sorted(tables["utt2spk"].values(), key=str.encode)
    assert not any(path.rstrip().endswith("|") for path in tables["wav.scp"].values())


def check_clips(clips: list[dict[str, Any]], rows: list[Row]) -> None:
    for clip, row in same_audio(clips, rows):
        assert words(clip["text"]) == words(row["text"])
        assert clip["speaker"] == row["speaker"]


@pytest.mark.parametrize("split", SPLITS)
def test_kaldiio(made_set: MadeSet, export: Export, split: str) -> None:
    printed = run_reader("light", "kaldi_dir", export("kaldi") / split)
    rows = with_text(made_set, split)
    check_tables(printed["tables"], rows)
    check_clips(printed["clips"], rows)
    for row in rows:
        assert float(printed["tables"]["utt2dur"][row["id"]]) == row["duration"]
        assert printed["tables"]["utt2uniq"][row["id"]] == row["source_id"]


def test_kaldiio_with_segments(made_set: MadeSet, export: Export) -> None:
    """With --cut-margins, `segments` holds the speech alone, exact to the sample."""
    cut = run_reader("light", "kaldi_dir", export("kaldi", "--cut-margins") / "train")
    rows = with_text(made_set, "train")
    check_tables(cut["tables"], rows)
    assert [clip["id"] for clip in cut["clips"]] == [row["id"] for row in rows]
    for clip, row in zip(cut["clips"], rows, strict=True):
        samples, _ = soundfile.read(made_set.path / row["audio_filepath"], dtype="int16")
        speech = samples[row["speech"]["onset"] :][: row["speech"]["num_samples"]]
        assert clip["pcm_sha256"] == hashlib.sha256(speech.tobytes()).hexdigest()


def test_lhotse_of_kaldi(made_set: MadeSet, export: Export) -> None:
    """Lhotse loads both kinds of directories and validates them with their audio; kaldiio and Lhotse cut the same samples."""
    rows = with_text(made_set, "train")
    printed = run_reader("torch", "lhotse_kaldi", export("kaldi") / "train")
    clips = [{**clip, "speaker": clip["supervisions"][0]["speaker"]} for clip in printed["clips"]]
    check_clips(clips, rows)
    folder = export("kaldi", "--cut-margins") / "train"
    segments = run_reader("torch", "lhotse_kaldi", folder, "--segments")
    cut = run_reader("light", "kaldi_dir", folder)
    assert {clip["id"]: clip["pcm_sha256"] for clip in segments["clips"]} == {
        clip["id"]: clip["pcm_sha256"] for clip in cut["clips"]
    }


@pytest.mark.parametrize("split", SPLITS)
def test_espnet(made_set: MadeSet, export: Export, split: str) -> None:
    printed = run_reader("torch", "espnet_set", export("espnet") / split)
    rows = with_text(made_set, split)
    check_clips(printed["clips"], rows)
    assert printed["samples"]["utt2num_samples"] == {row["id"]: row["num_samples"] for row in rows}
    assert {"feats_type", "audio_format", "spk2utt"} <= set(printed["files"])
