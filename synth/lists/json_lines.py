"""Lists as JSON lines, as NeMo writes them: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NoReturn

from synth.errors import BadInput
from synth.lists.row import Row, RowMistake, bad_row, column_names, row_from_fields
from synth.lists.source_text import HALF_PAIR, MAX_LINE, NOT_UTF8, all_utf8, is_empty


def read_json_lines(path: Path, *, columns: Mapping[str, str] | None = None) -> Iterator[Row | BadInput]:
    """The rows of a list, and a refusal for each line that cannot be used. Empty lines are passed over."""
    names = column_names(columns)
    if is_empty(path):
        return
    with path.open("rb") as file:
        for number, line in enumerate(_bounded(file), 1):
            if line is None:
                yield bad_row(path.name, number, f"longer than {MAX_LINE} bytes")
            elif line.strip():
                yield _row(path, line, names, number)


def _row(path: Path, line: bytes, names: Mapping[str, tuple[str, ...]], number: int) -> Row | BadInput:
    try:
        fields = _DECODER.decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        if not isinstance(fields, dict):
            raise RowMistake("not a JSON object")
        if not all_utf8(fields):
            raise RowMistake(HALF_PAIR)
        return row_from_fields(fields, names, number)
    except RowMistake as mistake:
        return bad_row(path.name, number, str(mistake))
    except UnicodeDecodeError:
        return bad_row(path.name, number, NOT_UTF8)
    except json.JSONDecodeError as error:
        return bad_row(path.name, number, f"not JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:
        nested = isinstance(error, RecursionError)
        return bad_row(path.name, number, f"not JSON: {'nested too deeply' if nested else error}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _bounded(file: IO[bytes]) -> Iterator[bytes | None]:
    """Lines; None for one that is longer than a million bytes."""
    while line := file.readline(MAX_LINE):
        whole = len(line) < MAX_LINE or line.endswith(b"\n")
        yield line if whole else None
        while line and not whole:
            line = file.readline(MAX_LINE)
            whole = len(line) < MAX_LINE or line.endswith(b"\n")
