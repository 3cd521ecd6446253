"""Pure mutators: bytes and a random generator in, other bytes and a word for what was changed out."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

Mutant = tuple[bytes, str]

_HEADER: Final = 256
_FLOATS: Final = (float("nan"), float("inf"), -float("inf"), 1e20, 3e38, -1e10, 1e-40)
_INTEGERS: Final = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)


def generator(seed: int, kind: str, index: int) -> Random:
    """The random generator of one mutant."""
    return Random(f"{seed} {kind} {index}")


# ---------------------------------------------------------------------------------------------- bytes


def mutate_bytes(data: bytes, draw: Random) -> Mutant:
    """One change that knows nothing of the format: bits, ranges, or a number in the header."""
    if not data:
        return draw.randbytes(draw.randint(1, 64)), "filled"
    change = draw.choice(_BYTE_CHANGES)
    return change(data, draw), change.__name__.strip("_")


def _flip_bits(data: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _flip_header_bit(data: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    changed[draw.randrange(min(len(changed), _HEADER))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(data: bytes, draw: Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _delete_range(data: bytes, draw: Random) -> bytes:
    start = draw.randrange(len(data))
    return data[:start] + data[start + draw.choice((1, 2, 4, 16, 100, len(data) // 4)) :]


def _insert_bytes(data: bytes, draw: Random) -> bytes:
    start = draw.randrange(len(data))
    return data[:start] + draw.randbytes(draw.choice((1, 2, 4, 100, 1000))) + data[start:]


def _repeat_range(data: bytes, draw: Random) -> bytes:
    start = draw.randrange(len(data))
    stop = start + draw.choice((4, 16, 100, len(data) // 4))
    return data[:stop] + data[start:stop] + data[stop:]


def _zero_range(data: bytes, draw: Random) -> bytes:
    start = draw.randrange(len(data))
    stop = min(len(data), start + draw.choice((1, 4, 64, 1000)))
    return data[:start] + bytes(stop - start) + data[stop:]


def _append(data: bytes, draw: Random) -> bytes:
    return data + draw.choice((b"\0" * 1000, draw.randbytes(1000), data))


def _edit_field(data: bytes, draw: Random) -> bytes:
    """A number of 2, 4 or 8 bytes in the header, to an extreme value, of either byte order."""
    size = draw.choice((2, 4, 4, 8))
    at = draw.randrange(max(1, min(len(data), _HEADER) // 2)) * 2
    number = draw.choice(_INTEGERS) % (1 << 8 * size)
    return data[:at] + number.to_bytes(size, draw.choice(("little", "big"))) + data[at + size :]


def _edit_float(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(max(1, len(data) // 4)) * 4
    return data[:at] + struct.pack(draw.choice("<>") + "f", draw.choice(_FLOATS)) + data[at + 4 :]


_BYTE_CHANGES: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (
    _flip_bits,
    _flip_bits,
    _flip_header_bit,
    _cut,
    _delete_range,
    _insert_bytes,
    _repeat_range,
    _zero_range,
    _append,
    _edit_field,
    _edit_field,
    _edit_float,
)


# ---------------------------------------------------------------------------------------------- text

NUMBERS: Final = (
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e999",
    "-1",
    "0",
    "-0.0",
    "1e-320",
    str(2**63),
    str(10**400),
    "0x10",
    "1_0",
    "٣",
)
_FRAGMENTS: Final = (
    "\0", "\x1b[2J", "\u2028", "\x85", "\u202e", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "\\ud800", '"', "'",
    ",", "\t", "\n", "\r", "{", "[", "}", "]", ":", "- ", "#", "&a", "*a", "!!python/object:os.system", "<<: *a", "|", ">", "..", "/",
    "null", "true", "~", "[]", "{}", "''", "=1+1", "../../etc/passwd", "/dev/zero", "\ufeff", "é",
)  # fmt: skip


def mutate_text(data: bytes, draw: Random) -> Mutant:
    """One change of a text file: a line, a word, a number, an encoding; or of its bytes."""
    change = draw.choice(_TEXT_CHANGES)
    if change is None:
        return mutate_bytes(data, draw)
    return change(data, draw), change.__name__.strip("_")


def _change_lines(data: bytes, draw: Random) -> bytes:
    lines = data.split(b"\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    what = draw.choice(("drop", "repeat", "swap", "empty", "join"))
    if what == "drop":
        del lines[at]
    elif what == "repeat":
        lines.insert(other, lines[at])
    elif what == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif what == "empty":
        lines[at] = b""
    else:
        lines[at : at + 2] = [b"".join(lines[at : at + 2])]
    return b"\n".join(lines)


def _insert_fragment(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(_FRAGMENTS).encode("utf-8") + data[at:]


def _words(data: bytes) -> list[tuple[int, int]]:
    """Where words are: runs of letters, digits and what is inside numbers and paths."""
    inside = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-/")
    spans, start = [], None
    for at, byte in enumerate(data + b"\n"):
        if byte in inside and start is None:
            start = at
        elif byte not in inside and start is not None:
            spans.append((start, at))
            start = None
    return spans


def _replace_word(data: bytes, draw: Random) -> bytes:
    spans = _words(data)
    if not spans:
        return _insert_fragment(data, draw)
    start, stop = draw.choice(spans)
    other = draw.choice(spans)
    words = (data[slice(*other)], draw.choice(NUMBERS).encode(), draw.choice(_FRAGMENTS).encode("utf-8"), b"")
    return data[:start] + draw.choice(words) + data[stop:]


def _replace_number(data: bytes, draw: Random) -> bytes:
    spans = [(a, b) for a, b in _words(data) if data[a:b].strip(b"+-.")[:1].isdigit()]
    if not spans:
        return _replace_word(data, draw)
    start, stop = draw.choice(spans)
    return data[:start] + draw.choice(NUMBERS).encode() + data[stop:]


def _change_encoding(data: bytes, draw: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return draw.choice(
        (
            text.replace("e", "é").encode("latin-1", "replace"),
            text.encode("utf-16"),
            b"\xef\xbb\xbf" + data,
            text.encode("utf-32"),
            text.replace("\n", "\r\n").encode(),
            text.replace("\n", "\r").encode(),
        )
    )


def _make_huge(data: bytes, draw: Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice((b"x" * 2_000_000, b"[" * 200_000, b"9" * 50_000, b'{"a":' * 100_000)) + data[at:]


_TEXT_CHANGES: Final[tuple[Callable[[bytes, Random], bytes] | None, ...]] = (
    _change_lines,
    _change_lines,
    _insert_fragment,
    _insert_fragment,
    _replace_word,
    _replace_word,
    _replace_number,
    _replace_number,
    _change_encoding,
    _make_huge,
    None,
)


# ---------------------------------------------------------------------------------------------- JSON

_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, -1e308, 2**63, 10**400, float("nan"), float("inf"), "", "x", "x" * 5000, [], {}, [[]], [None],
    {"a": 1}, "\ud800", "\u2028", "\x1b[2J", "../../etc/passwd", "/dev/zero", "=1+1", ".", ["a", "b"], [1, 2, 3],
)  # fmt: skip


def mutate_field(data: bytes, draw: Random) -> Mutant:
    """One field of one JSON line (or of the JSON file): another value, away, or one more. Else a change of the text."""
    lines = data.split(b"\n")
    filled = [
        k for k, line in enumerate(lines) if line.lstrip()[:1] in (b"{", b"[") and line.rstrip()[-1:] in (b"}", b"]")
    ]
    whole = not filled or data.lstrip()[:2] == b"{\n"
    at = 0 if whole else draw.choice(filled)
    try:
        value = json.loads(data if whole else lines[at])
    except (ValueError, RecursionError):
        return mutate_text(data, draw)
    changed, name = change_field(value, draw)
    text = json.dumps(changed, ensure_ascii=draw.random() < 0.5, indent=1 if whole else None)
    encoded = text.encode("utf-8", "surrogatepass")
    if whole:
        return encoded, name
    lines[at] = encoded
    return b"\n".join(lines), name


def change_field(value: Any, draw: Random) -> tuple[Any, str]:
    """A nested value with one field changed, in place, and which one."""
    places = list(_places(value, ()))
    if not places:
        return draw.choice(_VALUES), "the whole"
    path = draw.choice(places)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    name = ".".join(map(str, path))
    what = draw.random()
    if what < 0.2:
        del holder[path[-1]]
        return value, f"without {name}"
    if what < 0.25 and isinstance(holder, dict):
        holder[draw.choice(("", "x", "\x1b[2J", "é", path[-1] + "2"))] = draw.choice(_VALUES)
        return value, f"more beside {name}"
    old = holder[path[-1]]
    close = isinstance(old, int | float) and not isinstance(old, bool) and draw.random() < 0.3
    holder[path[-1]] = old + draw.choice((1, -1, 1000)) if close else draw.choice(_VALUES)
    return value, f"other {name}"


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))
