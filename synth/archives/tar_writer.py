"""Tar files with the same bytes everywhere: USTAR, no time, no owner, members in the order in which they are added.

Members are streamed: no more than one block of small members is in memory besides the content that the caller holds.
The readers of tar files that are common in training (WebDataset, NeMo, Lhotse, Python's `tarfile`) read them.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

Data: TypeAlias = bytes | bytearray | memoryview

BLOCK: Final = 512  # bytes; headers take one, contents are filled up to whole ones
MAX_NAME_BYTES: Final = 100
"""A longer name needs an extension of the format, which some readers take for another member."""
MAX_MEMBER_BYTES: Final = 8**11 - 1  # what the eleven octal digits of a header hold
END: Final = bytes(2 * BLOCK)  # closes every tar file

#: All but the name, the size and the checksum is constant.
_MODE_AND_OWNER: Final = b"0000644\0" + b"0000000\0" * 2
_AFTER_CHECKSUM: Final = b"0" + bytes(100) + b"ustar\x0000" + bytes(64 + 16 + 155 + 12)
_CHECKSUM_OF_THE_REST: Final = sum(_AFTER_CHECKSUM) + 8 * ord(" ")  # the checksum itself counts as spaces
_NO_TIME: Final = b"00000000000\0"
_BAD_PARTS: Final = frozenset(("", ".", ".."))
_BUFFER: Final = 1 << 18  # bytes of small members that are written together
_LARGE: Final = 1 << 15  # bytes of a content that is written by itself: to copy it would cost more than a call


class TarOutput(Protocol):
    """Where a tar file goes, such as a `synth.files.Writer`."""

    def write(self, data: Data, /) -> object:
        """Append all bytes."""
        ...


def member_header(name: str, size: int) -> bytes:
    """The header of a regular file.

    Args:
        name: of the member, at most 100 bytes of UTF-8; no folders above it.
        size: bytes of its content.

    Raises:
        ValueError: the name or the size does not fit into a header, or the name leads out of the folder.
    """
    encoded = name.encode()
    if len(encoded) > MAX_NAME_BYTES:
        raise ValueError(f"the name {name!r} has {len(encoded)} bytes; a member of a tar file has at most 100")
    if "\0" in name or not _BAD_PARTS.isdisjoint(name.split("/")):
        raise ValueError(f"{name!r} cannot be the name of a member of a tar file")
    if not 0 <= size <= MAX_MEMBER_BYTES:
        raise ValueError(f"{name} has {size} bytes; a member of a tar file has at most {MAX_MEMBER_BYTES}")
    before = encoded.ljust(100, b"\0") + _MODE_AND_OWNER + b"%011o\0" % size + _NO_TIME
    checksum = sum(before) + _CHECKSUM_OF_THE_REST
    return before + b"%06o\0 " % checksum + _AFTER_CHECKSUM


def written_size(header: bytes, name: str) -> int | None:
    """The size in a header, if it is byte for byte the one that is written for a member of this name; else None."""
    digits = header[124:135]
    if len(header) != BLOCK or not digits.isdigit() or digits.strip(b"01234567"):
        return None
    size = int(digits, 8)
    try:
        return size if header == member_header(name, size) else None
    except ValueError:
        return None


def member_size(header: bytes, name: str) -> int | None:
    """The size in a header of the kind that is written here, if it is that of a member of this name; else None.

    Cheaper than `written_size`, since not all of the header is compared.
    """
    is_plain_file = header[156:157] == b"0" and header[257:265] == b"ustar\x0000"
    digits = header[124:135]
    if not is_plain_file or header[:100].rstrip(b"\0") != name.encode(errors="surrogateescape"):
        return None
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


def padding(size: int) -> int:
    """The zeros after a content of `size` bytes."""
    return -size % BLOCK


class TarWriter:
    """Writes one tar file.

    tar = TarWriter(out)
    tar.add("clip.flac", audio)
    tar.add("clip.json", row)
    tar.close()
    """

    def __init__(self, out: TarOutput) -> None:
        self._out = out
        self._pending = bytearray()
        self.position = 0  #: where the header of the next member begins, bytes

    def add(self, name: str, content: Data) -> int:
        """Append a member.

        Args:
            name: as for `member_header`.
            content: all of it; it is not copied unless it is small.

        Returns:
            Where its content begins in the tar file, bytes.

        Raises:
            ValueError: as `member_header`.
        """
        size = memoryview(content).nbytes
        self._append(member_header(name, size))
        start = self.position + BLOCK
        self._append(content)
        self._append(bytes(padding(size)))
        self.position = start + size + padding(size)
        return start

    def close(self) -> None:
        """Write the end of the tar file. The output stays open."""
        self._append(END)
        self._flush()
        self.position += len(END)

    def _append(self, data: Data) -> None:
        if memoryview(data).nbytes >= _LARGE:
            self._flush()
            self._out.write(data)
            return
        self._pending += data
        if len(self._pending) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._out.write(self._pending)
            self._pending = bytearray()
