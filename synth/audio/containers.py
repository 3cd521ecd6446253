"""Look into the first bytes of a file before any decoder does: which container, which coding, how much data.

The threat: libsndfile guesses among dozens of formats, with open bugs in the rare ones, so only what is on the list
here reaches it. And it reads a cut WAV or OGG file to its end without a word, which would make short clips of damaged
recordings, so the sizes in headers are compared with the file here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

ReadAt: TypeAlias = Callable[[int, int], bytes]
"""(position, count) -> at most that many bytes of the file."""

HEAD_BYTES: Final = 4096
MIN_RATE, MAX_RATE = 4000, 384_000  # Hz
MAX_CHANNELS: Final = 16
_MAX_CHUNKS: Final = 10_000
_MAX_OGG_PAGE: Final = 65_307  # bytes: a header of 27, 255 segments and their lengths

# Lengths that programs write which cannot go back to fill them in (ffmpeg, sox, arecord, GStreamer), some of them less
# the length of a header. They promise nothing.
_STREAMED = frozenset(
    base - less for base in (0xFFFFFFFF, 0xFFFFF000, 0x80000000, 0x7FFFFFFF, 0x7FFFF000) for less in (0, 36, 44)
)
_WAV_TAGS = {1: "PCM", 3: "float", 6: "A-law", 7: "mu-law"}
_AIFC_CODINGS = frozenset(
    {b"NONE", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
    | {b"ulaw", b"ULAW", b"alaw", b"ALAW"}
)
_AU_CODINGS = frozenset((1, 2, 3, 4, 5, 6, 7, 27))
_CAF_CODINGS = frozenset((b"lpcm", b"ulaw", b"alaw"))


class ContainerError(Exception):
    """The file cannot be used."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  #: one of BadInput.CODES
        self.message = message


@dataclass(frozen=True, slots=True)
class _Form:
    """What a header says, as far as it matters before decoding."""

    sample_rate: int  # Hz
    channels: int
    data_start: int  # position in the file
    data_bytes: int | None  # as promised; None: not known when the header was written


def sniff(head: bytes) -> str | None:
    """The container by its first bytes (at least 16 of them); None if it is not one that is read."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "rf64" if head[:4] == b"RF64" else "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return "w64"
    simple = {b"fLaC": "flac", b"OggS": "ogg", b".snd": "au", b"dns.": "au", b"caff": "caf"}
    if head[:4] in simple:
        return simple[head[:4]]
    return "mp3" if head[:3] == b"ID3" or is_mpeg_frame(head) else None


def is_mpeg_frame(head: bytes) -> bool:
    """Whether this is a frame header of MPEG layer III with a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer == 1 and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3


def examine(kind: str, read_at: ReadAt, size: int) -> None:
    """Check the coding, and the length that the header promises, against the list and the size of the file.

    Args:
        kind: the container, as `sniff` names it.
        read_at: reads the file.
        size: of the file, in bytes.

    Raises:
        ContainerError: unsupported, truncated, corrupt, empty, bad_rate, bad_channels.
    """
    if kind == "mp3":
        return _examine_mp3(read_at, size)
    if kind == "ogg":
        return _examine_ogg(read_at, size)
    if kind == "flac":
        head = read_at(4, 22)
        if len(head) < 22 or head[0] & 0x7F != 0 or int.from_bytes(head[1:4], "big") != 34:
            raise ContainerError("corrupt", "FLAC without its stream information")
        packed = int.from_bytes(head[14:22], "big")  # 20 bits of rate, 3 of channels, 5 of bits, 36 of samples
        return check_form(packed >> 44, (packed >> 41 & 7) + 1)
    form = {"wav": _wav, "rf64": _wav, "w64": _w64, "aiff": _aiff, "au": _au, "caf": _caf}[kind](read_at, size)
    check_form(form.sample_rate, form.channels)
    present = size - form.data_start
    if form.data_bytes is not None and form.data_bytes > present:
        text = f"the header promises {form.data_bytes} bytes of sound, the file has {max(present, 0)}"
        raise ContainerError("truncated", text)
    if present <= 0 or form.data_bytes == 0:
        raise ContainerError("empty", "it holds no samples")
    return None


