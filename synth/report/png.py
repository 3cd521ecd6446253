"""Pictures as PNG (RFC 2083, ISO/IEC 15948), without an image library."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def png(pixels: Pixels, palette: Pixels | None = None) -> bytes:
    """Encode a picture.

    Args:
        pixels: uint8, shape (height, width): indices into the palette; without a palette, shape (height, width, 3):
            red, green, blue.
        palette: uint8, shape (colors, 3), at most 256 colors: red, green, blue.
    """
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    # the 0 in front of each row says that it is not filtered
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    color_type = 2 if palette is None else 3
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)),
            b"" if palette is None else _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
