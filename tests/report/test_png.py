"""Pictures in full colour, read back by another reader than the one that wrote them."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from synth.report.png import png


def test_a_picture_in_colours_survives() -> None:
    pixels = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    picture = png(pixels)
    head = picture.index(b"IHDR") + 4
    assert struct.unpack(">IIBBBBB", picture[head : head + 13]) == (5, 2, 8, 2, 0, 0, 0)
    at = picture.index(b"IDAT")
    (size,) = struct.unpack(">I", picture[at - 4 : at])
    lines = np.frombuffer(zlib.decompress(picture[at + 4 : at + 4 + size]), np.uint8).reshape(2, 16)
    assert (lines[:, 0] == 0).all()
    assert (lines[:, 1:].reshape(2, 5, 3) == pixels).all()
    assert b"PLTE" not in picture
