"""The one reader of data sets, for files that may be damaged, cut, replaced by links or devices, or made to do harm.

Everything that reads a data set goes through `DataFile`: below the data set no link is followed, only regular files are
opened (a pipe never blocks), documents and lines have a largest size, and whatever is not the JSON that it should be
becomes one error that names file, line, fault and remedy: `DamagedDataset` (exit code 4) in a data set, `UsageError`
(exit code 2) for a manifest that lies anywhere else.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NoReturn

from synth import files
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import DamagedDataset, SynthError, UsageError

MAX_LINE: Final = 1 << 20
"""Bytes of a line of JSON, its end included."""
MAX_DOCUMENT: Final = 1 << 26
"""Bytes of a JSON document that is read whole (dataset.json, plan.json)."""
MAX_PLAN_DOCUMENT: Final = 1 << 28
"""Bytes of a JSON document of the saved plan: some hundred for each noise recording."""

MAX_HASHED: Final = 1 << 30
"""Bytes of a file beside the audio that is hashed, if nobody knows how large it should be."""

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NO_LINK: Final = _FLAGS | getattr(os, "O_NOFOLLOW", 0)
_CHUNK: Final = 1 << 20
# What a JSON parser lets pass, but UTF-8 and arithmetic do not: lone surrogates, and numbers beyond float.
_SUSPECT: Final = re.compile(rb"\\u[dD][89a-fA-F]|[eE]\+?[0-9]{3,}[\s,\]}]")
_DIGITS: Final = bytes(ord("0") if chr(byte).isdecimal() else ord(" ") for byte in range(256))
_ENDLESS: Final = b"0" * 300


class NotJson(ValueError):
    """Bytes that are not JSON as we write it."""


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8, in which every number is finite and every text can be written.

    Raises NotJson, with what is wrong.
    """
    try:
        value = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 (byte 0x{data[error.start]:02x} at position {error.start})") from None
    except RecursionError:
        raise NotJson("JSON that is nested too deep") from None
    except ValueError as error:
        raise NotJson(f"not JSON: {error}") from None
    if _SUSPECT.search(data) or _ENDLESS in data.translate(_DIGITS):
        _check_values(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _check_values(value: Any) -> None:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item, *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, float) and not math.isfinite(item):
            raise NotJson("a number beyond the range of floating point")
        elif isinstance(item, str) and not item.isascii():
            try:
                item.encode()
            except UnicodeEncodeError:
                raise NotJson("a text with half a surrogate pair, which is no character") from None


def leads_out(relative: str) -> bool:
    """Whether a path of a manifest is not one below the data set, by its spelling."""
    parts = relative.split("/")
    return not relative or "\0" in relative or any(part in ("", ".", "..") for part in parts)


def open_regular(path: str | os.PathLike[str]) -> int:
    """A descriptor of a regular file; links are followed. Raises OSError, and StorageError where the disk fails."""
    with files.reading(os.fspath(path)):
        return _regular(os.open(path, _FLAGS))


def open_inside(root: Path, relative: str) -> int:
    """A descriptor of a regular file below `root`, with no link on the way but `root` itself.

    Raises OSError, and StorageError where the disk fails.
    """
    if leads_out(relative):
        raise OSError(errno.EPERM, "it leads out of the data set")
    with files.reading(root / relative):
        return _open_below(root, *relative.split("/"))


def _open_below(root: Path, *parts: str) -> int:
    *folders, name = parts
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            below = _open_at(folder, part, os.O_DIRECTORY)
            os.close(folder)
            folder = below
        return _regular(_open_at(folder, name, 0))
    finally:
        os.close(folder)


def _open_at(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, _NO_LINK | flags, dir_fd=folder)
    except OSError as error:
        if _is_link(folder, name):
            raise OSError(errno.ELOOP, f"{name} is a link, and a data set holds its files itself") from None
        if error.errno == errno.ENXIO:  # a socket
            raise OSError(errno.ENXIO, "not a regular file") from None
        raise


