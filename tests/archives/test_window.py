"""A window shows its own bytes and nothing around them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth.archives.window import Window, WindowFile


@pytest.fixture
def windows(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"before" + b"0123456789" + b"after")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    yield Window(descriptor, 6, 10), Window(descriptor, 0, 10, b"0123456789")
    os.close(descriptor)


def test_nothing_outside_is_read(windows) -> None:
    for window in windows:
        assert window.read_at(0, 100) == b"0123456789"
        assert window.read_at(7, 100) == b"789"
        assert window.read_at(10, 1) == window.read_at(-1, 5) == window.read_at(1 << 70, 9) == b""
        assert window.is_member


def test_the_file_object_seeks_and_ends_like_a_file(windows) -> None:
    for window in windows:
        file, buffer = WindowFile(window), bytearray(4)
        assert file.seek(-3, os.SEEK_END) == file.tell() == 7
        assert (file.readinto(buffer), bytes(buffer)) == (3, b"7893"[:3] + b"\0")
        assert file.readinto(buffer) == 0
        assert file.seek(-100) == 0
        assert (file.readinto(buffer), bytes(buffer)) == (4, b"0123")
        assert file.seek(1, os.SEEK_CUR) == 5


def test_a_disk_that_fails_is_the_end(windows) -> None:
    window = Window(-1, 0, 10)
    assert WindowFile(window).readinto(bytearray(4)) == 0
