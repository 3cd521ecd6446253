"""Fit tables and long lines to the terminal. In a pipe or a file nothing is shortened or wrapped.

`width` is the only place that looks at the terminal, so that every table and every printed line follows one rule.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from synth.text import printable

_GAP = 2  # spaces between columns
_LEAST = 16  # characters; a column of words or ids does not become narrower
_EASY = 30  # characters that text should have if a row takes several lines anyway
_NARROWEST = 40  # columns that are assumed of a terminal that states fewer, or none
_MARK = "..."  # in place of what is cut out
_CONTINUED = 4  # spaces before the second and later lines of a row


def width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal behind `stream` (default: stdout); None if it is a pipe or a file."""
    if not (stream or sys.stdout).isatty():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def shortened(text: str, size: int) -> str:
    """Cut out the middle of a text that has more than `size` characters: `car_idle_2024...take3`."""
    if len(text) <= size:
        return text
    tail = (size - len(_MARK)) // 2
    return text[: size - len(_MARK) - tail] + _MARK + text[len(text) - tail :]


def wrapped(text: str, columns: int | None) -> str:
    """Break lines that are longer than the terminal between words; commands (`$ ...`) stay as they are."""
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _wrapped_line(line, columns))


def _wrapped_line(line: str, columns: int) -> list[str]:
    body = line.lstrip(" ")
    if len(line) <= columns or body.startswith("$ "):
        return [line]
    indent = " " * (len(line) - len(body))
    return _split(body, columns, indent, f"{indent}  ")


def _split(text: str, columns: int, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text, columns, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    ) or [first]


def number_text(value: float | None) -> str:
    """Write a number with about three digits, for a cell: `1234`, `12.3`, `1.23`; `-` for None."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(
    rows: Sequence[Sequence[str]], *, text: Iterable[int] = (0,), left_aligned: Iterable[int] = (), indent: int = 0
) -> list[str]:
    """Align columns, and fit them to the terminal.

    Columns of text are aligned to the left, numbers to the right. On a narrow terminal text is broken between words,
    and a longer word (an id) loses its middle. Other columns are never broken. If that is not enough, a row takes
    several lines.

    Args:
        rows: the cells; the first row is the head.
        text: numbers of the columns that hold text.
        left_aligned: numbers of further columns that are aligned to the left.
        indent: spaces before each line.

    Returns:
        The lines, without a line end.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    layout = _Layout(rows, frozenset(text), frozenset(left_aligned), indent)
    columns = list(range(len(rows[0])))
    limit = width()
    if limit is None or layout.line_width(columns, layout.natural) <= limit - indent:
        return layout.lines([columns], layout.natural)
    sizes = layout.fitted(columns, limit - indent)
    if sizes is not None:
        return layout.lines([columns], sizes)
    chunks = layout.chunks(limit - indent)
    return layout.lines(chunks, layout.sizes_of(chunks, limit - indent))


class _Layout:
    """The cells of one table and how wide its columns can be. Sizes are characters, by the number of the column."""

    def __init__(
        self, rows: Sequence[Sequence[str]], text: frozenset[int], left_aligned: frozenset[int], indent: int
    ) -> None:
        self.rows, self.text, self.left_aligned, self.indent = rows, text, text | left_aligned, indent
        columns = range(len(rows[0]))
        self.natural = {i: max(len(row[i]) for row in rows) for i in columns}
        self.least = {i: self._narrowest(i) for i in columns}

    def _narrowest(self, column: int) -> int:
        """Text may get narrow; other columns need the whole of each cell, but a head may be broken between words."""
        head = max((len(word) for word in self.rows[0][column].split()), default=0)
        if column in self.text:
            return min(self.natural[column], max(_LEAST, head))
        return max([head, *(len(row[column]) for row in self.rows[1:])])

    def line_width(self, columns: Sequence[int], sizes: Mapping[int, int]) -> int:
        """Characters of a line with these columns."""
        return sum(sizes[i] for i in columns) + _GAP * (len(columns) - 1)

    def fitted(self, columns: Sequence[int], room: int) -> dict[int, int] | None:
        """Find sizes with which the columns fit: the widest text gives way; None if there are none."""
        sizes = {i: self.natural[i] if i in self.text else self.least[i] for i in columns}
        while (over := self.line_width(columns, sizes) - room) > 0:
            wide = [i for i in columns if sizes[i] > self.least[i]]
            if not wide:
                return None
            widest = max(wide, key=lambda i: sizes[i])
            second = max((sizes[i] for i in wide if i != widest), default=self.least[widest])
            sizes[widest] = max(self.least[widest], sizes[widest] - max(1, min(over, sizes[widest] - second)))
        return sizes

    def chunks(self, room: int) -> list[list[int]]:
        """Divide the columns into groups that fit one line each; all but the first are indented."""
        sizes = {i: max(size, min(self.natural[i], _EASY)) for i, size in self.least.items()}
        groups: list[list[int]] = [[]]
        for i in sizes:
            space = room - (_CONTINUED if len(groups) > 1 else 0)
            if groups[-1] and self.line_width([*groups[-1], i], sizes) > space:
                groups.append([])
            groups[-1].append(i)
        return groups

    def sizes_of(self, chunks: Sequence[Sequence[int]], room: int) -> dict[int, int]:
        """Find the sizes of columns that are divided into groups."""
        sizes: dict[int, int] = {}
        for k, chunk in enumerate(chunks):
            space = room - (_CONTINUED if k else 0)
            sizes |= self.fitted(chunk, space) or {i: min(self.least[i], space) for i in chunk}
        return sizes

    def lines(self, chunks: Sequence[Sequence[int]], sizes: Mapping[int, int]) -> list[str]:
        """Write the table."""
        lines: list[str] = []
        for row in self.rows:
            for k, chunk in enumerate(chunks):
                start = " " * (self.indent + (_CONTINUED if k else 0))
                lines += [(start + line).rstrip() for line in self._row(row, chunk, sizes)]
        return lines

    def _row(self, row: Sequence[str], columns: Sequence[int], sizes: Mapping[int, int]) -> list[str]:
        parts = [_cell(row[i], sizes[i]) for i in columns]
        height = max(len(part) for part in parts)
        grid = [[*part, *[""] * (height - len(part))] for part in parts]
        aligned = [
            [line.ljust(sizes[i]) if i in self.left_aligned else line.rjust(sizes[i]) for line in part]
            for i, part in zip(columns, grid, strict=True)
        ]
        return [(" " * _GAP).join(cells) for cells in zip(*aligned, strict=True)]


def _cell(text: str, size: int) -> list[str]:
    if len(text) <= size:
        return [text]
    return _split(" ".join(shortened(word, size) for word in text.split()), size)
