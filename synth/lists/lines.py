"""The lines of a text file that somebody else made: UTF-8, bounded in length, each complaint with its line.

A line ends at a line feed (or, in a CSV of an old Mac, at a carriage return), never at what Unicode counts as a line
end besides: U+2028 and U+0085 occur inside values.
"""

from __future__ import annotations

import gzip
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from synth import files
from synth.errors import UsageError
from synth.text import is_utf8

NOT_UTF8: Final = "not UTF-8; save the list as UTF-8"
MAX_LINE: Final = 1 << 20  # characters
TOO_LONG: Final = f"the line is longer than {MAX_LINE} characters"


class SourceLines:
    """The lines of a file, with their ends, as the csv module wants them. A byte order mark is dropped.

    A bad line does not end the iteration, so that one bad line of a long list costs one row: it sets `complaint`, which
    the reader clears. Of a line that is too long only the beginning is yielded.

    A file whose name ends in `.gz` is decompressed as it is read.

    Iterating raises UsageError if the file cannot be read, and StorageError if the disk fails.
    """

    def __init__(self, path: Path, *, newline: str = "") -> None:
        self.path = path
        self._newline = newline  # what ends a line, as `open` has it: "" is any of \n, \r\n and \r
        self.mark = ""  # the byte order mark, if the file begins with one
        self.number = 0  # of the line that was yielded last, from 1
        self.complaint: str | None = None  # what is wrong with a line yielded since this was None

    def __iter__(self) -> Iterator[str]:
        try:
            with files.reading(self.path):
                # Some files of /proc are regular, report 0 bytes, and block whoever reads them: do not open them.
                if is_empty(self.path):
                    return
                with self._open() as file:
                    while line := file.readline(MAX_LINE):
                        self.number += 1
                        if self.number == 1:
                            self.mark = "\ufeff" if line.startswith("\ufeff") else ""
                            line = line.removeprefix("\ufeff")
                        if len(line) == MAX_LINE and not line.endswith("\n"):
                            self.complaint = TOO_LONG
                            while (rest := file.readline(MAX_LINE)) and not rest.endswith("\n"):
                                pass
                        elif not is_utf8(line):
                            self.complaint = NOT_UTF8
                        yield line
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UsageError(f"{self.path}: it cannot be decompressed: {error}; copy it again") from None
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _open(self) -> TextIO:
        if self.path.suffix.lower() == ".gz":
            return gzip.open(self.path, mode="rt", encoding="utf-8", errors="surrogateescape", newline=self._newline)
        return self.path.open(encoding="utf-8", errors="surrogateescape", newline=self._newline)


def is_empty(path: Path) -> bool:
    """Whether a file has 0 bytes by its status. A pipe is never empty. Raises OSError if there is no such file."""
    status = path.stat()
    return stat.S_ISREG(status.st_mode) and status.st_size == 0
