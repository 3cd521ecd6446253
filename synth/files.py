"""Every byte that `synth` writes goes through this module; a test keeps it so.

A file appears under its final name complete or not at all: it is written under a temporary name, synced and renamed,
then the folder is synced. What a killed run leaves has a name that ends in `.tmp`, or is in a staging folder; nobody
reads it.

Each step that touches the disk, also one that reads (`reading`), is a numbered crash point. With `SYNTH_CRASH_AT=n` (or
`n:kill`) the process kills itself at its n-th step; with `n:enospc` or `n:eio` that step fails with this error. Tests
count n up until a run gets through, as SQLite is tested. A forked worker continues from its parent's number.
"""

# A worker's hot path keeps paths as strings; to make a Path of each would cost as much as the call itself.
# ruff: noqa: PTH104, PTH108

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
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


# Errors of reading that are about the file itself: it is missing, or may not be read. All others are the disk's.
_OF_THE_FILE: Final = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)
)


def _crash_plan(text: str | None) -> tuple[int, str]:
    number, _, mode = (text or "0").partition(":")
    return int(number), mode or "kill"


_crash_at, _crash_mode = _crash_plan(os.environ.get("SYNTH_CRASH_AT"))
_steps = 0


def _step(action: str, path: str | Path, half: Callable[[], object] | None = None) -> None:
    """One crash point. `half` does the first half of the step, as a disk does that gets full."""
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


