"""Who may write into a data set's directory: one whole run, or any number of parts, or one merge.

The locks are `flock`s: the kernel frees them when their process dies, so a killed run never blocks the next one. A
whole run and `finish` hold the directory's lock alone; each part holds it together with the other parts, and its own
lock alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from synth import files
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.reader import DataFile
from synth.errors import Locked

_lock_files: set[int] = set()  # descriptors of this process
_MAX_TEXT: Final = 4096  # bytes


def _close_in_child() -> None:
    """A forked worker must not keep the lock of a parent that died."""
    for fd in _lock_files:
        with contextlib.suppress(OSError):
            os.close(fd)
    _lock_files.clear()


os.register_at_fork(after_in_child=_close_in_child)


def _take(fd: int, operation: int, path: Path) -> bool:
    """Take the lock if it is free; returns whether it was.

    Without locks in the file system the run goes on: parts are created only once anyway.
    """
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno == errno.EBADF:  # NFS, of a file that is open for reading: nothing is known of its holder
            return True
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            raise
        logging.getLogger("synth").warning("%s: this file system has no locks; start no second run there", path)
    return True


@contextlib.contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    fd = files.open_lock_file(path)
    _lock_files.add(fd)
    try:
        yield fd
    finally:
        _lock_files.discard(fd)
        os.close(fd)


@contextlib.contextmanager
def _open_to_look(dataset: DatasetDir, path: Path) -> Iterator[int | None]:
    """A lock file opened for reading, which a read-only disk allows; None if it does not exist.

    Raises DamagedDataset for what is not a regular file.
    """
    if not os.path.lexists(path):
        yield None
        return
    fd = DataFile(path, dataset.path).open()
    try:
        yield fd
    finally:
        os.close(fd)


def _read_holder(fd: int) -> str:
    return os.pread(fd, _MAX_TEXT, 0).decode(errors="replace").strip()


def holders(dataset: DatasetDir) -> list[str]:
    """Who works in the directory now, one text each; empty if nobody does. Writes nothing."""
    with _open_to_look(dataset, dataset.lock) as fd:
        if fd is None or _take(fd, fcntl.LOCK_EX, dataset.lock):
            return []
        if not _take(fd, fcntl.LOCK_SH, dataset.lock):
            return [_read_holder(fd)]
    texts = []
    for path in sorted(dataset.private.glob("locks/part-*")):
        with _open_to_look(dataset, path) as fd:
            if fd is not None and not _take(fd, fcntl.LOCK_EX, path):
                texts.append(_read_holder(fd))
    return texts


def _locked(dataset: DatasetDir, texts: list[str]) -> Locked:
    by = "; ".join(text for text in texts if text) or "another run"
    return Locked(f"{dataset.path} is in use by {by}; wait until it is done, or stop it, then run again")


def _describe(what: str) -> str:
    return f"{what}, process {os.getpid()} on {socket.gethostname()}"


@contextlib.contextmanager
def hold_all(dataset: DatasetDir, what: str = "synth generate") -> Iterator[None]:
    """Hold the directory alone; `what` is the command that does. Raises Locked, with who holds it, if it is in use."""
    with _open_lock(dataset.lock) as fd:
        if not _take(fd, fcntl.LOCK_EX, dataset.lock):
            raise _locked(dataset, holders(dataset))
        files.write_lock_text(fd, _describe(what), dataset.lock)
        yield


@contextlib.contextmanager
def hold_part(dataset: DatasetDir, index: int, count: int) -> Iterator[None]:
    """Hold part `index` of `count`, beside other parts. Raises Locked if a run, a merge, or the same part holds it."""
    path = dataset.part_lock(index, count)
    with _open_lock(dataset.lock) as fd, _open_lock(path) as part_fd:
        if not _take(fd, fcntl.LOCK_SH, dataset.lock):
            raise _locked(dataset, holders(dataset))
        if not _take(part_fd, fcntl.LOCK_EX, path):
            raise _locked(dataset, [_read_holder(part_fd)])
        files.write_lock_text(part_fd, _describe(f"synth generate --part {index}/{count}"), path)
        yield


@contextlib.contextmanager
def hold_plan(dataset: DatasetDir, *, patience_s: float = 600.0) -> Iterator[None]:
    """Hold the right to write the plan; the parts of an array job, which all start at once, wait for each other here.

    Raises Locked after `patience_s` seconds.
    """
    with _open_lock(dataset.plan_lock) as fd:
        deadline = time.monotonic() + patience_s
        while not _take(fd, fcntl.LOCK_EX, dataset.plan_lock):
            if time.monotonic() > deadline:
                raise _locked(dataset, [_read_holder(fd)])
            time.sleep(0.05)
        files.write_lock_text(fd, _describe("the planning of another part"), dataset.plan_lock)
        yield
