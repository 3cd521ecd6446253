"""Kaldi's data directories: what is refused, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.formats.kaldi import read_kaldi
from synth.lists.formats.listing import Listing


def read(folder: Path, **files: str) -> tuple[list[AudioRow], dict[str, str]]:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_bytes(text.encode())
    items = list(read_kaldi(Listing(folder, str(folder))))
    refused = {item.path: item.message for item in items if isinstance(item, BadInput)}
    return [item for item in items if isinstance(item, AudioRow)], refused


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("sph2pipe -f wav a.sph |", "never run"),
        ("| tee x", "never run"),
        ("raw.ark:1234", "a part of a Kaldi archive"),
        ("a.wav[0:100]", "a part of a Kaldi archive"),
        ("", "no path"),
    ],
)
def test_what_is_no_file_is_refused_and_never_run(tmp_path: Path, path: str, what: str) -> None:
    rows, refused = read(tmp_path, wav__scp=f"good a.wav\nbad {path}\n")
    assert [row.path for row in rows] == ["a.wav"]
    assert list(refused) == ["wav.scp:2"]
    assert what in refused["wav.scp:2"]


def test_ids_that_are_missing_or_twice_are_refused_with_their_line(tmp_path: Path) -> None:
    rows, refused = read(
        tmp_path, wav__scp="a a.wav\na b.wav\nb b.wav\n", text="a one\nc three\n\na two\n", utt2spk="a s\nb\n"
    )
    assert [(row.path, row.line, row.detail.get("text"), row.detail.get("speaker")) for row in rows] == [
        ("a.wav", 1, "one", "s"),
        ("b.wav", 3, None, None),
    ]
    assert set(refused) == {"text:4", "text:2", "wav.scp:2"}


def test_segments_are_exact_and_their_mistakes_refused(tmp_path: Path) -> None:
    rows, refused = read(
        tmp_path,
        wav__scp="drive d.wav\n",
        segments="a drive 0.1 0.35\nb drive 1 -1\nc drive 2 1\nd other 0 1\ne drive x 1\na drive 0 1\nf drive 0 nan\n",
    )
    assert [(row.offset, row.duration, row.path) for row in rows] == [(0.1, 0.25, "d.wav"), (1.0, None, "d.wav")]
    assert set(refused) == {f"segments:{line}" for line in (3, 4, 5, 6, 7)}


def test_only_spaces_and_tabs_divide_a_line(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, wav__scp="a\twith space.wav\r\n", text="a \u3000x\u2028y\u0085  z \n")
    assert rows[0].path == "with space.wav"
    assert rows[0].detail["text"] == "\u3000x\u2028y\u0085  z"


def test_without_wav_scp_it_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no wav\.scp"):
        read(tmp_path)