def check_form(sample_rate: int, channels: int) -> None:
    """Check a sample rate (Hz) and a number of channels. Raises ContainerError: bad_rate, bad_channels."""
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise ContainerError("bad_rate", f"{sample_rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz")
    if not 1 <= channels <= MAX_CHANNELS:
        raise ContainerError("bad_channels", f"{channels} channels; 1 to {MAX_CHANNELS} can be read")


def _unpack(layout: str, data: bytes) -> tuple[int, ...]:
    if len(data) < struct.calcsize(layout):
        raise ContainerError("truncated", "the file ends inside its header")
    return struct.unpack_from(layout, data)


def _chunks(read_at: ReadAt, start: int, layout: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, position of its body, length) of each chunk, without reading the bodies."""
    position, width = start, struct.calcsize(layout)
    for _ in range(_MAX_CHUNKS):
        header = read_at(position, width)
        if len(header) < width:
            return
        name, length = struct.unpack(layout, header)
        if length < -1:
            return
        yield name, position + width, length
        position += width + length + (length & 1)
    raise ContainerError("corrupt", f"more than {_MAX_CHUNKS} chunks")


def _wav(read_at: ReadAt, size: int) -> _Form:
    """WAV, RIFX (big-endian), RF64 (64-bit sizes in a chunk of their own)."""
    order = ">" if read_at(0, 4) == b"RIFX" else "<"
    rate = channels = None
    long_bytes: int | None = None
    for name, body, length in _chunks(read_at, 12, order + "4sI"):
        if name == b"ds64":
            long_bytes = _unpack("<QQ", read_at(body, 16))[1]
        elif name == b"fmt ":
            rate, channels = _wave_format(read_at(body, min(length, 40)), order)
        elif name == b"data":
            if rate is None or channels is None:
                raise ContainerError("corrupt", "the data come before the format")
            data_bytes = None if length in _STREAMED else length
            if long_bytes is not None and length == 0xFFFFFFFF:
                data_bytes = long_bytes if long_bytes < 1 << 62 else None
            return _Form(rate, channels, body, data_bytes)
    raise ContainerError("truncated", "the file ends before its data chunk")


def _wave_format(fmt: bytes, order: str) -> tuple[int, int]:
    tag, channels, rate, _, _, bits = _unpack(order + "HHIIHH", fmt)
    if tag == 0xFFFE:
        tag = _unpack(order + "24xI", fmt)[0]
    if tag not in _WAV_TAGS:
        raise ContainerError("unsupported", f"WAV coding 0x{tag:04x}; PCM, float, A-law and mu-law can be read")
    if tag == 1 and not 1 <= bits <= 32:
        raise ContainerError("unsupported", f"PCM of {bits} bits; up to 32 can be read")
    return rate, channels


def _w64(read_at: ReadAt, size: int) -> _Form:
    position, form = 40, None
    for _ in range(_MAX_CHUNKS):
        header = read_at(position, 24)
        if len(header) < 24:
            break
        name, length = header[:4], struct.unpack("<16xQ", header)[0]
        if name == b"fmt ":
            form = _wave_format(read_at(position + 24, 40), "<")
        elif name == b"data" and form is not None:
            return _Form(*form, position + 24, max(length - 24, 0) if length < 1 << 62 else None)
        position += max((length + 7) // 8 * 8, 24)
    raise ContainerError("truncated", "the file ends before its data chunk")


def _aiff(read_at: ReadAt, size: int) -> _Form:
    compressed = read_at(8, 4) == b"AIFC"
    form: tuple[int, int] | None = None
    sound: tuple[int, int] | None = None
    for name, body, length in _chunks(read_at, 12, ">4sI"):
        if name == b"COMM":
            comm = read_at(body, 22)
            channels, _, bits, exponent, mantissa = _unpack(">HIHHQ", comm)
            coding = comm[18:22] if compressed else b"NONE"
            if coding not in _AIFC_CODINGS or bits > 64:
                text = f"AIFF coding {coding.decode('latin-1')!r}, {bits} bits"
                raise ContainerError("unsupported", f"{text}; PCM, float, A-law and mu-law can be read")
            shift = 16383 + 63 - (exponent & 0x7FFF)  # the rate is an 80-bit float
            form = mantissa >> shift if 0 <= shift < 64 and not exponent & 0x8000 else 0, channels
        elif name == b"SSND":
            sound = body + 8, max(length - 8, 0)
        if form and sound:
            return _Form(*form, *sound)
    if form is None:
        raise ContainerError("truncated", "the file ends before its format")
    raise ContainerError("empty", "it has no chunk of sound")


def _au(read_at: ReadAt, size: int) -> _Form:
    head = read_at(0, 24)
    order = ">" if head[:4] == b".snd" else "<"
    start, length, coding, rate, channels = _unpack(order + "4x5I", head)
    if coding not in _AU_CODINGS:
        raise ContainerError("unsupported", f"AU coding {coding}; PCM, float, A-law and mu-law can be read")
    return _Form(rate, channels, start, None if length == 0xFFFFFFFF else length)


def _caf(read_at: ReadAt, size: int) -> _Form:
    form: tuple[int, int] | None = None
    for name, body, length in _chunks(read_at, 8, ">4sq"):
        if name == b"desc":
            desc = read_at(body, 32)
            if len(desc) < 32:
                raise ContainerError("truncated", "the file ends inside its header")
            rate, coding, _, _, _, channels, _ = struct.unpack(">d4s5I", desc)
            if coding not in _CAF_CODINGS:
                text = f"CAF coding {coding.decode('latin-1')!r}; PCM, A-law and mu-law can be read"
                raise ContainerError("unsupported", text)
            form = (int(rate) if 0 < rate < 1e9 else 0), channels
        elif name == b"data" and form is not None:
            return _Form(*form, body + 4, None if length == -1 else max(length - 4, 0))
    raise ContainerError("truncated", "the file ends before its data chunk")


def _examine_ogg(read_at: ReadAt, size: int) -> None:
    page = read_at(0, 27 + 255 + 8)
    packet = page[27 + page[26] :] if len(page) > 26 else b""
    if not packet.startswith((b"\x01vorbis", b"OpusHead")):
        raise ContainerError("unsupported", "OGG that is neither Vorbis nor Opus")
    # The last page in the file must be whole, and say that it is the last of its stream.
    tail = read_at(max(0, size - _MAX_OGG_PAGE), _MAX_OGG_PAGE)
    at = tail.rfind(b"OggS\0")
    is_complete = False
    if 0 <= at <= len(tail) - 27:
        segments = tail[at + 26]
        end = at + 27 + segments + sum(tail[at + 27 : at + 27 + segments])
        is_complete = bool(tail[at + 5] & 4) and end <= len(tail)
    if not is_complete:
        raise ContainerError("truncated", "the stream stops before its last page")


def _examine_mp3(read_at: ReadAt, size: int) -> None:
    """A tag in front is skipped; then there must be a frame of layer III, perhaps after some padding."""
    start = tag_length(read_at(0, 10))
    if start >= size:
        raise ContainerError("truncated", "the file ends inside its tag")
    data = read_at(start, HEAD_BYTES)
    if not any(is_mpeg_frame(data[at : at + 4]) for at in sync_positions(data)):
        raise ContainerError("not_audio", "no MPEG layer III frame")


def tag_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins with these ten bytes; 0 if it is not one. Raises ContainerError: truncated."""
    if head[:3] != b"ID3":
        return 0
    if len(head) < 10:
        raise ContainerError("truncated", "the file ends inside its tag")
    return 10 + (head[6] & 127) * 2097152 + (head[7] & 127) * 16384 + (head[8] & 127) * 128 + (head[9] & 127)


def sync_positions(data: bytes) -> Iterator[int]:
    """Where the header of a frame may begin with at least four bytes of it."""
    at = data.find(b"\xff")
    while 0 <= at <= len(data) - 4:
        yield at
        at = data.find(b"\xff", at + 1)