def _write(fd: int, data: Data, path: str | Path) -> None:
    view = memoryview(data).cast("B")
    _step("write", path, half=lambda: os.write(fd, view[: len(view) // 2]))
    while view:
        view = view[os.write(fd, view) :]


def _create(path: str) -> int:
    _step("open", path)
    return os.open(path, _NEW, 0o666)


def _fsync(fd: int, path: str | Path) -> None:
    _step("fsync", path)
    os.fsync(fd)


def _fsync_path(path: str | Path) -> None:
    """Fsync of a folder, or of a file that is closed already."""
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
        if target.exists():  # a file system without hard links: between this look and the rename a file can be lost
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        os.rename(source, target)
    else:
        os.unlink(source)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Linux's syncfs(fd), None elsewhere.

    One call makes a whole batch durable, where fsync of each of its 500 files would cost seconds on a spinning disk.
    Python itself has only os.sync, which waits for all disks.
    """
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
        raise StorageError(f"{path}: writing failed: {reason}{_free_space(path)}; fix this and run again") from error


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Tell apart, in a block that reads a file, what is wrong with the file and what is wrong with the disk.

    A file is refused for good; a disk may be well again when the command is run again.

    Raises:
        OSError: the file is missing, or may not be read.
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


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what a killed run has left."""
    return name.startswith(".") and name.endswith(".tmp")


def make_mark(path: Path) -> None:
    """Make an empty file that counts by its name alone, unless it exists. It is not synced. Raises StorageError."""
    make_folder(path.parent)
    with _explained(path):
        _step("mark", path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666))


class Writer:
    """The content of a file that does not have its name yet."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path

    def write(self, data: Data) -> None:
        """Append bytes (anything contiguous with the buffer protocol, such as `array.data`)."""
        _write(self._fd, data, self._path)


class StagedWriter(Writer):
    """A file of a `Staging`, which is written in parts."""

    def write(self, data: Data) -> None:
        """Append bytes. Raises StorageError."""
        with _explained(self._path):
            super().write(data)


class HashingWriter:
    """A writer that hashes what goes through it."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._hash = hashlib.sha256()

    def write(self, data: Data) -> None:
        """Append bytes."""
        self._hash.update(data)
        self._out.write(data)

    @property
    def sha256(self) -> str:
        """Of everything that was written so far, hex."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def writing(
    path: Path,
    *,
    temp_folder: Path | None = None,
    create_only: bool = False,
    durable: bool = True,
    durable_name: bool = True,
) -> Iterator[Writer]:
    """Write a file in parts; it appears under `path` when the block ends without an exception.

    Args:
        path: the final name; its folder is made if it is missing.
        temp_folder: for the temporary file, on the same file system; default: beside `path`.
        create_only: leave an existing file as it is.
        durable: wait until it would survive a power cut. False for files that are checked when they are read and made
            again if they are damaged, such as those of a cache.
        durable_name: wait also until the name would survive. False for one of many files, whose folders are synced
            together (`sync_folders`).

    Raises:
        FileExistsError: `create_only`, and `path` exists.
        StorageError: disk full, I/O error, no permission.
    """
    with _explained(path):
        make_folder(path.parent)
        make_folder(temp_folder or path.parent)
        name = f".{path.name[:100]}.{os.getpid()}.{next(_serial)}.tmp"
        temp = str((temp_folder or path.parent) / name)
        fd = _create(temp)
        try:
            try:
                yield Writer(fd, path)
                if durable:
                    _fsync(fd, path)
            finally:
                os.close(fd)
            _link(temp, path) if create_only else _rename(temp, path)
            if durable and durable_name:
                _fsync_path(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temp)
            raise


def write_file(
    path: Path, data: Data | Iterable[Data], *, temp_folder: Path | None = None, durable: bool = True
) -> None:
    """Write a file, in place of what is there. `data` may come in parts. Arguments and errors as for `writing`."""
    with writing(path, temp_folder=temp_folder, durable=durable) as out:
        for part in _parts(data):
            out.write(part)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write numpy arrays as one `.npz` file, in place of what is there. Raises StorageError."""
    import io

    import numpy as np  # only here: `synth --help` does not need it

    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    write_file(path, out.getbuffer())


def create_file(path: Path, data: Data | Iterable[Data], *, temp_folder: Path | None = None) -> None:
    """Write a file that must not exist yet. Raises FileExistsError if it does; otherwise as `write_file`."""
    with writing(path, temp_folder=temp_folder, create_only=True) as out:
        for part in _parts(data):
            out.write(part)


def _parts(data: Data | Iterable[Data]) -> Iterable[Data]:
    return (data,) if isinstance(data, bytes | bytearray | memoryview) else data


class Staging:
    """Many small files that are written in a staging folder, and then get their final names together.

        with Staging(folder) as staging:
            staging.put(target, data)
            ...
            staging.publish()

    The folder is made at the start and removed at the end, also after an exception. Final names are on the same file
    system.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        self._targets: list[Path] = []
        self._open: list[int] = []  # descriptors

    def __enter__(self) -> Staging:
        remove_folder(self.folder)
        make_folder(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        with contextlib.suppress(StorageError):
            remove_folder(self.folder)

    def _close(self) -> None:
        while self._open:
            os.close(self._open.pop())

    def put(self, target: Path, data: Data) -> None:
        """Write one file whose final name will be `target`. Raises StorageError."""
        with _explained(target):
            fd = _create(f"{self._prefix}{len(self._targets)}")
            try:
                _write(fd, data, target)
            finally:
                os.close(fd)
        self._targets.append(target)

    def begin(self, target: Path) -> StagedWriter:
        """Begin a file whose final name will be `target`; `publish` closes it. Raises StorageError."""
        with _explained(target):
            fd = _create(f"{self._prefix}{len(self._targets)}")
        self._open.append(fd)
        self._targets.append(target)
        return StagedWriter(fd, target)

    def publish(self) -> None:
        """Sync all files, move each to its final name, sync the folders. Raises StorageError."""
        moves = [(f"{self._prefix}{k}", target) for k, target in enumerate(self._targets)]
        self._close()
        with _explained(self.folder):
            _sync_batch(self.folder, (temp for temp, _ in moves))
            for temp, target in moves:
                try:
                    _rename(temp, target)
                except FileNotFoundError:  # the first file of its folder
                    make_folder(target.parent)
                    _rename(temp, target)
            _sync_batch(self.folder, {target.parent for _, target in moves})
        self._targets.clear()


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless it exists. Raises StorageError."""
    if path.is_dir():
        return
    with _explained(path):
        _step("mkdir", path)
        path.mkdir(parents=True, exist_ok=True)


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the names in these folders would survive a power cut. Raises StorageError."""
    for folder in folders:
        with _explained(folder):
            _fsync_path(folder)


def remove_file(path: Path) -> None:
    """Remove a file of our own, if it exists. Raises StorageError."""
    with _explained(path):
        _step("unlink", path)
        path.unlink(missing_ok=True)


def temporary_folder() -> Path:
    """Make a folder outside every data set, for temporary files; the caller removes it with `remove_folder`."""
    import tempfile

    with _explained(Path(tempfile.gettempdir())):
        return Path(tempfile.mkdtemp(prefix="synth-"))


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a `temporary_folder` for this block."""
    folder = temporary_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_temporary_files(folder: Path) -> None:
    """Remove the files of `writing` that killed runs left in a folder. Raises StorageError.

    The caller holds the lock under which files are written there.
    """
    for path in sorted(folder.glob(".*.tmp")):
        remove_file(path)


def remove_folder(path: Path) -> None:
    """Remove a folder of our own with everything in it, if it exists. Raises StorageError."""
    if not path.is_dir():
        return
    with _explained(path):
        _step("rmtree", path)
        shutil.rmtree(path, ignore_errors=False)


def open_lock_file(path: Path) -> int:
    """Open a lock file for reading and writing, or make it; the caller closes the descriptor. Raises StorageError."""
    make_folder(path.parent)
    with _explained(path):
        _step("open", path)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)


def write_lock_text(fd: int, text: str, path: Path) -> None:
    """Replace the content of a lock file, which says who holds it. Raises StorageError.

    Args:
        fd: descriptor of `open_lock_file`.
        text: the new content.
        path: for messages.
    """
    with _explained(path):
        _step("write", path)
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
