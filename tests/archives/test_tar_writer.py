"""Tar files are the same everywhere, and every tar reader takes them."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from synth.archives.tar_writer import BLOCK, MAX_NAME_BYTES, TarWriter, member_header, member_size, written_size
from synth.catalog.recording import recording_id
from synth.plan.builder import clip_id_of

SIZES = (0, 1, 511, 512, 513, 70_000, (1 << 18) - 1, 1 << 18, 300_000)
MEMBERS = {f"clip-{size}.flac": bytes(k % 251 for k in range(size)) for size in SIZES}


def tar_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    tar = TarWriter(out)
    for name, content in members.items():
        tar.add(name, content)
    tar.close()
    assert tar.position == len(out.getvalue())
    return out.getvalue()


def test_python_reads_what_was_written_in_its_order() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_of(MEMBERS)), mode="r:") as tar:
        infos = tar.getmembers()
        assert {info.name: tar.extractfile(info).read() for info in infos} == MEMBERS  # type: ignore[union-attr]
        assert [info.name for info in infos] == list(MEMBERS)
        assert all(
            (i.mtime, i.uid, i.gid, i.mode, i.uname, i.gname, i.type) == (0, 0, 0, 0o644, "", "", b"0") for i in infos
        )
        assert tar.pax_headers == {}


def test_the_header_is_that_of_python_for_ustar() -> None:
    info = tarfile.TarInfo("a-b_c.flac")
    info.size = 123_456_789
    assert member_header(info.name, info.size) == info.tobuf(tarfile.USTAR_FORMAT)


def test_gnu_tar_reads_it(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(MEMBERS))
    listed = subprocess.run(["tar", "-tf", tmp_path / "x.tar"], capture_output=True, text=True, check=True)
    assert (listed.stdout.splitlines(), listed.stderr) == (list(MEMBERS), "")


def test_the_bytes_are_pinned() -> None:
    digest = hashlib.sha256(tar_of(MEMBERS)).hexdigest()
    assert digest == "12e8e3a6ace8788dd9c5ee8449cedf071b0f22a146f51fa525a9a5fdf0d1b377"


def test_contents_begin_where_add_says() -> None:
    out = io.BytesIO()
    tar = TarWriter(out)
    starts = [tar.add(name, content) for name, content in MEMBERS.items()]
    tar.close()
    data = out.getvalue()
    for start, content in zip(starts, MEMBERS.values(), strict=True):
        assert start % BLOCK == 0
        assert data[start : start + len(content)] == content


def test_large_contents_are_not_copied() -> None:
    written: list[object] = []

    class Output:
        def write(self, data: bytes | bytearray | memoryview) -> None:
            written.append(data)

    content = bytes(1 << 20)
    tar = TarWriter(Output())
    tar.add("clip.flac", content)
    tar.close()
    assert any(data is content for data in written)


def test_small_members_are_written_together() -> None:
    calls = 0

    class Output:
        def write(self, data: bytes | bytearray | memoryview) -> None:
            nonlocal calls
            calls += 1

    tar = TarWriter(Output())
    for number in range(1000):
        tar.add(f"{number}.json", b"x" * 1000)
    tar.close()
    assert calls <= 8


@pytest.mark.parametrize("name", ["", "a//b", "../a", "a/../b", "./a", "/a", "a/", "a\0b", "x" * 101, "é" * 51])
def test_names_that_no_member_may_have(name: str) -> None:
    with pytest.raises(ValueError, match="a tar file"):
        member_header(name, 0)


@pytest.mark.parametrize("size", [-1, 8**11])
def test_sizes_that_no_header_holds(size: int) -> None:
    with pytest.raises(ValueError, match="at most 8589934591"):
        member_header("a", size)


def test_the_longest_clip_id_fits_up_to_9999_copies() -> None:
    """80 characters of the path, a hash, the number of the copy, and the suffix."""
    longest = recording_id("source", "a/" * 500 + "b" * 200 + ".wav", 0)
    assert len(clip_id_of(longest, 9999) + ".flac") == MAX_NAME_BYTES
    member_header(clip_id_of(longest, 9999) + ".flac", 1)
    with pytest.raises(ValueError, match="101 bytes"):
        member_header(clip_id_of(longest, 10_000) + ".flac", 1)


def test_the_size_of_a_member_is_read_back_from_its_own_header_only() -> None:
    for name in ("a.flac", "x" * 100, "é.flac"):
        header = member_header(name, 12_345)
        assert written_size(header, name) == member_size(header, name) == 12_345
        for other in (name[:-1], name + "x", "b"):
            assert written_size(header, other) is member_size(header, other) is None
        for position in (0, 130, 156, 257):
            changed = header[:position] + b"\xff" + header[position + 1 :]
            assert written_size(changed, name) is member_size(changed, name) is None
        assert written_size(header[:-1], name) is member_size(b"", name) is None
