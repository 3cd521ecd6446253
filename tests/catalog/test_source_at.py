"""A path names a folder, a list, one file, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.catalog.source_files import path_kind, source_from_path
from synth.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a[1].wav", "b.FLAC", "list.csv", "rows.jsonl", "words.txt", "metadata.csv"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_kinds(folder: Path) -> None:
    kinds = {"a[1].wav": "audio", "b.FLAC": "audio", "list.csv": "list", "rows.jsonl": "list", "words.txt": "list"}
    assert {name: path_kind(folder / name) for name in kinds} == kinds
    assert (path_kind(folder), path_kind(folder / "gone")) == ("folder", None)


def test_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    there = Path(folder.name)
    whole = source_from_path(there, name="speech", glob="*.wav")
    assert (whole.name, whole.path, whole.glob, whole.manifest) == ("speech", str(folder), "*.wav", None)
    assert source_from_path(there, list_names=("none.csv", "metadata.csv")).manifest == str(folder / "metadata.csv")
    listed = source_from_path(there / "rows.jsonl")
    assert (listed.path, listed.manifest, listed.glob) == (str(folder), str(folder / "rows.jsonl"), None)
    one = source_from_path(there / "a[1].wav")
    assert (one.path, one.manifest, one.glob) == (str(folder / "a[1].wav"), None, None)


def test_nothing_and_a_pattern_for_a_list_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder, list or file"):
        source_from_path(folder / "gone")
    with pytest.raises(UsageError, match=r"--glob chooses files of a folder, but .*list\.csv is a list"):
        source_from_path(folder / "list.csv", glob="*.wav")
