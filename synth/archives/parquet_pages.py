"""The sizes of the pages of a Parquet column, read from the headers of the pages themselves.

The threat: a page of a few bytes may say that it has two gigabytes, and pyarrow takes memory for what a page says. The
sizes in the footer need not be true, so all page headers are read before a column is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

ReadAt: TypeAlias = Callable[[int, int], bytes]

_MAX_HEADER: Final = 1 << 16  # bytes; statistics of a page may hold a long value
_MAX_PAGES: Final = 1 << 20
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


class PageError(ValueError):
    """The headers are not those of pages, or a page is too large; the text says which."""


class Pages(NamedTuple):
    """Sizes of the pages of a column chunk when they are decompressed, bytes."""

    first: int  #: which is the dictionary, if there is one
    largest: int
    total: int


def check_pages(read_at: ReadAt, start: int, length: int, largest: int) -> Pages:
    """Check all pages of a column chunk.

    Args:
        read_at: (position, count) -> bytes of the file.
        start: of the first page, bytes.
        length: of all pages with their headers, bytes.
        largest: bytes of a page when it is decompressed.

    Raises:
        PageError: a page says that it is larger, or a header is not one.
    """
    at, end, pages = start, start + length, Pages(-1, 0, 0)
    for _ in range(_MAX_PAGES):
        if at >= end:
            return pages
        header = _Compact(read_at(at, min(_MAX_HEADER, end - at)))
        plain, packed = header.page_sizes()
        if plain > largest:
            raise PageError(f"a page of {plain:,} bytes; at most {largest:,} are read")
        at += header.at + packed
        pages = Pages(plain if pages.first < 0 else pages.first, max(plain, pages.largest), pages.total + plain)
        if at > end:
            raise PageError("a page ends after its column")
    raise PageError(f"more than {_MAX_PAGES:,} pages in one column of a row group")


class _Compact:
    """Reads one struct in Thrift's compact protocol, as far as page headers need it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def page_sizes(self) -> tuple[int, int]:
        """(decompressed, compressed) bytes of the page whose header this is; goes to the end of the header."""
        sizes = {2: -1, 3: -1}
        number = 0
        while kind := self._byte():
            number, kind = self._field(number, kind)
            if number in sizes and kind == _I32:
                sizes[number] = self._zigzag()
            else:
                self._skip(kind, 0)
        if min(sizes.values()) < 0:
            raise PageError("a page header without sizes")
        return sizes[2], sizes[3]

    def _field(self, before: int, head: int) -> tuple[int, int]:
        return (before + (head >> 4) if head >> 4 else self._zigzag()), head & 15

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise PageError("a page header that does not end")
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise PageError("a page header with a number that is too long")
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > 8:
            raise PageError("a page header that is nested too deep")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._byte()
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _DOUBLE:
            self._forward(8)
        elif kind == _BINARY:
            self._forward(self._varint())
        elif kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            for _ in range(min(count, _MAX_HEADER)):
                self._byte() if head & 15 in (_TRUE, _FALSE) else self._skip(head & 15, depth + 1)
        elif kind == _STRUCT:
            number = 0
            while head := self._byte():
                number, field_kind = self._field(number, head)
                self._skip(field_kind, depth + 1)
        else:
            raise PageError("a page header of an unknown kind")

    def _forward(self, count: int) -> None:
        self.at += count
        if self.at > len(self._data):
            raise PageError("a page header that does not end")
