"""Pictures of few colours as PNG (RFC 2083, ISO/IEC 15948), without an image library."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def png(pixels: Pixels, palette: Pixels) -> bytes:
    """`pixels`: shape (height, width), each an index into `palette`, shape (at most 256, 3): red, green, blue."""
    return _picture(pixels, 3, [_chunk(b"PLTE", palette.tobytes())])


def png_of_colours(pixels: Pixels) -> bytes:
    """`pixels`: shape (height, width, 3): red, green, blue."""
    return _picture(pixels, 2, [])


def _picture(pixels: Pixels, colour_type: int, before: list[bytes]) -> bytes:
    """`before`: chunks that stand before the samples."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # 0: this line is not filtered
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)),
            *before,
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
