"""Lists as CSV or TSV with a header line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from synth.errors import BadInput, UsageError
from synth.lists.row import Row, RowMistake, bad_row, column_names, row_from_fields
from synth.lists.source_text import MAX_LINE, NOT_UTF8, is_empty, is_utf8
from synth.text import CsvReader


def read_csv(path: Path, *, columns: Mapping[str, str] | None = None) -> Iterator[Row | BadInput]:
    """The rows of a list, and a refusal for each line that cannot be used.

    Columns are parted by tabs where the name ends in .tsv or .tab, or where the header has tabs and no commas; by
    commas otherwise.
    Raises UsageError where the header cannot be used.
    """
    names = column_names(columns)
    if is_empty(path):
        _header(path, iter(()), names)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = CsvReader(_bounded(file), delimiter=_delimiter(path))
        header = _header(path, lines, names)
        while True:
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error as error:
                yield bad_row(path.name, lines.line_num, str(error))
                continue
            if cells:
                yield _row(path, header, cells, names, lines.line_num)


def _row(
    path: Path, header: list[str], cells: list[str], names: Mapping[str, tuple[str, ...]], line: int
) -> Row | BadInput:
    if len(cells) != len(header):
        return bad_row(path.name, line, f"{len(cells)} cells, the header has {len(header)} columns")
    if not all(map(is_utf8, cells)):
        return bad_row(path.name, line, NOT_UTF8)
    try:
        return row_from_fields(dict(zip(header, cells, strict=True)), names, line, typed=False)
    except RowMistake as mistake:
        return bad_row(path.name, line, str(mistake))


def _bounded(file: IO[str]) -> Iterator[str]:
    """Lines; in place of one longer than a million characters one that the csv module refuses."""
    while line := file.readline(MAX_LINE):
        whole = len(line) < MAX_LINE or line.endswith("\n")
        yield line if whole else "x" * (csv.field_size_limit() + 1)
        while line and not whole:
            line = file.readline(MAX_LINE)
            whole = len(line) < MAX_LINE or line.endswith("\n")


def _delimiter(path: Path) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(MAX_LINE)
    return "\t" if "\t" in first and "," not in first else ","


def _header(path: Path, lines: Iterator[list[str]], names: Mapping[str, tuple[str, ...]]) -> list[str]:
    try:
        header = [name.strip() for name in next(lines, [])]
    except csv.Error as error:
        raise UsageError(f"{path}:1: {error}") from None
    if not all(map(is_utf8, header)):
        raise UsageError(f"{path}:1: {NOT_UTF8}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UsageError(f"{path}:1: the column {twice[0]!r} is there twice")
    if not any(name in header for name in names["path"]):
        wanted = " or ".join(names["path"])
        raise UsageError(f"{path}:1: no column {wanted} in the header ({', '.join(header) or 'empty'})")
    return header
