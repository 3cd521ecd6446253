"""Awkward texts and file names go through every export format, and come back equal."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import soundfile

from synth.commands.export import export
from synth.export.formats import FORMATS
from tests.helpers import rows_of, run_synth
from tests.promises.awkward_texts import NAMES, TEXTS
from tests.promises.export_readers import READERS, ReadClip

RATE: Final = 8000
REFUSED: Final = {f"{NAMES[name]}.wav" for name in ("newline", "carriage return")}
RECIPE: Final = f"""
sample_rate: {RATE}
margins_s: 0.02
speech: {{sources: [{{name: spoken, path: speech, manifest: list.jsonl}}]}}
limits: {{max_bad: {len(REFUSED)}}}
output: {{shard_size: 16}}
"""

#: Formats with one line per clip or one word after the other have no line breaks and no runs of spaces in a text.
ONE_LINE: Final = frozenset(("kaldi", "espnet"))


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
        rows.append({"path": f"{name}.wav", "text": text, "speaker": speaker, "rain": [True, False, None][k % 3]})
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


def text_of(row: dict[str, Any], name: str) -> str | None:
    text: str | None = row["text"]
    return text


@pytest.mark.parametrize("name", FORMATS)
def test_texts_lengths_and_bytes_arrive(data_set: Path, name: str) -> None:
    rows = {row["id"]: row for row in rows_of(data_set / "manifest.jsonl")}
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


def test_names_that_cannot_be_written_into_a_list_are_refused_by_name(data_set: Path) -> None:
    refused = rows_of(data_set / "quarantine.jsonl")
    assert {(row["path"], row["code"]) for row in refused} == {
        (path.replace("\n", "\\x0a").replace("\r", "\\x0d"), "forbidden_path") for path in REFUSED
    }


def test_every_format_has_a_reader_here() -> None:
    assert FORMATS.keys() <= READERS.keys()
