"""The bytes of one audio file, wherever they are: a file, a part of an archive, or decompressed in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """A range of an open file. Positions are relative to its start, and nothing outside of it can be read."""

    descriptor: int  #: of the open file
    start: int  #: position in the file, bytes
    size: int  #: bytes
    data: bytes | None = None  #: the bytes, if the file holds them compressed
    row: str = ""  #: which row of a Parquet file they are

    @classmethod
    def of_file(cls, descriptor: int) -> Window:
        """All of an open regular file, as large as it is now."""
        return cls(descriptor, 0, os.fstat(descriptor).st_size)

    @property
    def is_member(self) -> bool:
        """Whether it is a member of an archive, so that a decoder must not read the file by its descriptor."""
        return self.data is not None or self.start > 0

    def read_at(self, position: int, count: int) -> bytes:
        """At most `count` bytes from `position` on; none beyond the end. Raises OSError."""
        count = min(count, self.size - position)
        if count <= 0 or position < 0:
            return b""
        if self.data is not None:
            return self.data[position : position + count]
        return os.pread(self.descriptor, count, self.start + position)


class _WritableBuffer(Protocol):
    def __len__(self) -> int: ...
    def __setitem__(self, key: slice, value: bytes) -> None: ...


class WindowFile:
    """A window as a file object, as soundfile needs it. It never raises: what cannot be read is the end."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, at least 0; returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._window.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def readinto(self, buffer: _WritableBuffer) -> int:
        """Fill a buffer; returns the number of bytes, 0 at the end or if the disk fails."""
        try:
            data = self._window.read_at(self._at, len(buffer))
        except OSError:  # in the middle of the decoder's C code; whoever blames the file reads it once more
            return 0
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
