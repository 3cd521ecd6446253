"""Member paths: which part is the archive, and which bytes they give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth.archives.member_path import member_window, open_window, split_member_path
from synth.archives.tar_writer import TarWriter, member_header
from synth.archives.window import Window
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


def test_a_member_is_read_at_its_place_without_a_look_at_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`start` is believed only if a header with this name lies before it; `ahead` bytes come with that header."""
    path, contents = tmp_path / "a.tar", {"one": b"1" * 700, "two": b"2" * 90_000, "x" * 100: b"3"}
    with path.open("wb") as out:
        tar = TarWriter(out)
        starts = {name: tar.add(name, content) for name, content in contents.items()}
        tar.close()

    def window(name: str, start: int | None, ahead: int = 0) -> Window:
        opened = open_window(f"{path}/{name}", start, ahead=ahead)
        os.close(opened.descriptor)
        return opened

    for wrong in (None, -1, 0, 511, 512, starts["two"], starts["one"] + 1, 1 << 70):
        assert (window("one", wrong).start, window("one", wrong).size) == (starts["one"], 700)
    monkeypatch.setattr("synth.archives.member_path.tar_index", lambda *_: pytest.fail("the archive was listed"))
    for name, start in starts.items():
        for ahead in (0, 64, 1 << 16):
            at_place = window(name, start, ahead)
            assert (at_place.start, at_place.size) == (start, len(contents[name]))
            assert at_place.data == (contents[name] if len(contents[name]) <= ahead else None)


def test_a_place_whose_member_is_cut_off_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(member_header("one", 5000) + b"1" * 3000)
    with pytest.raises(BadInput, match="ends at byte"):
        open_window(f"{path}/one", 512, ahead=1 << 16)
