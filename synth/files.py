"""Every byte that `synth` writes goes through this module; a test keeps it so.

A file appears under its final name whole or not at all: it is written aside, synced, renamed, and the folder is synced.
What is left over after a kill has a name that ends in `.tmp`, or lies in a staging folder; nobody reads it.

Each step that touches the disk, also one that reads (`reading`), is a numbered crash point. With `SYNTH_CRASH_AT=n` (or
`n:kill`) the process kills itself at its n-th step; with `n:enospc` or `n:eio` that step fails with this error. Tests
count n up until a run comes through (as SQLite is tested). A forked worker goes on counting from its parent's number.
"""

# A worker's hot path keeps paths as strings; to make a Path of each would cost as much as the call itself.
# ruff: noqa: PTH104, PTH108

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from synth.errors import StorageError

Data: TypeAlias = bytes | bytearray | memoryview

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_ERRORS: Final = {"enospc": errno.ENOSPC, "eio": errno.EIO}
_serial: Final = itertools.count()


# What an error of a read says of the file itself: it is not there, or not ours to read. Any other is the disk's.
_OF_THE_FILE: Final = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)
)


# ---------------------------------------------------------------------------------------------------- crash points


def _crash_plan(text: str | None) -> tuple[int, str]:
    number, _, mode = (text or "0").partition(":")
    return int(number), mode or "kill"


_crash_at, _crash_mode = _crash_plan(os.environ.get("SYNTH_CRASH_AT"))
_steps = 0


def _step(action: str, path: str | Path, half: Callable[[], object] | None = None) -> None:
    """One crash point. `half` does the first half of the step, as a full disk would."""
    global _steps
    if not _crash_at:
        return
    _steps += 1
    if _steps != _crash_at:
        return
    if half is not None:
        half()
    os.write(2, f"synth: crash point {_steps}: {_crash_mode} at {action} {path}\n".encode())
    if _crash_mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    code = _ERRORS[_crash_mode]
    raise OSError(code, os.strerror(code), str(path))


# ------------------------------------------------------------------------------------------------------ primitives


def _write_all(fd: int, data: Data) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(fd, view) :]


