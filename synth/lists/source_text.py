"""How lists that people made are read as text: one way for CSV, TSV and JSON lines, so that none of them is misread.

A line ends at a line feed (or, in a CSV of an old Mac, at a carriage return), never at what Unicode counts as a line
end besides: U+2028 and U+0085 stand inside values. What is not UTF-8 is refused with its line.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from synth.errors import UsageError

NOT_UTF8: Final = "not UTF-8; save the list as UTF-8"
HALF_PAIR: Final = (
    r"an escape such as \ud800, half of a surrogate pair, is no character; write the character itself, in UTF-8"
)
MAX_LINE: Final = 1 << 20
"""No line of a list is longer (characters)."""


def is_utf8(text: str) -> bool:
    """Whether the text can be written as UTF-8: no byte of another encoding in it, and no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def all_utf8(value: object) -> bool:
    """Whether every text in a value as JSON has it, keys too, `is_utf8`."""
    if isinstance(value, str):
        return is_utf8(value)
    if isinstance(value, dict):
        return all(map(all_utf8, value)) and all(map(all_utf8, value.values()))
    return all(map(all_utf8, value)) if isinstance(value, list) else True


def is_empty(path: Path) -> bool:
    """Whether a file has 0 bytes by its status. It must not be opened then: some files of /proc are regular, say 0, and
    block whoever reads them. A pipe is not empty. Raises OSError if it is not there."""
    status = path.stat()
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def text_lines(path: Path, *, keep_mark: bool = False) -> Iterator[str]:
    """The lines of a list, with their ends, as the csv module wants them. A byte order mark is dropped unless
    `keep_mark`.

    Raises UsageError with the line: not UTF-8, longer than MAX_LINE, or the file cannot be read.
    """
    encoding = "utf-8" if keep_mark else "utf-8-sig"
    try:
        if is_empty(path):
            return
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if not is_utf8(line):
                    raise UsageError(f"{path}:{number}: {NOT_UTF8}")
                if len(line) == MAX_LINE and not line.endswith("\n"):
                    raise UsageError(f"{path}:{number}: the line is longer than {MAX_LINE} characters")
                yield line
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def json_object(line: str, where: str) -> dict[str, Any]:
    """The object that a line of JSON lines holds; `where` is file:line. Raises UsageError."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise UsageError(f"{where}: not a JSON object")
        if not all_utf8(found):
            raise UsageError(f"{where}: {HALF_PAIR}")
    except RecursionError:
        raise UsageError(f"{where}: not JSON: nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}") from None
    return found
