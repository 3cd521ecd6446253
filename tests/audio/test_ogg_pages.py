"""The serial number of an Ogg file is replaced, its checksums with it, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from synth.audio.lossy_stream import check_stream
from synth.audio.ogg_pages import PAGE_HEADER, page_checksum, with_serial_number


def ogg(seconds: float = 3.0) -> bytes:
    out = io.BytesIO()
    samples = (np.random.default_rng(4).standard_normal(round(seconds * 16000)) * 3000).astype(np.int16)
    soundfile.write(out, samples, 16000, format="OGG", subtype="OPUS")
    return out.getvalue()


def test_every_page_has_the_serial_number_and_a_right_checksum() -> None:
    data = ogg()
    changed = with_serial_number(data, 0xDEADBEEF)
    check_stream("ogg", lambda at, count: changed[at : at + count], len(changed))  # raises for a wrong checksum
    at, pages = 0, 0
    while at < len(changed):
        serial = PAGE_HEADER.unpack_from(changed, at)[4]
        count = changed[at + 26]
        at, pages = at + 27 + count + sum(changed[at + 27 : at + 27 + count]), pages + 1
        assert serial == 0xDEADBEEF
    assert pages > 3


def test_two_encodings_of_the_same_samples_become_equal_and_decode_as_before() -> None:
    first, second = ogg(), ogg()
    assert with_serial_number(first, 7) == with_serial_number(second, 7) != with_serial_number(first, 8)
    assert len(with_serial_number(first, 7)) == len(first)
    before, after = (soundfile.read(io.BytesIO(data))[0] for data in (first, with_serial_number(first, 7)))
    np.testing.assert_array_equal(before, after)


def test_the_checksum_is_that_of_libogg() -> None:
    data = ogg(0.1)
    length = 27 + data[26] + sum(data[27 : 27 + data[26]])
    assert page_checksum(data[:length]) == int.from_bytes(data[22:26], "little")


@pytest.mark.parametrize("damage", [lambda data: data[1:], lambda data: data + b"more", lambda data: data + b"OggS\0"])
def test_what_is_not_pages_throughout_is_refused(damage: object) -> None:
    with pytest.raises(ValueError, match="no Ogg page begins at byte"):
        with_serial_number(damage(ogg(0.2)), 1)  # type: ignore[operator]