def _write(fd: int, data: Data, path: str | Path) -> None:
    _step("write", path, half=lambda: os.write(fd, memoryview(data).cast("B")[: len(data) // 2]))
    _write_all(fd, data)


def _create(path: str) -> int:
    _step("open", path)
    return os.open(path, _NEW, 0o666)


def _fsync(fd: int, path: str | Path) -> None:
    _step("fsync", path)
    os.fsync(fd)


def _fsync_path(path: str | Path) -> None:
    """fsync of a folder, or of a file that is closed already."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _fsync(fd, path)
    finally:
        os.close(fd)


def _rename(source: str, target: str | Path) -> None:
    _step("rename", target)
    os.rename(source, target)


def _link(source: str, target: Path) -> None:
    """Give `source` its final name only if that name is free; FileExistsError otherwise."""
    _step("link", target)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV):
            raise
        _rename_if_free(source, target)  # a file system without hard links
    else:
        os.unlink(source)


def _rename_if_free(source: str, target: Path) -> None:
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Linux's syncfs(fd): one call makes a whole batch durable. Python has only os.sync, for all disks."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # not at module level: `synth --help` does not need it

    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def _sync_batch(folder: Path, paths: Iterable[str | Path]) -> None:
    """Make `paths` (files or folders on the file system of `folder`) durable."""
    syncfs = _syncfs()
    if syncfs is None:
        for path in paths:
            _fsync_path(path)
        return
    _step("syncfs", folder)
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(fd) != 0:
            raise OSError(errno.EIO, "syncfs failed", str(folder))
    finally:
        os.close(fd)


# ---------------------------------------------------------------------------------------------------------- errors


def _free_space(path: Path) -> str:
    """`, 1.2 MB free` on the disk of the nearest folder that exists."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return f", {shutil.disk_usage(folder).free / 1e6:.1f} MB free"
    return ""


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError into one that says which path, why, and how much space is left."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot write {path}: {reason}{_free_space(path)}; fix that and run again") from error


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Where a file is read: a disk that fails is no fault of the file, and running again may go well.

    Raises:
        OSError: the file is missing, or not to be read (as the system says it).
        StorageError: any other error of the system, such as EIO or a stale network file.
    """
    try:
        _step("read", path)
        yield
    except OSError as error:
        if error.errno in _OF_THE_FILE or error.errno is None:
            raise
        raise StorageError(
            f"{path}: reading failed: {error.strerror or error}; check the disk, then run again"
        ) from error


# ------------------------------------------------------------------------------------------------------ one file


def _temp_name(path: Path, folder: Path | None) -> str:
    return str((folder or path.parent) / f".{path.name[:100]}.{os.getpid()}.{next(_serial)}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what a killed run has left: nobody reads it."""
    return name.startswith(".") and name.endswith(".tmp")


def make_mark(path: Path) -> None:
    """Make an empty file whose name says all; no error if it is there. It is not synced. Raises StorageError."""
    make_folder(path.parent)
    with _explained(path):
        _step("mark", path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666))


class Writer:
    """The body of a file that has not got its name yet."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path

    def write(self, data: Data) -> None:
        """Append bytes (anything contiguous with the buffer protocol, such as `array.data`)."""
        _write(self._fd, data, self._path)


@contextlib.contextmanager
def writing(path: Path, *, temp_folder: Path | None = None, create_only: bool = False) -> Iterator[Writer]:
    """Write a file piece by piece; it appears under `path` when the block ends without an exception.

    The temporary file lies in `temp_folder` (same file system), by default beside `path`; the folder of `path` is made
    where it is missing. With `create_only` an existing file is left as it is. Memory: one piece.

    Raises:
        FileExistsError: `create_only` and `path` exists.
        StorageError: disk full, I/O error, no permission.
    """
    with _explained(path):
        make_folder(path.parent)
        make_folder(temp_folder or path.parent)
        temp = _temp_name(path, temp_folder)
        fd = _create(temp)
        try:
            try:
                yield Writer(fd, path)
                _fsync(fd, path)
            finally:
                os.close(fd)
            _link(temp, path) if create_only else _rename(temp, path)
            _fsync_path(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temp)
            raise


def write_file(path: Path, data: Data | Iterable[Data], *, temp_folder: Path | None = None) -> None:
    """Write a file, replacing what is there at one moment. `data` may come in pieces. Errors as `writing`."""
    _write_whole(path, data, temp_folder=temp_folder, create_only=False)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write numpy arrays as one `.npz` file, whole or not at all, in place of what was there. Raises StorageError."""
    import io

    import numpy as np  # only here: the command line starts without it

    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    write_file(path, out.getbuffer())


def create_file(path: Path, data: Data | Iterable[Data], *, temp_folder: Path | None = None) -> None:
    """Write a file that must not be there yet. Raises FileExistsError where it is; other errors as `writing`."""
    _write_whole(path, data, temp_folder=temp_folder, create_only=True)


def _write_whole(path: Path, data: Data | Iterable[Data], *, temp_folder: Path | None, create_only: bool) -> None:
    pieces = (data,) if isinstance(data, bytes | bytearray | memoryview) else data
    with writing(path, temp_folder=temp_folder, create_only=create_only) as out:
        for piece in pieces:
            out.write(piece)


# ----------------------------------------------------------------------------------------------------- many files


class Staging:
    """Many small files written aside in one folder, which then get their final names together.

    `with Staging(folder) as staging: staging.put(target, data) ...; staging.publish()`. The folder is made at the start
    and is gone at the end, whatever happens (but a kill). Final names lie on the same file system.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        self._targets: list[Path] = []

    def __enter__(self) -> Staging:
        remove_folder(self.folder)
        make_folder(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(StorageError):
            remove_folder(self.folder)

    def put(self, target: Path, data: Data) -> None:
        """Write one file aside. Raises StorageError."""
        with _explained(target):
            fd = _create(f"{self._prefix}{len(self._targets)}")
            try:
                _write(fd, data, target)
            finally:
                os.close(fd)
        self._targets.append(target)

    def publish(self) -> None:
        """Sync all files, move each to its final name, sync the folders. Raises StorageError."""
        moves = [(f"{self._prefix}{k}", target) for k, target in enumerate(self._targets)]
        with _explained(self.folder):
            _sync_batch(self.folder, (temp for temp, _ in moves))
            for temp, target in moves:
                _move(temp, target)
            _sync_batch(self.folder, {target.parent for _, target in moves})
        self._targets.clear()


def _move(temp: str, target: Path) -> None:
    try:
        _rename(temp, target)
    except FileNotFoundError:  # the first file of its folder
        make_folder(target.parent)
        _rename(temp, target)


# -------------------------------------------------------------------------------------------------------- folders


def make_folder(path: Path) -> None:
    """Make a folder and its parents; no error where it exists. Raises StorageError."""
    if path.is_dir():
        return
    with _explained(path):
        _step("mkdir", path)
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file of our own; no error where there is none. Raises StorageError."""
    with _explained(path):
        _step("unlink", path)
        path.unlink(missing_ok=True)


def temporary_folder() -> Path:
    """A new folder outside every data set, for work that is thrown away; `remove_folder` ends it."""
    import tempfile

    with _explained(Path(tempfile.gettempdir())):
        return Path(tempfile.mkdtemp(prefix="synth-"))


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A `temporary_folder` that is gone afterwards."""
    folder = temporary_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_temporary_files(folder: Path) -> None:
    """Remove what killed runs left in a folder of ours: `writing` ended before its file got its name.

    The caller holds the lock under which files are written there. Raises StorageError.
    """
    for path in sorted(folder.glob(".*.tmp")):
        remove_file(path)


def remove_folder(path: Path) -> None:
    """Remove a folder of our own with all that is in it; no error where there is none. Raises StorageError."""
    if not path.is_dir():
        return
    with _explained(path):
        _step("rmtree", path)
        shutil.rmtree(path, ignore_errors=False)


# ---------------------------------------------------------------------------------------------------------- locks


def open_lock_file(path: Path) -> int:
    """Open (or make) a lock file for reading and writing; the caller closes the descriptor. Raises StorageError."""
    make_folder(path.parent)
    with _explained(path):
        _step("open", path)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)


def write_lock_text(fd: int, text: str, path: Path) -> None:
    """Replace the content of the lock file `path`, open as `fd`: who holds it. Raises StorageError."""
    with _explained(path):
        _step("write", path)
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
