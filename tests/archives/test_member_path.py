"""Member paths: which part is the archive, and which bytes they give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth.archives.member_path import member_window, open_window, split_member_path
from synth.errors import BadInput
from tests.tars import write_tar


def read(path: Path | str) -> bytes:
    window = open_window(str(path))
    try:
        return window.read_at(0, 1 << 20)
    finally:
        os.close(window.descriptor)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    return write_tar(tmp_path / "deep" / "a.tar", [("x.wav", b"one"), ("sub/y.wav", b"two"), ("n.tar", b"three")])


def test_a_member_is_read_in_place_and_a_file_as_before(archive: Path) -> None:
    assert read(archive / "x.wav") == b"one"
    assert read(archive / "sub" / "y.wav") == b"two"
    assert read(archive) == archive.read_bytes()


def test_the_longest_part_that_is_a_file_is_the_archive(archive: Path) -> None:
    assert split_member_path(f"{archive}/sub/y.wav") == (str(archive), "sub/y.wav")
    assert split_member_path(str(archive.parent)) is None
    assert split_member_path(f"{archive.parent}/b.tar/x.wav") is None


def test_a_link_to_an_archive_is_followed(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "link.tar").symlink_to(archive)
    assert read(tmp_path / "link.tar" / "x.wav") == b"one"


@pytest.mark.parametrize("member", ["z.wav", "n.tar/q.wav", "sub", "x.wav/z", "../x.wav"])
def test_what_is_not_a_member_is_missing_by_name(archive: Path, member: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(f"{archive}/{member}")
    assert caught.value.code == "missing"
    assert "a.tar" in caught.value.message
    assert caught.value.path == f"{archive}/{member}"


def test_nothing_is_below_a_file_of_audio(tmp_path: Path, make_sound) -> None:
    make_sound("a.wav")
    with pytest.raises(BadInput, match=r"missing.*a file of audio"):
        read(f"{tmp_path}/a.wav/b.wav")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="not a regular file"):
        read(tmp_path / "pipe")
    with pytest.raises(NotADirectoryError):
        read(f"{tmp_path}/pipe/x.wav")


def test_no_descriptor_is_left_open(archive: Path) -> None:
    before = sorted(Path("/dev/fd").iterdir())
    for member in ("x.wav", "z.wav"):
        try:
            read(archive / member)
        except BadInput:
            continue
    with pytest.raises(BadInput):
        member_window(os.open(archive, os.O_RDONLY), "a.tar", "nothing")
    assert sorted(Path("/dev/fd").iterdir()) == before
