"""Tar archives for tests, also those that no program would write."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path


def header(
    name: bytes, size: int = 0, kind: bytes = b"0", *, prefix: bytes = b"", magic: bytes = b"ustar\x0000"
) -> bytes:
    """A header with a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    block[345 : 345 + len(prefix)] = prefix
    return with_checksum(block)


def with_checksum(block: bytes | bytearray) -> bytes:
    """A header with its checksum made right."""
    block = bytearray(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def entry(name: bytes, data: bytes = b"", kind: bytes = b"0", **how: bytes) -> bytes:
    """A header and its data."""
    return header(name, len(data), kind, **how) + padded(data)


def pax(kind: bytes = b"x", **records: str) -> bytes:
    """An extended header."""
    data = b""
    for key, value in records.items():
        text = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(text) + len(str(len(text) + 3))
        data += (b"%d" % length) + text
        assert len(b"%d" % length + text) == length
    return entry(b"PaxHeaders/x", data, kind)


def padded(data: bytes) -> bytes:
    """Data up to the next block."""
    return data + bytes(-len(data) % 512)


END = bytes(1024)


def write_tar(path: Path, members: Iterable[tuple[str, bytes]], *, format: int = tarfile.USTAR_FORMAT) -> Path:
    """A plain archive, as Python writes it."""
    with tarfile.open(path, "w", format=format) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path
