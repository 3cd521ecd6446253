"""Pages of OGG files: with a serial number of our own (the encoder draws one), and with checksums that fit again."""

from __future__ import annotations

from typing import Final


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


_TABLE: Final = _table()


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value


def with_checksums(data: bytes, *, serial: int | None = None) -> bytes:
    """Every page that can be found, with a checksum that fits; and with this serial number, if given."""
    changed = bytearray(data)
    at = 0
    while (at := changed.find(b"OggS", at)) >= 0 and at + 27 <= len(changed):
        segments = changed[at + 26]
        size = 27 + segments + sum(changed[at + 27 : at + 27 + segments])
        if serial is not None:
            changed[at + 14 : at + 18] = serial.to_bytes(4, "little")
        changed[at + 22 : at + 26] = bytes(4)
        changed[at + 22 : at + 26] = _checksum(bytes(changed[at : at + size])).to_bytes(4, "little")
        at += size
    return bytes(changed)
