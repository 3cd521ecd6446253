"""Clips of the reference recipe through every export, and back as a source: the same samples, lengths, texts, labels.

With SYNTH_LONG=1 a thousand clips, otherwise 60. The readers share no code with `synth` (export_readers.py).
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import soundfile

from synth.commands.export import export
from synth.export.formats import FORMATS
from tests.helpers import LONG, ROOT, rows_of, run_synth
from tests.promises.export_readers import READERS
from tests.promises.export_sources import (
    NO_ALIGNMENTS,
    NO_LABELS,
    NO_SPEAKERS,
    NOT_A_SOURCE,
    SOURCES,
    clips_of,
    scanned,
)

COPIES = 17 if LONG else 1  # of 60 utterances


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("round") / "set"
    changes = (f"copies={COPIES}", "output.shard_size=16")
    options = [word for change in changes for word in ("--set", change)]
    ended = run_synth("generate", ROOT / "recipes" / "reference.yaml", "--out", out, "--jobs", "2", *options)
    assert ended.returncode == 0, ended.stderr
    return out


@pytest.fixture(scope="module")
def rows(data_set: Path) -> dict[str, dict[str, Any]]:
    """The rows by id."""
    rows = {row["id"]: row for row in rows_of(data_set / "manifest.jsonl")}
    assert len(rows) == 60 * COPIES and len({row["pcm_sha256"] for row in rows.values()}) == len(rows)
    return rows


def pcm_sha256(audio: Path | bytes) -> str:
    samples, _ = soundfile.read(io.BytesIO(audio) if isinstance(audio, bytes) else audio, dtype="int16")
    return hashlib.sha256(samples.tobytes()).hexdigest()


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_holds_every_sample(
    data_set: Path, rows: dict[str, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    export(data_set, tmp_path / "out", to=name, jobs=2)
    clips = READERS[name](tmp_path / "out")
    assert clips.keys() == rows.keys()
    for key, clip in clips.items():
        row = rows[key]
        assert clip.text == row["text"]
        assert clip.samples in (None, row["num_samples"])
        assert clip.seconds in (None, row["num_samples"] / row["sampling_rate"])
        assert pcm_sha256(clip.audio) == row["pcm_sha256"]


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in NOT_A_SOURCE])
def test_an_export_read_as_a_source_is_equal(
    data_set: Path, rows: dict[str, dict[str, Any]], name: str, tmp_path: Path
) -> None:
    export(data_set, tmp_path / "out", to=name, paths="absolute")
    splits = dict.fromkeys(row["split"] for row in rows.values())
    catalog = scanned(name, tmp_path / "out", data_set, splits, tmp_path)
    assert not catalog.refused
    by_samples = {row["pcm_sha256"]: row for row in rows.values()}
    seen = set()
    for clip in clips_of(catalog):
        row, recording = by_samples[clip.pcm_sha256], clip.recording
        seen.add(clip.pcm_sha256)
        assert (recording.text, recording.num_samples) == (row["text"], row["num_samples"])
        assert recording.sample_rate == row["sampling_rate"]
        assert name in NO_SPEAKERS or recording.speaker == row["speaker"]
        assert name in NO_ALIGNMENTS or clip.alignment == row["alignment"]
        labels = recording.labels or {}
        assert name in NO_LABELS or {key: labels.get(key, "missing") for key in row["labels"]} == row["labels"]
    assert seen == by_samples.keys()


def test_every_format_is_a_source_or_is_said_not_to_be() -> None:
    assert FORMATS.keys() == SOURCES.keys() | NOT_A_SOURCE
