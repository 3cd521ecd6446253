"""Text for people and spreadsheets: what may reach a terminal, and what may stand in a cell of a CSV file."""

from __future__ import annotations

import re
from typing import TypeVar

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_Value = TypeVar("_Value")


def printable(text: str) -> str:
    r"""The text with every character that a terminal could obey, or that is not shown, as `\xNN` or `\uNNNN`.

    Control characters, bidirectional marks, line separators, unusual spaces and surrogates are escaped; line breaks
    too, so a caller that structures lines passes them one by one. A byte of a file name that is not UTF-8 (a low
    surrogate, as `os.fsdecode` gives it) becomes `\xNN`.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def printable_lines(text: str) -> str:
    """`printable`, but for line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def printable_json(text: str) -> str:
    r"""JSON text that means the same and is printable: what is not becomes `\uNNNN`, which JSON allows in strings."""
    return "\n".join(
        line if line.isprintable() else "".join(c if c.isprintable() else _json_escaped(c) for c in line)
        for line in text.split("\n")
    )


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def csv_cell(value: _Value) -> _Value | str:
    """A cell for a CSV file that a spreadsheet takes as text, never as a formula.

    A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe in front of it. So does
    one that begins with apostrophes and then such a character, so that `csv_text` is an exact inverse. Numbers stay
    numbers.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def csv_text(cell: str) -> str:
    """The text of a cell that `csv_cell` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