def _is_link(folder: int, name: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def _regular(descriptor: int) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a regular file")
    return descriptor


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file to read. `root` is the data set that it belongs to; None for a manifest that lies anywhere else."""

    path: Path
    root: Path | None = None

    @classmethod
    def named(cls, path: Path) -> DataFile:
        """A file that a person named: of a data set where it lies beside `dataset.json` or `.synth`."""
        beside = DatasetDir(path.parent)
        ours = os.path.lexists(beside.dataset_json) or beside.private.is_dir()
        return cls(path, path.parent if ours else None)

    @property
    def relative(self) -> str:
        """Its path in the data set."""
        if self.root is None:
            return self.path.name
        return (self.path.relative_to(self.root) if self.path.is_relative_to(self.root) else self.path).as_posix()

    def error(self, what: str, at: int | str | None = None) -> SynthError:
        """The error of a file with this fault; `at`: the number of the line, or what else names the place."""
        line = f":{at}" if isinstance(at, int) else f": {at}" if at else ""
        text = f"{self.path}{line}: {what}"
        if self.root is None:
            return UsageError(text)
        place = f"line {at}: " if isinstance(at, int) else f"{at}: " if at else ""
        return DamagedDataset(f"{text}; {remedy(self.root, self.relative)}", path=self.relative, what=place + what)

    def open(self) -> int:
        """A descriptor of it. Raises the error of the file where it is missing, a link, or not a regular file."""
        try:
            return open_regular(self.path) if self.root is None else open_inside(self.root, self.relative)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if self.root is None:
                raise UsageError(f"cannot read {self.path}: {reason}") from None
            raise self.error(f"cannot be read: {reason}") from None

    @contextlib.contextmanager
    def opened(self) -> Iterator[BufferedReader]:
        """As `open`, as a file object. Raises StorageError where the disk fails."""
        with open(self.open(), "rb") as file:  # noqa: PTH123 - a descriptor
            try:
                with files.reading(self.path):
                    yield file
            except OSError as error:
                raise self.error(f"cannot be read: {error.strerror or error}") from None

    def read(self, limit: int = MAX_DOCUMENT) -> bytes:
        """All bytes of it, of at most `limit`."""
        with self.opened() as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise self.error(f"larger than {limit >> 20} MiB")
        return data

    def json(self, limit: int = MAX_DOCUMENT) -> Any:
        """The value of a JSON document."""
        try:
            return parse_json(self.read(limit))
        except NotJson as error:
            raise self.error(str(error)) from None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(number from 1, bytes with their end) of each line, one at a time."""
        with self.opened() as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise self.error(f"a line of more than {MAX_LINE >> 20} MiB", number)
                yield number, line

    def objects(self) -> Iterator[tuple[int, dict[str, Any], bytes]]:
        """(number, value, bytes) of each line that is not blank; every one is a JSON object."""
        for number, line in self.lines():
            if not line.isspace():
                yield number, self.object(line, number), line

    def object(self, line: bytes, number: int | str | None) -> dict[str, Any]:
        """The JSON object of one line, which is `number` of the file (or a name of its place)."""
        try:
            value = parse_json(line)
        except NotJson as error:
            cut = not line.endswith(b"\n") and str(error).startswith("not JSON")
            raise self.error("the file is cut off inside this line" if cut else str(error), number) from None
        if not isinstance(value, dict):
            raise self.error("not a JSON object", number)
        return value

    def sha256(self, limit: int = MAX_HASHED) -> str:
        """The hash of its bytes, read in pieces; a file of more than `limit` bytes is damaged."""
        with self.opened() as file:
            if os.fstat(file.fileno()).st_size > limit:
                raise self.error(f"larger than {limit >> 20:,} MiB")
            return hashlib.file_digest(file, "sha256").hexdigest()


def remedy(root: Path, relative: str) -> str:
    """What to do about a damaged file of a data set."""
    has_runs = DatasetDir(root).private.is_dir()
    if relative == ".synth/plan.json":
        return "make the data set again in a new directory"
    if relative.startswith(".synth/plan"):
        return "run the same `synth generate` again, which writes the saved plan again"
    if relative.startswith(".synth/lock"):
        return "remove it, and run again"
    if relative.startswith(".synth/parts/"):
        return "remove it and run generate again"
    if relative.startswith(("audio/", "stems/")):
        return "`synth replay` makes the clip again" if has_runs else "copy the data set again"
    return f"run `synth finish {root}` to rebuild it" if has_runs else "copy the data set again"
