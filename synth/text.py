"""Text for people and spreadsheets: what may reach a terminal, and what may be in a cell of a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def printable(text: str) -> str:
    r"""Escape every character that a terminal could obey, or that is not visible, as `\xNN` or `\uNNNN`.

    File names and lists come from anywhere, and a name with escape sequences could rewrite the screen. Control
    characters, bidirectional marks, line separators, unusual spaces and surrogates are escaped; line breaks too, so
    pass lines one by one (`printable_lines`). A byte of a file name that is not UTF-8 (a low surrogate, as
    `os.fsdecode` gives it) becomes `\xNN`.
    """
    return text if text.isprintable() else _escaped(text, _escape)


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8: no byte of another encoding in it, and no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable_lines(text: str) -> str:
    """Escape as `printable` does, but keep line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def printable_json(text: str) -> str:
    r"""Escape as `printable_lines` does, but as `\uNNNN`, which JSON allows in strings: the text means the same."""
    lines = text.split("\n")
    return "\n".join(line if line.isprintable() else _escaped(line, _json_escape) for line in lines)


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    return "".join(c if c.isprintable() else escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode has it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    # JSON has no escape beyond U+FFFF: two halves of a pair instead
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def short_repr(value: object, limit: int = 60) -> str:
    """A value as Python writes it, for a message; a long one is cut after `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def cut_long_words(text: str, limit: int = 4096) -> str:
    """Cut every word of a message that is longer than `limit` characters, which is the longest path of a system.

    A value from a damaged file can have any length, and nobody reads a message of 50,000 characters.
    """
    if len(text) <= limit:
        return text
    return re.sub(rf"\S{{{limit + 1},}}", lambda word: f"{word[0][:100]}...{word[0][-50:]}", text)


def listed(
    items: Sequence[object], limit: int = 5, *, separator: str = ", ", noun: str = "", total: int | None = None
) -> str:
    """The first items of a list, for a message: `a, b, c and 7 more`.

    Args:
        items: what is listed, as `str` writes it.
        limit: at most this many are named.
        separator: what parts them. After any other than a comma the rest is an item of its own: `a; b; and 7 more`.
        noun: plural of what is counted: `and 7 more clips`.
        total: length of the whole list, if `items` are only its beginning.
    """
    shown = separator.join(str(item) for item in items[:limit])
    hidden = (len(items) if total is None else total) - min(len(items), limit)
    if hidden <= 0:
        return shown
    return f"{shown}{' ' if separator == ', ' else separator}and {hidden:,} more{noun and ' ' + noun}"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`, `1,024 spectra`; `plural` if it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration_text(seconds: float) -> str:
    """A duration for people: `5.0 s`, `12.0 min`, `1.5 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:,.1f} h"


def clock_text(seconds: float) -> str:
    """A duration as on a clock: `1:02:03` for 3723 s."""
    total = round(seconds)
    return f"{total // 3600}:{total % 3600 // 60:02}:{total % 60:02}"


def csv_cell(text: str) -> str:
    """A text as a cell of a CSV file that a spreadsheet takes as text, never as a formula.

    A transcript such as `=cmd|...` would be run by a spreadsheet. A text that begins with `=`, `+`, `-`, `@`, a tab or
    a line break gets an apostrophe in front of it, unless it is a plain number. So does one that begins with
    apostrophes and then such a character, so that `csv_text` is an exact inverse.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def csv_text(cell: str) -> str:
    """The text of a cell that `csv_cell` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_line(cells: Iterable[object], *, delimiter: str = ",", end: str = "\n") -> str:
    """One line of a CSV file: texts as `csv_cell` has them, numbers as they are, None as nothing."""
    # not csv.writer: it leaves a carriage return unquoted, and csv.reader refuses what it wrote
    texts = [csv_cell(cell) if isinstance(cell, str) else str(cell) for cell in ("" if c is None else c for c in cells)]
    if texts == [""]:
        return f'""{end}'
    marks = (delimiter, '"', "\r", "\n")
    quoted = ('"' + text.replace('"', '""') + '"' if any(mark in text for mark in marks) else text for text in texts)
    return delimiter.join(quoted) + end


class CsvReader:
    """The rows of a CSV file as texts; of a file that `csv_line` wrote, exactly the texts that went into it.

    Iterates as `csv.reader` does, and raises csv.Error.
    """

    def __init__(self, lines: Iterable[str], *, delimiter: str = ",", strict: bool = True) -> None:
        self._reader = csv.reader(lines, delimiter=delimiter, strict=strict)

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        return [csv_text(cell) if cell.startswith("'") else cell for cell in next(self._reader)]
