"""The pages of an Ogg file: their checksum, and the serial number that an encoder drew at random."""

from __future__ import annotations

import struct
import zlib
from typing import Final

#: capture pattern, version, flags, granule position, serial number, page number, checksum
PAGE_HEADER: Final = struct.Struct("<4sBBqIII")
SEGMENT_COUNT_AT: Final = PAGE_HEADER.size
"""Where a page has the number of its segments; their lengths follow, one byte each, and then the segments."""

_SERIAL: Final = slice(14, 18)
_CHECKSUM: Final = slice(22, 26)
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def page_checksum(page: bytes) -> int:
    """CRC-32 of a page with its checksum as 0 (RFC 3533, section 6)."""
    blank = page[: _CHECKSUM.start] + b"\0\0\0\0" + page[_CHECKSUM.stop :]
    # It is zlib's polynomial with the bits the other way round, from 0 and not inverted: with the bits of all bytes
    # reversed, zlib computes it a hundred times as fast as Python could.
    backwards = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(backwards.to_bytes(4, "little").translate(_REVERSED), "big")


def with_serial_number(data: bytes, serial: int) -> bytes:
    """An Ogg file of one stream with another serial number in each page; nothing else of it changes.

    Args:
        data: the file.
        serial: 32 bits.

    Raises:
        ValueError: these are not pages from the first byte to the last.
    """
    pages, at = [], 0
    while at < len(data):
        begin = at + SEGMENT_COUNT_AT + 1
        if not data.startswith(b"OggS\0", at) or len(data) < begin:
            raise ValueError(f"no Ogg page begins at byte {at}")
        lengths = data[begin : begin + data[begin - 1]]
        end = begin + len(lengths) + sum(lengths)
        page = bytearray(data[at:end])
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = page_checksum(bytes(page)).to_bytes(4, "little")
        pages.append(page)
        at = end
    return b"".join(pages)
