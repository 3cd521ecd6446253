"""Reads the files of a data set, which may be damaged, cut, replaced by links or devices, or made to do harm.

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
from synth.archives.member_path import member_window, open_window
from synth.archives.window import Window
from synth.dataset.dataset_dir import PART_SUFFIX, TAR_SUFFIX, DatasetDir
from synth.errors import DamagedDataset, SynthError, UsageError

MAX_LINE: Final = 1 << 20  # bytes of a line of JSON, its end included
MAX_DOCUMENT: Final = 1 << 26  # bytes of a JSON document (dataset.json, plan.json)
MAX_PLAN_DOCUMENT: Final = 1 << 28  # bytes of a JSON document of the saved plan: some hundred per noise recording
MAX_HASHED: Final = 1 << 30  # bytes of a file beside the audio that is hashed, if its right size is not known

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NO_LINK: Final = _FLAGS | getattr(os, "O_NOFOLLOW", 0)
_CHUNK: Final = 1 << 20
# What a JSON parser lets pass, but UTF-8 and arithmetic do not: lone surrogates, and numbers beyond float.
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_EXPONENT: Final = re.compile(rb"[eE]\+?[0-9]{3,}[\s,\]}]")  # by itself: one pattern for both takes five times as long
_DIGITS: Final = bytes(ord("0") if chr(byte).isdecimal() else ord(" ") for byte in range(256))
_ENDLESS: Final = b"0" * 300


class NotJson(ValueError):
    """Bytes that are not JSON as we write it."""


def parse_json(data: bytes) -> Any:
    """Parse a JSON text in UTF-8, in which every number is finite and every text can be encoded.

    Raises:
        NotJson: it is not; the text says why.
    """
    try:
        value = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 (byte 0x{data[error.start]:02x} at position {error.start})") from None
    except RecursionError:
        raise NotJson("JSON that is nested too deep") from None
    except ValueError as error:
        raise NotJson(f"not JSON: {error}") from None
    if _HALF_PAIR.search(data) or _EXPONENT.search(data) or _ENDLESS in data.translate(_DIGITS):
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
    """Whether a path of a manifest is, by its spelling, not one below the data set."""
    parts = relative.split("/")
    return not relative or "\0" in relative or any(part in ("", ".", "..") for part in parts)


def open_regular(path: str | os.PathLike[str]) -> int:
    """Open a regular file; links are followed. Raises OSError, or StorageError if the disk fails."""
    with files.reading(os.fspath(path)):
        return _check_regular(os.open(path, _FLAGS))


def open_inside(root: Path, relative: str) -> int:
    """Open a regular file below `root`, with no link on the way except `root` itself.

    Args:
        root: the data set.
        relative: a path of a manifest.

    Returns:
        A descriptor.

    Raises:
        OSError: no such file, a link, not a regular file, or a path that leads out of the data set.
        StorageError: the disk fails.
    """
    if leads_out(relative):
        raise OSError(errno.EPERM, "it leads out of the data set")
    *folders, name = relative.split("/")
    with files.reading(root / relative):
        # Folder by folder, each relative to the one before: a path that is opened at once could lead over a link.
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                below = _open_at(folder, part, os.O_DIRECTORY)
                os.close(folder)
                folder = below
            return _check_regular(_open_at(folder, name, 0))
        finally:
            os.close(folder)


def open_window_inside(root: Path, relative: str, *, start: int | None = None, ahead: int = 0) -> Window:
    """Open a file below `root`, or a member of a tar file there, by its path in a manifest.

    Args:
        root: the data set.
        relative: a path of a manifest. A part of it that ends with `.tar` is a tar file.
        start: where the bytes of the member begin, as its row says; see `member_window`.
        ahead: as for `member_window`.

    Returns:
        The bytes of the file or the member. The caller closes `descriptor`.

    Raises:
        OSError, StorageError: as `open_inside`.
        BadInput: as `member_window`.
    """
    tar, member = split_at_tar(relative)
    descriptor = open_inside(root, tar)
    if not member:
        return Window.of_file(descriptor)
    with files.reading(f"{root}/{tar}"):
        return member_window(descriptor, tar, member, start=start, ahead=ahead)


def split_at_tar(relative: str) -> tuple[str, str]:
    """(tar file, name of the member) of a path in a manifest; (path, "") if it is the path of a whole file."""
    tar, suffix, member = relative.partition(f"{TAR_SUFFIX}/")
    return (tar + TAR_SUFFIX, member) if suffix else (relative, "")


def _open_at(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, _NO_LINK | flags, dir_fd=folder)
    except OSError as error:
        is_link = False
        with contextlib.suppress(OSError, ValueError):
            is_link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        if is_link:
            raise OSError(errno.ELOOP, f"{name} is a link, and a data set holds its files itself") from None
        if error.errno == errno.ENXIO:  # a socket
            raise OSError(errno.ENXIO, "not a regular file") from None
        raise


def _check_regular(descriptor: int) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a regular file")
    return descriptor


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file to read."""

    path: Path
    root: Path | None = None  # the data set that it belongs to; None for a manifest anywhere else

    @classmethod
    def named(cls, path: Path) -> DataFile:
        """A file that a person named; it belongs to a data set if it lies beside `dataset.json` or `.synth`."""
        beside = DatasetDir(path.parent)
        ours = os.path.lexists(beside.dataset_json) or beside.private.is_dir()
        return cls(path, path.parent if ours else None)

    @property
    def relative(self) -> str:
        """Its path in the data set; its name if it belongs to none."""
        if self.root is None:
            return self.path.name
        return (self.path.relative_to(self.root) if self.path.is_relative_to(self.root) else self.path).as_posix()

    def error(self, what: str, at: int | str | None = None) -> SynthError:
        """The error of a damaged file.

        Args:
            what: is wrong.
            at: the number of the line, or what else names the place.
        """
        path, place = str(self.path), ""
        if isinstance(at, int):
            path, place = f"{path}:{at}", f"line {at}: "
        elif at:
            path, place = f"{path}: {at}", f"{at}: "
        if self.root is None:
            return UsageError(f"{path}: {what}")
        text = f"{path}: {what}; {remedy(self.root, self.relative)}"
        return DamagedDataset(text, path=self.relative, what=place + what)

    def open_window(self, start: int | None = None, ahead: int = 0) -> Window:
        """As `open`, for audio, which may be a member of a tar file. `start` and `ahead`: as in `member_window`.

        Raises the error of the file, or BadInput: the tar file, or this member of it, cannot be used.
        """
        try:
            if self.root is not None:
                return open_window_inside(self.root, self.relative, start=start, ahead=ahead)
            with files.reading(self.path):
                return open_window(str(self.path), start, ahead=ahead)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def is_there(self) -> bool:
        """Whether there is such a file, or, for a member of a tar file, its tar file."""
        return os.path.lexists(self.path) or self.path.parent.is_file()

    def open(self) -> int:
        """Open it. Raises the error of the file if it is missing, a link, or not a regular file."""
        try:
            return open_regular(self.path) if self.root is None else open_inside(self.root, self.relative)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError | ValueError) -> SynthError:
        reason = getattr(error, "strerror", None) or str(error)
        return (
            self.error(f"cannot be read: {reason}") if self.root else UsageError(f"cannot read {self.path}: {reason}")
        )

    @contextlib.contextmanager
    def opened(self) -> Iterator[BufferedReader]:
        """As `open`, as a file object. Raises StorageError if the disk fails."""
        with open(self.open(), "rb") as file:  # noqa: PTH123 - a descriptor
            try:
                with files.reading(self.path):
                    yield file
            except OSError as error:
                raise self.error(f"cannot be read: {error.strerror or error}") from None

    def read(self, limit: int = MAX_DOCUMENT) -> bytes:
        """All bytes of it; a file of more than `limit` bytes is damaged."""
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
        """Read it line by line: (number from 1, bytes with the line end)."""
        with self.opened() as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise self.error(f"a line of more than {MAX_LINE >> 20} MiB", number)
                yield number, line

    def objects(self) -> Iterator[tuple[int, dict[str, Any], bytes]]:
        """Read it line by line, without blank lines: (number, JSON object, bytes)."""
        for number, line in self.lines():
            if not line.isspace():
                yield number, self.object(line, number), line

    def object(self, line: bytes, number: int | str | None) -> dict[str, Any]:
        """Parse one line, a JSON object; `number` is that of the line, or what else names its place."""
        try:
            value = parse_json(line)
        except NotJson as error:
            cut = not line.endswith(b"\n") and str(error).startswith("not JSON")
            raise self.error("the file is cut off inside this line" if cut else str(error), number) from None
        if not isinstance(value, dict):
            raise self.error("not a JSON object", number)
        return value

    def sha256(self, limit: int = MAX_HASHED) -> str:
        """The hash of its bytes, read in blocks; a file of more than `limit` bytes is damaged."""
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
    if relative.startswith(("audio/", "stems/")) and TAR_SUFFIX in relative:
        shard = re.search(r"_(\d{6,})\.tar", relative)
        if not has_runs or shard is None:
            return "copy the data set again"
        return f"remove .synth/parts/{shard[1]}{PART_SUFFIX} and run generate again, which makes its shard again"
    if relative.startswith(("audio/", "stems/")):
        return "`synth replay` makes the clip again" if has_runs else "copy the data set again"
    return f"run `synth finish {root}` to rebuild it" if has_runs else "copy the data set again"
