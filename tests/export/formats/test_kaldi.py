"""Kaldi data directories follow the rules of utils/validate_data_dir.sh, whatever speakers and texts are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from synth.commands.export import export
from synth.errors import UsageError
from synth.export.kaldi_lists import seconds_at, word
from tests.export.exported_set import TEXTS, rewrite
from tests.export.formats.conftest import Exporter, Row, lost

SPEAKERS = ["ada", "ada-b", "ada b", "ad", "a+", "ada_", "<s>", "ä🚗", "x=y", None, "ada.1", "/", "", "a\u00a0b"]
"""Speakers whose names sort otherwise with a `-` behind them, or are no words."""


def table(path: Path) -> dict[str, str]:
    """A file of keys and values; every line must have its line end."""
    text = path.read_bytes().decode()
    assert text.endswith("\n")
    return {line.split(" ")[0]: line.partition(" ")[2] for line in text.split("\n")[:-1]}


def check_directory(folder: Path) -> None:
    """The rules of validate_data_dir.sh and validate_text.pl, with LC_ALL=C."""
    keys = [line.split(b" ")[0] for line in (folder / "utt2spk").read_bytes().split(b"\n")[:-1]]
    assert keys == sorted(set(keys))
    pairs = [line.split() for line in (folder / "utt2spk").read_bytes().split(b"\n")[:-1]]
    assert [len(pair) for pair in pairs] == [2] * len(keys)
    assert pairs == sorted(pairs, key=lambda pair: (pair[1], pair[0]))  # sort -k2
    speakers = [line.split() for line in (folder / "spk2utt").read_bytes().split(b"\n")[:-1]]
    assert [each[0] for each in speakers] == sorted({each[0] for each in speakers})
    assert [[key, each[0]] for each in speakers for key in each[1:]] == pairs
    segments = folder / "segments"
    recordings = (
        sorted(table(segments)[key].split()[0].encode() for key in table(segments)) if segments.exists() else keys
    )
    for name in ("text", "utt2dur", "utt2uniq", "segments", "utt2num_samples"):
        if (folder / name).exists():
            assert [key.encode() for key in table(folder / name)] == keys, name
    for name in ("wav.scp", "reco2dur"):
        if (folder / name).exists():
            assert [key.encode() for key in table(folder / name)] == recordings, name
    for line in (folder / "text").read_text().split("\n")[:-1] if (folder / "text").exists() else ():
        words = line.split()
        assert " ".join(words) == line  # no whitespace but single spaces
        assert {"<s>", "</s>", "#0"} & set(words) == set()
    for path in table(folder / "wav.scp").values():
        assert not path.startswith(("|", "~", "-", " "))
        assert not path.endswith(("|", " "))


def with_rows(data_set: Path, folder: Path, rows: list[Row]) -> Path:
    shutil.copytree(data_set, folder / "set")
    rewrite(folder / "set", rows)
    return folder / "set"


@pytest.mark.parametrize("to", ["kaldi", "espnet"])
def test_directories_are_valid(exporter: Exporter, out: Path, to: str) -> None:
    result = exporter(to)
    for split in ("train", "train-dev"):
        check_directory(out / split)
    expected = {"no_text": 1, "whitespace": 2, "no_speaker": 1, "speaker_name": 2}
    assert lost(result) == (expected | {"compressed": 7} if to == "kaldi" else expected)


@pytest.mark.parametrize("to", ["kaldi", "espnet"])
def test_directories_are_valid_whatever_speakers_and_texts_are(
    data_set: Path, tmp_path: Path, rows: list[Row], to: str
) -> None:
    texts = ["a <s> b", "#0", "x\u3000y\x85z\x1c", "a<s>b", "ok", " lead", "\r\n", "<S>", *TEXTS]
    many = [
        {**rows[k % 8], "id": f"{rows[k % 8]['source_id']}-v{k}", "speaker": SPEAKERS[k % len(SPEAKERS)]}
        | {"text": texts[k % len(texts)], "split": "train", "stage": None}
        for k in range(len(SPEAKERS) * len(texts))
    ]
    export(with_rows(data_set, tmp_path, many), tmp_path / "out", to=to, shard_size=7)
    check_directory(tmp_path / "out" / "train")
    assert len(table(tmp_path / "out" / "train" / "text")) > 100


def test_values_are_those_of_the_rows(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("kaldi")
    by_id = {row["id"]: row for row in rows}
    names = 0
    for split in ("train", "train-dev"):
        texts, paths = table(out / split / "text"), table(out / split / "wav.scp")
        for key, speaker in table(out / split / "utt2spk").items():
            row = by_id[key.rpartition(f"{speaker}-")[2] if row_speaker(speaker) else key]
            assert texts[key] == " ".join(row["text"].split())
            assert paths[key].endswith(row["audio_filepath"])
            assert Path(paths[key]).is_file()
            assert float(table(out / split / "utt2dur")[key]) == row["duration"]
            assert table(out / split / "utt2uniq")[key] == row["source_id"]
            names += 1
    assert names == 7


def row_speaker(speaker: str) -> bool:
    """Whether the speaker is one of the rows, not a recording."""
    return speaker in ("ada", word("b b"))


def test_segments_are_exact_for_readers_that_round_and_that_cut_off(
    exporter: Exporter, out: Path, rows: list[Row]
) -> None:
    exporter("kaldi", cut_margins=True)
    for split in ("train", "train-dev"):
        check_directory(out / split)
    by_id: Mapping[str, Row] = {row["id"]: row for row in rows}
    for recording, start, end in (value.split() for value in table(out / "train" / "segments").values()):
        row = by_id[recording]
        speech, rate = row["speech"], row["sampling_rate"]
        for function in (int, round):
            assert function(float(start) * rate) == speech["onset"]
            assert function(float(end) * rate) == speech["onset"] + speech["num_samples"]


def test_times_of_samples_are_exact() -> None:
    for rate in (8000, 11025, 16000, 22050, 44100, 48000):
        for sample in range(0, 200_000, 37):
            seconds = float(seconds_at(sample, rate))
            assert int(seconds * rate) == round(seconds * rate) == sample


def test_no_directory_has_texts_if_no_clip_has_one(data_set: Path, tmp_path: Path, rows: list[Row]) -> None:
    no_texts = with_rows(data_set, tmp_path, [{**row, "text": None} for row in rows])
    export(no_texts, tmp_path / "out", to="kaldi")
    check_directory(tmp_path / "out" / "train")
    assert not (tmp_path / "out" / "train" / "text").exists()
    assert len(table(tmp_path / "out" / "train" / "wav.scp")) == 6


@pytest.mark.parametrize("to", ["kaldi", "espnet"])
@pytest.mark.parametrize("prefix", ["| rm -rf x", "~/data", "-x", " /data", "|"])
def test_paths_that_are_commands_are_refused(data_set: Path, out: Path, to: str, prefix: str) -> None:
    with pytest.raises(UsageError, match=r"in wav\.scp"):
        export(data_set, out, to=to, paths=prefix)
    assert not out.exists()


def test_names_are_different_words() -> None:
    words = [word(name) for name in SPEAKERS if name]
    assert len(set(words)) == len(words)
    assert all(each and not set(each) & set(" -/<>\u00a0") for each in words)
    assert word("ada") == "ada"
    assert word("b b") == "b=20b"


def test_espnet_has_lengths_formats_and_references(exporter: Exporter, out: Path, rows: list[Row]) -> None:
    exporter("espnet")
    samples = {value: key for key, value in table(out / "train" / "utt2num_samples").items()}
    for row in rows[:4]:
        key = samples[str(row["num_samples"])]
        assert key.endswith(row["id"])
        assert table(out / "train" / "spk1.scp")[key].endswith(row["stems"]["speech"])
        assert table(out / "train" / "noise1.scp")[key].endswith(row["stems"]["noise"])
    assert (out / "train" / "audio_format").read_text() == "flac\n"
    assert (out / "train" / "feats_type").read_text() == "raw\n"
