"""The one reader of tables that somebody else made: CSV, TSV or JSON lines, with one set of messages.

CSV and TSV have a header line. Columns without a name and rows without a value are skipped: spreadsheets leave both.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from synth.errors import UsageError
from synth.lists.lines import TOO_LONG, SourceLines
from synth.text import CsvReader, count_of, csv_line, is_utf8

JSON_LINES: Final = (".json", ".jsonl", ".ndjson")
_TABS: Final = (".tsv", ".tab")
HALF_PAIR: Final = (
    r"an escape such as \ud800, half of a surrogate pair, is not a character; write the character itself, in UTF-8"
)


class RowMistake(ValueError):
    """What is wrong with one row of a table, without the place."""


@dataclass(slots=True)
class TableRow:
    """One row of a table."""

    path: Path  #: of the table
    line: int  #: the last line of the row, from 1
    fields: dict[str, Any]  #: column -> value: text in CSV and TSV, as JSON has it in JSON lines
    text: str = ""  #: with `keep_text`: the lines of the row as they are, with their ends
    blank_text: str = ""  #: with `keep_text`: the blank lines before it
    cells: tuple[str, ...] = ()  #: with `keep_text`, of CSV and TSV: all cells, also those of columns without a name

    @property
    def where(self) -> str:
        """`file:line`, for messages."""
        return f"{self.path}:{self.line}"


@dataclass(slots=True)
class BadRow:
    """A row that cannot be read."""

    path: Path  #: of the table
    line: int  #: from 1
    mistake: str  #: what is wrong with it


class Table:
    """An open table; iterate over it once."""

    def __init__(self, path: Path, *, json_lines: bool, strict: bool, allow_nan: bool, keep_text: bool) -> None:
        self.path = path
        self.columns: tuple[str, ...] = ()  #: the header; empty for JSON lines and for an empty file
        self.delimiter = ","  #: of CSV and TSV
        self.header_text = ""  #: with `keep_text`: the header line as it is
        self._lines = SourceLines(path, newline="\n" if json_lines else "")
        self._decoder = _LENIENT if allow_nan else _STRICT
        self._kept: list[str] | None = [] if keep_text else None
        self._header: list[str] = []  # with "" for columns without a name
        self._blank = ""  # blank lines since the last row, with `keep_text`
        self._rows = self._json_rows() if json_lines else self._csv_rows(*self._open_csv(strict))

    def __iter__(self) -> Iterator[TableRow]:
        """The rows. Raises UsageError with the line that is not a row."""
        for row in self._rows:
            if isinstance(row, BadRow):
                raise UsageError(f"{row.path}:{row.line}: {row.mistake}")
            yield row

    def end_text(self) -> str:
        """With `keep_text`: the blank lines after the last row, once all rows were read."""
        return self._blank

    def rewritten(self, row: TableRow) -> str:
        """With `keep_text`: the lines of a row whose fields were changed, as its format has them."""
        end = row.text[len(row.text.rstrip("\r\n")) :]
        if not self._header:
            return json.dumps(row.fields, ensure_ascii=False) + end
        cells = [row.fields.get(name, cell) for name, cell in zip(self._header, row.cells, strict=True)]
        return csv_line(cells, delimiter=self.delimiter, end=end)

    def rows_and_mistakes(self) -> Iterator[TableRow | BadRow]:
        """The rows, and those that cannot be read in their place; a bad row does not end it."""
        return self._rows

    def _text(self) -> Iterator[str]:
        for line in self._lines:
            if self._kept is not None:
                self._keep(line)
            # A cell over the csv module's limit makes it refuse the row and start afresh with the next line, even
            # inside quotes. The beginning of a line that was cut might open a quote that swallows good rows.
            yield "x" * (csv.field_size_limit() + 1) if self._lines.complaint == TOO_LONG else line

    def _keep(self, line: str) -> None:
        if self._kept is not None:
            self._kept.append(self._lines.mark + line if self._lines.number == 1 else line)

    def _row(self, fields: dict[str, Any], cells: Iterable[str] = ()) -> TableRow:
        if self._kept is None:
            return TableRow(self.path, self._lines.number, fields)
        blank_text, self._blank = self._blank, ""
        return TableRow(self.path, self._lines.number, fields, self._taken_text(), blank_text, tuple(cells))

    def _taken_text(self) -> str:
        if self._kept is None:
            return ""
        text = "".join(self._kept)
        self._kept.clear()
        return text

    def _bad(self, mistake: str) -> BadRow:
        mistake, self._lines.complaint = self._lines.complaint or mistake, None
        self._taken_text()
        return BadRow(self.path, self._lines.number, mistake)

    def _open_csv(self, strict: bool) -> tuple[CsvReader, list[str]]:
        """The reader behind its header line, and the names of all columns, "" for those without one."""
        text = self._text()
        first = next(text, "")
        while first and not first.strip(" ,;\t\r\n"):
            first = next(text, "")
        delimiter = max(",;\t", key=first.count)  # some spreadsheets save with semicolons; a comma if there is none
        if self.path.suffix.lower() in _TABS:
            delimiter = "\t"
        self.delimiter = delimiter
        reader = CsvReader(itertools.chain([first], text), delimiter=delimiter, strict=strict)
        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise UsageError(f"{self.path}:1: {self._lines.complaint or f'not valid CSV: {error}'}") from None
        if self._lines.complaint:
            raise UsageError(f"{self.path}:1: {self._lines.complaint}")
        if twice := sorted({name for name in header if name and header.count(name) > 1}):
            raise UsageError(f"{self.path}:1: duplicate column {twice[0]!r}")
        self._header = header
        self.columns = tuple(filter(None, header))
        self.header_text = self._taken_text()
        return reader, header

    def _csv_rows(self, reader: CsvReader, header: list[str]) -> Iterator[TableRow | BadRow]:
        unnamed = "" in header
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._bad(f"not valid CSV: {error}")
                continue
            if self._lines.complaint:
                yield self._bad("")
                continue
            if not any(cells) or not any(map(str.strip, cells)):
                self._blank += self._taken_text()
                continue
            if len(cells) != len(header):
                yield self._bad(f"{count_of(len(cells), 'cell')}, the header has {count_of(len(header), 'column')}")
                continue
            fields = dict(zip(header, cells, strict=True))
            if unnamed:
                del fields[""]
            yield self._row(fields, cells)

    def _json_rows(self) -> Iterator[TableRow | BadRow]:
        for line in self._lines:
            self._keep(line)
            if self._lines.complaint:
                yield self._bad("")
            elif not line or line.isspace():
                self._blank += self._taken_text()
            else:
                try:
                    fields = self._json_object(line)
                except RowMistake as mistake:
                    yield self._bad(str(mistake))
                else:
                    yield self._row(fields)

    def _json_object(self, line: str) -> dict[str, Any]:
        try:
            fields = self._decoder.decode(line)
        except RecursionError:
            raise RowMistake("not JSON: nested too deeply") from None
        except json.JSONDecodeError as error:
            raise RowMistake(f"not JSON: {error.msg} at character {error.pos + 1}") from None
        except ValueError as error:
            raise RowMistake(f"not JSON: {error}") from None
        if not isinstance(fields, dict):
            raise RowMistake("not a JSON object")
        if "\\u" in line and not _is_all_utf8(fields):
            raise RowMistake(HALF_PAIR)
        return fields


def read_table(
    path: Path,
    *,
    json_lines: bool | None = None,
    strict: bool = True,
    allow_nan: bool = True,
    keep_text: bool = False,
) -> Table:
    """Open a table and read its header. Rows are read as they are iterated; memory: one row.

    Args:
        path: `.json`, `.jsonl` and `.ndjson` are JSON lines. Everything else is CSV: with tabs if it is called `.tsv`
            or `.tab`, otherwise with what the header has most of: commas, semicolons or tabs.
        json_lines: decide the format whatever the name is.
        strict: refuse quotes that CSV does not allow, rather than guess.
        allow_nan: accept NaN and Infinity in JSON lines.
        keep_text: keep the text of each row, for whoever writes the table again.

    Raises:
        UsageError: the file cannot be read, or the header is not one. Iterating raises it for a bad row.
    """
    return Table(
        path,
        json_lines=path.suffix.lower() in JSON_LINES if json_lines is None else json_lines,
        strict=strict,
        allow_nan=allow_nan,
        keep_text=keep_text,
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


_LENIENT: Final = json.JSONDecoder()
_STRICT: Final = json.JSONDecoder(parse_constant=_no_constant)


def _is_all_utf8(value: object) -> bool:
    """Whether every text in a value as JSON has it, keys too, can be written as UTF-8."""
    if isinstance(value, str):
        return is_utf8(value)
    if isinstance(value, dict):
        return all(map(_is_all_utf8, value)) and all(map(_is_all_utf8, value.values()))
    return all(map(_is_all_utf8, value)) if isinstance(value, list) else True
