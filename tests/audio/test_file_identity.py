"""What tells whether a file is still the same: without reading it whole, and by its hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from synth.archives.member_path import open_window
from synth.audio import file_identity as identity_module
from synth.audio.file_identity import (
    FileIdentity,
    difference,
    file_identity,
    file_sha256,
    file_size,
    status_of,
    window_identity,
)
from synth.errors import BadInput, StorageError
from tests.foreign_sets import some_clips, write_huggingface
from tests.tars import write_tar


def identity_of(path: Path) -> FileIdentity:
    with path.open("rb") as file:
        return file_identity(file.fileno())


@pytest.mark.parametrize(
    ("position", "change"),
    [
        (0, "its first or last 4096 bytes have changed"),
        (4095, "its first or last 4096 bytes have changed"),
        (5000, None),
        (-4096, "its first or last 4096 bytes have changed"),
        (-1, "its first or last 4096 bytes have changed"),
    ],
)
def test_a_changed_byte_is_told_by_the_ends(tmp_path: Path, position: int, change: str | None) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(10_000))
    before = identity_of(path)
    data = bytearray(10_000)
    data[position] = 1
    path.write_bytes(data)
    os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
    assert difference(before, identity_of(path)) == change


def test_size_and_time_are_told() -> None:
    one = FileIdentity(10, 5, 77)
    assert difference(one, one._replace(size=11)) == "its size was 10 bytes and is 11 bytes"
    assert difference(one, one._replace(mtime_ns=6)) == "its modification time has changed"
    assert one.content == one._replace(mtime_ns=6).content


def test_the_hash_follows_every_change(tmp_path: Path) -> None:
    """B1: also one that leaves size and modification time as they were."""
    path = tmp_path / "a.bin"
    for text in (b"one", b"two"):
        path.write_bytes(text)
        os.utime(path, (1e9, 1e9))
        assert file_sha256(path) == hashlib.sha256(text).hexdigest()


def test_a_large_file_is_hashed_once_by_all_processes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B7: workers find the hash in the cache; it holds for one state of the file."""
    monkeypatch.setenv("SYNTH_CACHE", str(cache))
    monkeypatch.setattr(identity_module, "_LARGE", 3)
    path = tmp_path / "a.bin"
    path.write_bytes(b"large")
    sha256 = file_sha256(path)
    with monkeypatch.context() as another_process:
        another_process.setattr(identity_module, "_hashes", {})
        another_process.setattr(identity_module, "_hash", lambda *_: pytest.fail("it was hashed again"))
        assert file_sha256(path) == sha256
    monkeypatch.setattr(identity_module, "_hashes", {})
    path.write_bytes(b"other")
    assert file_sha256(path) == hashlib.sha256(b"other").hexdigest()


def test_each_block_is_a_beat_and_writing_meanwhile_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B7: whoever waits learns that it goes on."""
    monkeypatch.setattr(identity_module, "_BLOCK", 1000)
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(4500))
    beats: list[int] = []
    file_sha256(path, beat=lambda: beats.append(1))
    assert len(beats) == 5

    def write() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(BadInput, match="changed_during_run: it was written to while it was read"):
        file_sha256(path, beat=write, reread=True)


def test_a_missing_file_and_a_broken_disk_are_two_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B13: a disk that fails is no fault of the input, which must not be refused for it."""
    with pytest.raises(BadInput, match="missing: it cannot be read: No such file or directory"):
        file_sha256(tmp_path / "none")

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    path = tmp_path / "a.bin"
    path.write_bytes(b"x")
    monkeypatch.setattr(identity_module, "_hash", fail)
    with pytest.raises(StorageError) as caught:
        file_sha256(path)
    assert str(caught.value) == f"{path}: reading failed: Input/output error; check the disk, then run again"


def test_rows_of_one_parquet_file_differ_and_need_no_decoding(tmp_path: Path) -> None:
    path = write_huggingface(tmp_path, some_clips(2)) / "data" / "train-00000-of-00001.parquet"
    identities = []
    for row in ("0", "1"):
        for decode in (True, False):
            window = open_window(f"{path}/{row}", decode=decode)
            identities.append(window_identity(window))
            os.close(window.descriptor)
    assert identities[0] == identities[1] != identities[2] == identities[3]


def test_a_member_has_its_own_size_and_hash_and_the_time_of_its_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.wav", b"one"), ("b.wav", b"other")])
    assert [file_size(f"{path}/{name}") for name in ("a.wav", "b.wav", "c.wav")] == [3, 5, None]
    assert file_sha256(f"{path}/b.wav") == hashlib.sha256(b"other").hexdigest()
    assert status_of(f"{path}/b.wav") == path.stat()
    write_tar(path, [("a.wav", b"one"), ("b.wav", b"OTHER")])
    assert file_sha256(f"{path}/b.wav") == hashlib.sha256(b"OTHER").hexdigest()
