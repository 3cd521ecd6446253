"""Which members of a tar archive are read, and what is refused, by whom and with which words."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

import pytest

from synth.archives import tar_reader
from synth.archives.tar_reader import Member, RefusedMember, TarIndex, tar_index
from synth.errors import BadInput
from tests.tars import END, entry, header, padded, pax, with_checksum, write_tar


def index_of(path: Path) -> TarIndex:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return tar_index(descriptor, str(path))
    finally:
        os.close(descriptor)


def index_of_bytes(folder: Path, data: bytes) -> TarIndex:
    path = folder / "hostile.tar"
    path.write_bytes(data)
    return index_of(path)


def contents(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    return {name: data[start : start + size] for name, start, size in _members(index_of(path))}


def _members(index: TarIndex) -> list[Member]:
    return [member for member in index if isinstance(member, Member)]


LONG = "/".join(["a" * 60] * 5) + "/ü😀.wav"


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_those_that_python_reads(tmp_path: Path, kind: int) -> None:
    members = {"a.flac": b"1" * 700, "b/c d.json": b"", "./e.wav": b"2" * 512}
    if kind != tarfile.USTAR_FORMAT:
        members[LONG] = b"long"
    path = write_tar(tmp_path / "a.tar", members.items(), format=kind)
    assert contents(path) == {name.removeprefix("./"): data for name, data in members.items()}


def test_folders_are_passed_over_and_old_headers_without_a_magic_are_read(tmp_path: Path) -> None:
    old = entry(b"old/", magic=b"") + entry(b"old/a.wav", b"abc", b"\0", magic=b"")
    data = entry(b"new/", kind=b"5") + entry(b"b.wav", b"x", prefix=b"new") + old + END
    index = index_of_bytes(tmp_path, data)
    assert [member.name for member in index] == ["new/b.wav", "old/a.wav"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (entry(b"x.wav", kind=b"1"), "a hard link"),
        (entry(b"x.wav", kind=b"2"), "a link"),
        (entry(b"x.wav", kind=b"3"), "a device"),
        (entry(b"x.wav", kind=b"4"), "a device"),
        (entry(b"x.wav", kind=b"6"), "a pipe"),
        (entry(b"x.wav", b"abc", b"S"), "a sparse file"),
        (pax(GNU__sparse__major="1") + entry(b"x.wav", b"abc"), "a sparse file"),
        (entry(b"x.wav", b"abc", b"Z"), "a member of unknown type 'Z'"),
        (entry(b"../x.wav", b"abc"), "its name has '..'"),
        (entry(b"a/../x.wav", b"abc"), "its name has '..'"),
        (entry(b"/etc/x.wav", b"abc"), "its name is an absolute path"),
        (entry(b"C:\\x.wav", b"abc"), "its name is an absolute path"),
        (entry(b"", b"abc"), "its name is empty"),
        (entry(b"a//x.wav", b"abc"), "its name has an empty part"),
        (entry(b"a\nx.wav", b"abc"), "its name has a NUL or a line break"),
        (entry(b"a\xffx.wav", b"abc"), "its name is not UTF-8"),
        (entry(b"x.wav", b"abc") + entry(b"./x.wav", b"def"), "two members have this name"),
        (entry(b"x.wav", b"abc") + entry(b"x.wav", kind=b"2"), "a link"),
        (entry(b"x.wav", kind=b"2") + entry(b"x.wav", b"abc"), "a link"),
    ],
)
def test_a_bad_member_is_refused_by_itself(tmp_path: Path, data: bytes, what: str) -> None:
    index = index_of_bytes(tmp_path, entry(b"first.wav", b"1") + data + entry(b"last.wav", b"2") + END)
    good = [member.name for member in index if isinstance(member, Member)]
    (bad,) = (member for member in index if isinstance(member, RefusedMember))
    assert good == ["first.wav", "last.wav"]
    assert bad.code == "forbidden_path"
    assert what in bad.message
    assert "hostile.tar" in bad.message and "pack it again" in bad.message
    with pytest.raises(BadInput, match=r"hostile\.tar"):
        index.member(bad.name)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    data = entry(b"././@LongLink", b"x" * 5000 + b"\0", b"L") + entry(b"x", b"abc") + END
    (bad,) = index_of_bytes(tmp_path, data)
    assert isinstance(bad, RefusedMember)
    assert "longer than 4096" in bad.message


def _wrong_checksum() -> bytes:
    block = bytearray(header(b"x.wav", 3))
    block[0] = ord("y")
    return bytes(block) + padded(b"abc")


def _size(text: bytes) -> bytes:
    block = bytearray(header(b"x.wav"))
    block[124 : 124 + len(text)] = text
    return with_checksum(block)


@pytest.mark.parametrize(
    ("data", "code", "what"),
    [
        (_wrong_checksum(), "corrupt", "checksum"),
        (entry(b"x.wav", b"abc")[:600], "truncated", "without its end mark"),
        (entry(b"x.wav", b"abc"), "truncated", "without its end mark"),
        (header(b"x.wav", 1 << 30) + END, "truncated", "'x.wav' ends at byte"),
        (_size(b"0000000009x\0") + END, "corrupt", "size"),
        (_size(b"\xff" * 12) + END, "corrupt", "size"),
        (_size(b"\x80" + b"\xff" * 11) + END, "corrupt", "size"),
        (_size(b"\x80" + (1 << 50).to_bytes(11, "big")) + END, "truncated", "ends at byte"),
        (pax(size="100000") + entry(b"x.wav", b"abc") + END, "corrupt", "two sizes"),
        (pax(size="0") + entry(b"x.wav", b"abc") + END, "corrupt", "two sizes"),
        (pax(size="-1") + entry(b"x.wav", b"abc") + END, "corrupt", "size"),
        (pax(size="9" * 40) + entry(b"x.wav", b"abc") + END, "corrupt", "size"),
        (pax(b"g", size="3") + entry(b"x.wav", b"abc") + END, "corrupt", "all members one size"),
        (pax(b"g", path="../x") + entry(b"x.wav", b"abc") + END, "corrupt", "all members one path"),
        (pax(path="b.wav") + pax(path="c.wav") + entry(b"x.wav", b"abc") + END, "corrupt", "two extended headers"),
        (pax(path="b.wav") + entry(b"L", b"c\0", b"L") + entry(b"x", b"abc") + END, "corrupt", "two names"),
        (pax(path="b.wav") + END, "corrupt", "belongs to no member"),
        (entry(b"P", b"99 path=x\n", b"x") + entry(b"x", b"abc") + END, "corrupt", "extended header that is not one"),
        (entry(b"P", b"garbage", b"x") + entry(b"x", b"abc") + END, "corrupt", "extended header that is not one"),
        (header(b"P", 1 << 30, b"x") + END, "corrupt", "an extended header of 1073741824 bytes"),
        (entry(b"x.wav", b"abc", b"2") + END, "corrupt", "not a file, and has a size"),
        (entry(b"x.wav", b"abc", b"5") + END, "corrupt", "not a file, and has a size"),
        (entry(b"x.wav", b"abc", b"M") + END, "unsupported", "multi-volume"),
        (END + entry(b"x.wav", b"abc") + END, "corrupt", "bytes follow its end mark"),
    ],
)
def test_an_archive_in_doubt_is_refused_as_a_whole(tmp_path: Path, data: bytes, code: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        index_of_bytes(tmp_path, entry(b"good.wav", b"1") + data)
    assert caught.value.code == code
    assert what in caught.value.message
    assert "hostile.tar" in caught.value.message
    assert "after member '" in caught.value.message


@pytest.mark.parametrize("data", [b"", b"RIFF" + bytes(1000), b"x" * 100, b"\0" * 100])
def test_what_is_no_archive_is_not_read_as_one(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadInput, match="not_audio"):
        index_of_bytes(tmp_path, data)


def test_a_compressed_archive_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"unsupported.*gunzip"):
        index_of_bytes(tmp_path, gzip.compress(entry(b"x", b"abc") + END))


def test_a_hundred_thousand_members_are_read_and_too_many_are_refused(tmp_path: Path, monkeypatch) -> None:
    block = bytearray(header(b"0000000.wav", 0))
    data = bytearray()
    for number in range(100_000):
        block[:7] = b"%07d" % number
        data += with_checksum(block)
    index = index_of_bytes(tmp_path, bytes(data) + END)
    assert len(index) == 100_000
    assert index.member("0099999.wav") == Member("0099999.wav", 100_000 * 512, 0)
    monkeypatch.setattr(tar_reader, "MAX_MEMBERS", 99_999)
    with pytest.raises(BadInput, match="more than 99,999 members"):
        index_of_bytes(tmp_path, bytes(data) + END + bytes(512))


def test_headers_are_read_once_and_again_when_the_archive_changes(tmp_path: Path, monkeypatch) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.wav", b"1")])
    assert index_of(path) is index_of(path)
    write_tar(path, [("b.wav", b"22")])
    assert [member.name for member in index_of(path)] == ["b.wav"]
    monkeypatch.setattr(tar_reader, "_CACHED_MEMBERS", 2)
    first = index_of(path)
    other = write_tar(tmp_path / "b.tar", [("a.wav", b"1"), ("b.wav", b"1")])
    assert len(index_of(other)) == 2
    assert index_of(path) is not first


def test_a_refused_archive_is_remembered_too(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(entry(b"x.wav", b"abc"))
    for _ in range(2):
        with pytest.raises(BadInput, match="end mark"):
            index_of(path)
        monkeypatch.setattr(tar_reader, "_Walk", None)
