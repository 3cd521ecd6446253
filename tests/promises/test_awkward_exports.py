"""Awkward texts and file names go through every export format, and come back equal."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import soundfile

from synth.commands.export import export
from synth.errors import BadInput
from synth.export.formats import FORMATS
from synth.lists.audio_list import read_audio_list
from tests.helpers import rows_of, run_synth
from tests.promises.awkward_texts import NAMES, TEXTS
from tests.promises.export_readers import READERS, ReadClip
from tests.promises.export_sources import NO_LABELS, NO_SPEAKERS, NOT_A_SOURCE, clips_of, scanned

RATE: Final = 8000
REFUSED: Final = {f"{NAMES[name]}.wav" for name in ("newline", "carriage return")}
RECIPE: Final = f"""
sample_rate: {RATE}
margins_s: 0.02
speech: {{sources: [{{name: spoken, path: speech, manifest: list.jsonl}}]}}
limits: {{max_bad: {len(REFUSED)}}}
output: {{shard_size: 16}}
"""

#: Formats whose texts are words in a line.
WORDS: Final = frozenset(("kaldi", "espnet"))
#: Formats that leave out clips without a text.
NEED_TEXT: Final = WORDS | {"wenet", "funasr"}


#: Labels that may be taken for something else in a table, a cut or a template.
LABELS: Final[dict[str, object]] = {
    **{"id": "x1", "weight": "heavy", "audio": "a.wav", "labels": "l", "split": "test", "label_": "p", "row": "3"},
    **{"{x}": "{y} {{z}}", "$5": "$6", "a b": "=1+1", "ü.ß": 1, "width": 2.5, "-": False, "sources": "s", "synth": 1},
    **{
        "nan": "nan",
        "list": ["a", "b"],
        "large": 2**60,
        "json": "{}",
        "line\nbreak": "a\nb",
        '"': '"',
        "pcm_sha256": "0",
    },
}


def write_sources(folder: Path) -> dict[str, str | None]:
    """A source with every awkward name and text, and a recipe; {path: text} of the list."""
    rng = np.random.default_rng(1)
    texts: list[str | None] = [*TEXTS.values(), None, ""]
    names = [*NAMES.values(), *(f"plain{k}" for k in range(len(NAMES), len(texts)))]
    rows = []
    for k, (name, text) in enumerate(zip(names, texts, strict=True)):
        path = folder / "speech" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = (rng.standard_normal(1000 + 37 * k) * 3000).astype(np.int16)
        soundfile.write(os.fsencode(path), samples, RATE)
        speaker = [None, "ada b", "$1 {x}", 'q"'][k % 4]
        labels = {each: [value, None][k % 2] for each, value in LABELS.items()} | {"rain": [True, False, None][k % 3]}
        rows.append({"path": f"{name}.wav", "text": text, "speaker": speaker, "labels": labels})
    (folder / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    return {str(row["path"]): row["text"] for row in rows}  # type: ignore[misc]


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in a folder with an awkward name, of sources with awkward names and texts."""
    folder = tmp_path_factory.mktemp("awkward") / "it's $5 {a} “b” -sub, ü"
    folder.mkdir()
    texts = write_sources(folder)
    ended = run_synth("generate", folder / "recipe.yaml", "--out", folder / "my set")
    assert ended.returncode == 0, ended.stderr
    rows = rows_of(folder / "my set" / "manifest.jsonl")
    assert {row["source"]["path"]: row["text"] for row in rows} == {
        path: text or None for path, text in texts.items() if path not in REFUSED
    }
    assert len(rows) == len(texts) - len(REFUSED) > 60
    return folder / "my set"


def exported(data_set: Path, name: str) -> Path:
    out = data_set.parent / f"exp {name}"
    export(data_set, out, to=name)
    return out


def held(row: dict[str, Any], name: str) -> bool:
    """Whether a format has this clip at all."""
    text = row["text"]
    return not (text is None and name in NEED_TEXT) and not (name in WORDS and "<s>" in text.split())


def text_of(row: dict[str, Any], name: str) -> str | None:
    """The text as a format has it."""
    text: str | None = row["text"]
    return " ".join(text.split()) or None if text is not None and name in WORDS else text


def label_of(value: object, name: str) -> object:
    """The value of a label as a format has it: a list is a JSON text in a table, and numbers are text in CSV."""
    if name in ("croissant", "table") and isinstance(value, list):
        return json.dumps(value)
    return str(value) if name == "table" and isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("name", FORMATS)
def test_texts_lengths_and_bytes_arrive(data_set: Path, name: str) -> None:
    rows = {row["id"]: row for row in rows_of(data_set / "manifest.jsonl") if held(row, name)}
    clips: dict[str, ReadClip] = READERS[name](exported(data_set, name))
    assert clips.keys() == rows.keys()
    for key, row in rows.items():
        clip = clips[key]
        assert (clip.text or None) == text_of(row, name), key
        data = clip.audio if isinstance(clip.audio, bytes) else clip.audio.read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"], key
        assert clip.samples in (None, row["num_samples"])
        assert clip.seconds is None or round(clip.seconds * RATE) == row["num_samples"]
        assert clip.seconds is None or clip.seconds == pytest.approx(row["num_samples"] / RATE, abs=0.1 / RATE)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in NOT_A_SOURCE])
def test_an_export_read_as_a_source_is_equal(data_set: Path, name: str, tmp_path: Path) -> None:
    rows = {row["pcm_sha256"]: row for row in rows_of(data_set / "manifest.jsonl") if held(row, name)}
    out = data_set.parent / f"exp back {name}"
    export(data_set, out, to=name, paths="absolute")
    catalog = scanned(name, out, data_set, ["train"], tmp_path)
    assert not catalog.refused
    clips = {clip.pcm_sha256: clip for clip in clips_of(catalog)}
    assert clips.keys() == rows.keys()
    for key, row in rows.items():
        recording = clips[key].recording
        assert (recording.text or None) == text_of(row, name)
        assert recording.num_samples == row["num_samples"]
        if name not in NO_SPEAKERS | WORDS:
            assert recording.speaker == row["speaker"]
        labels = recording.labels or {}
        for label, value in row["labels"].items():
            assert name in NO_LABELS or labels.get(label, "missing") == label_of(value, name), label


def test_names_that_cannot_be_written_into_a_list_are_refused_by_name(data_set: Path) -> None:
    refused = rows_of(data_set / "quarantine.jsonl")
    assert {(row["path"], row["code"]) for row in refused} == {
        (path.replace("\n", "\\x0a").replace("\r", "\\x0d"), "forbidden_path") for path in REFUSED
    }


@pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_lists_hold_the_same_texts(tmp_path: Path, suffix: str, delimiter: str) -> None:
    path = tmp_path / f"list.{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(
            [["path", "text"], *([f"{k}.wav", text] for k, text in enumerate(TEXTS.values()))]
        )
    rows = list(read_audio_list(path))
    assert [row.detail["text"] for row in rows if not isinstance(row, BadInput)] == list(TEXTS.values())


def test_every_format_has_a_reader_here() -> None:
    assert FORMATS.keys() <= READERS.keys()
