from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.audio.containers import ContainerError, examine, sniff

MAGICS = [
    b"RIFF\0\0\0\0WAVE",
    b"RIFX\0\0\0\0WAVE",
    b"RF64\0\0\0\0WAVE",
    b"FORM\0\0\0\0AIFF",
    b"FORM\0\0\0\0AIFC",
    b"fLaC",
]
MAGICS += [
    b"OggS\0",
    b".snd",
    b"dns.",
    b"caff\0\1\0\0",
    b"ID3\4\0\0",
    b"\xff\xfb\x52\xc4",
    b"riff" + bytes(20) + b"wave",
]


def look(data: bytes) -> str:
    """What becomes of these bytes as a file."""
    kind = sniff(data[:4096])
    if kind is None:
        return "not_audio"
    try:
        examine(kind, lambda at, count: data[at : at + count], len(data))
    except ContainerError as error:
        return error.code
    return kind


def wav(*, tag=1, channels=1, rate=16000, bits=16, promised=None, sound=bytes(200), order="<", between=b"") -> bytes:
    fmt = struct.pack(order + "HHIIHH", tag, channels, rate, 0, 0, bits)
    promised = len(sound) if promised is None else promised
    name = b"RIFF" if order == "<" else b"RIFX"
    chunk = struct.pack(order + "4sI", b"fmt ", len(fmt)) + fmt + between
    return name + bytes(4) + b"WAVE" + chunk + struct.pack(order + "4sI", b"data", promised) + sound


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (wav(), "wav"),
        (wav(order=">"), "wav"),
        (wav(tag=3, bits=32), "wav"),
        (wav(tag=6, bits=8), "wav"),
        (wav(tag=7, bits=8), "wav"),
        (wav(tag=2), "unsupported"),
        (wav(tag=0x55), "unsupported"),
        (wav(bits=64), "unsupported"),
        (wav(channels=0), "bad_channels"),
        (wav(channels=17), "bad_channels"),
        (wav(channels=16), "wav"),
        (wav(channels=1024), "bad_channels"),
        (wav(rate=0), "bad_rate"),
        (wav(rate=3999), "bad_rate"),
        (wav(rate=4000), "wav"),
        (wav(rate=384_001), "bad_rate"),
        (wav(rate=2**32 - 1), "bad_rate"),
        (wav(promised=201), "truncated"),
        (wav(promised=0), "empty"),
        (wav(sound=b""), "empty"),
        (wav(promised=0xFFFFFFFF), "wav"),  # ffmpeg into a pipe
        (wav(promised=0x7FFFFFFF), "wav"),
        (wav(promised=0x7FFFF000), "wav"),  # sox into a pipe
        (wav(promised=0x7FFFFF00), "truncated"),  # a plain lie
        (wav()[:40], "truncated"),
        (wav()[:20], "truncated"),
        (wav(between=b"LIST" + struct.pack("<I", 5) + b"12345\0"), "wav"),  # an odd chunk is padded
        (wav(between=b"LIST" + struct.pack("<I", 1 << 30)), "truncated"),
        (wav(between=(b"junk" + bytes(4)) * 20_000), "corrupt"),
        (b"", "not_audio"),
        (b"hello, this is text", "not_audio"),
        (b"\x1aE\xdf\xa3webm", "not_audio"),
        (b"\xff\xf1\x50\x80" + bytes(100), "not_audio"),  # AAC
        (b"fLaC" + bytes(100), "corrupt"),
        (b"OggS\0\2" + bytes(20) + b"\1\x50Speex   " + bytes(100), "unsupported"),
        (b"OggS\0\2" + bytes(20) + b"\1\x1eOpusHead" + bytes(100), "truncated"),  # its last page does not end it
        (b"ID3\4\0\0\0\0\x7f\x7f" + bytes(50), "truncated"),
        (b"ID3\4\0\0\0\0\0\5" + bytes(50), "not_audio"),
    ],
)
def test_what_a_header_says_decides(data: bytes, outcome: str) -> None:
    assert look(data) == outcome


@given(st.sampled_from(MAGICS), st.binary(max_size=300))
def test_no_bytes_do_more_than_refuse_the_file(magic: bytes, rest: bytes) -> None:
    look(magic + rest)


@given(st.data())
def test_a_damaged_wav_header_does_no_more_than_refuse_the_file(data: st.DataObject) -> None:
    good = bytearray(wav(between=b"ds64" + struct.pack("<I", 16) + bytes(16)))
    at = data.draw(st.integers(0, 60))
    good[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    look(bytes(good))
