"""B10: no file of a folder vanishes without a word, whatever its name ends in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.scan import scan
from synth.dev_test.real_set import open_real_set
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.match.measure.audio_set import open_set
from synth.recipe.model import Limits, Source

UNREAD = "audio of the kind .m4a is not read; convert it to FLAC or WAV"


@pytest.fixture
def mixed(tmp_path: Path, make_sound) -> Path:
    folder = tmp_path / "mixed"
    make_sound(folder / "a.wav")
    (folder / "deep").mkdir()
    for name in (
        "b.m4a",
        "deep/C.M4A",
        "notes.txt",
        "deep/more.TXT",
        "README",
        ".hidden.wav",
        "x.y/z".replace("/", "_"),
    ):
        (folder / name).write_bytes(b"?")
    (folder / ".git").mkdir()
    (folder / ".git" / "b.wav").write_bytes(b"?")
    return folder


NOTE = "6 files skipped: 2 .txt, 2 hidden, 1 .y_z, 1 without extension"


def test_each_file_is_a_row_a_refusal_or_counted(mixed: Path) -> None:
    passed_over: Counter[str] = Counter()
    items = list(walk_folder(mixed, passed_over=passed_over))
    assert [item.path for item in items if isinstance(item, AudioRow)] == ["a.wav"]
    refused = [(i.path, i.code, i.message) for i in items if isinstance(i, BadInput)]
    assert refused == [("b.m4a", "unsupported", UNREAD), ("deep/C.M4A", "unsupported", UNREAD)]
    assert passed_over_note(passed_over) == NOTE


def test_what_a_pattern_leaves_out_is_left_out_on_purpose(mixed: Path) -> None:
    passed_over: Counter[str] = Counter()
    assert list(walk_folder(mixed, glob="*.wav", passed_over=passed_over)) == [AudioRow("a.wav")]
    assert not passed_over


def test_a_note_names_the_eight_most_frequent_kinds() -> None:
    kinds = {f".{letter}": 20 - k for k, letter in enumerate("abcdefghij")}
    note = passed_over_note(kinds)
    assert note == "155 files skipped: 20 .a, 19 .b, 18 .c, 17 .d, 16 .e, 15 .f, 14 .g, 13 .h, 23 others"
    assert passed_over_note({}) is None
    assert passed_over_note({".txt": 1}) == "1 file skipped: 1 .txt"


def test_a_scan_tells_of_them(mixed: Path) -> None:
    catalog = scan([Source("speech", str(mixed))], folder=mixed, limits=Limits())
    assert catalog.notes == (f"source 'speech': {NOTE}",)
    assert [(r.path, r.code) for r in catalog.refused] == [("b.m4a", "unsupported"), ("deep/C.M4A", "unsupported")]


def test_a_folder_of_one_unread_kind_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(b"?")
    catalog = scan([Source("speech", str(tmp_path))], folder=tmp_path, limits=Limits())
    assert not len(catalog)
    assert [(r.path, r.code, r.message) for r in catalog.refused] == [("a.m4a", "unsupported", UNREAD)]
    with pytest.raises(
        UsageError, match=r"no audio in it to measure\n  a\.m4a: unsupported: audio of the kind \.m4a is"
    ):
        open_set(tmp_path)
    with pytest.raises(UsageError, match=r"no audio in it to split\n  a\.m4a: unsupported: audio of the kind \.m4a is"):
        open_real_set(tmp_path)


def test_a_folder_without_audio_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"?")
    with pytest.raises(UsageError, match=f"source 'speech': no audio file in {tmp_path}; 1 file skipped: 1 \\.txt"):
        scan([Source("speech", str(tmp_path))], folder=tmp_path, limits=Limits())
    with pytest.raises(UsageError, match=r"no audio in it to measure; 1 file skipped: 1 \.txt"):
        open_set(tmp_path)
    with pytest.raises(UsageError, match=r"no audio in it to split; 1 file skipped: 1 \.txt"):
        open_real_set(tmp_path)


def test_profile_and_split_note_them(mixed: Path) -> None:
    assert NOTE in open_set(mixed).notes
    assert NOTE in open_real_set(mixed).notes
