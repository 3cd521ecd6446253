"""Whether a file is still the one that it was: its size, time and ends, and the hash of all of it.

The ends tell a changed file without reading it whole; the hash tells every change, and that a file which was only
touched is still the same.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from synth import files
from synth.audio.cache import cache_folder, key_of, open_cache
from synth.errors import BadInput

Beat: TypeAlias = Callable[[], None]
"""Called for each block that was read: whoever waits for the file learns that it goes on."""

END_BYTES: Final = 4096
_BLOCK: Final = 1 << 20
_LARGE: Final = 64 << 20  # below that, a hash costs no more than to look for it in the cache
_REMEMBERED: Final = 1024

_State: TypeAlias = tuple[str, int, int, int, int, int]
_hashes: dict[_State, str] = {}


class FileIdentity(NamedTuple):
    """What a plan records of a file."""

    size: int  # bytes
    mtime_ns: int  # when it was last modified; decides no byte of a data set
    ends: int  # 64-bit digest of the size and the first and last 4096 bytes

    @property
    def content(self) -> tuple[int, int]:
        """What does not depend on times."""
        return self.size, self.ends


def file_identity(descriptor: int) -> FileIdentity:
    """The identity of an open regular file. Reads 8 kB at most."""
    status = os.fstat(descriptor)
    size = status.st_size
    head = os.pread(descriptor, END_BYTES, 0)
    tail = os.pread(descriptor, END_BYTES, size - END_BYTES) if size > END_BYTES else head
    digest = hashlib.blake2b(b"%d|" % size + head + tail, digest_size=8).digest()
    return FileIdentity(size, status.st_mtime_ns, int.from_bytes(digest, "big"))


def difference(planned: FileIdentity, present: FileIdentity) -> str | None:
    """What of a file has changed, in words without any time; None if nothing has."""
    if planned.size != present.size:
        return f"its size was {planned.size} bytes and is {present.size} bytes"
    if planned.ends != present.ends:
        return f"its first or last {END_BYTES} bytes have changed"
    return None if planned.mtime_ns == present.mtime_ns else "its modification time has changed"


def file_sha256(path: str | os.PathLike[str], *, beat: Beat | None = None, anew: bool = False) -> str:
    """SHA-256 of a whole file, hex.

    It is kept for this process, and of a large file in the user's cache, as long as nothing was done to the file. (The
    time of its last change of state tells that, which no program can set.) `anew` trusts nothing that was kept.

    Raises:
        BadInput: `missing`, or `changed_during_run` if somebody writes to the file meanwhile.
        StorageError: the disk fails.
    """
    name = os.fspath(path)
    with _readable(name):
        state = _state_of(name, os.stat(name))
        if not anew and (sha256 := _hashes.get(state) or _from_cache(state)):
            return sha256
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123
            sha256 = _hash(file.fileno(), state[3], beat or _no_beat)
            if _state_of(name, os.fstat(file.fileno())) != state:
                raise BadInput("changed_during_run", name, "it was written to while it was read")
    _remember(state, sha256)
    return sha256


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        with files.reading(path):
            yield
    except OSError as error:
        raise BadInput("missing", path, f"it cannot be read: {error.strerror}") from None


def _state_of(path: str, status: os.stat_result) -> _State:
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _hash(descriptor: int, size: int, beat: Beat) -> str:
    """The hash of what is there; a file that grows for ever is left after `size` bytes."""
    digest, block, done = hashlib.sha256(), memoryview(bytearray(_BLOCK)), 0
    while done <= size and (count := os.readv(descriptor, [block])):
        digest.update(block[:count])
        done += count
        beat()
    return digest.hexdigest()


def _no_beat() -> None:
    pass


def _from_cache(state: _State) -> str | None:
    if state[3] < _LARGE:
        return None
    with contextlib.closing(open_cache(cache_folder())) as cache:
        key = key_of("sha256", *state)
        answer = cache.get([key]).get(key)
    return answer if isinstance(answer, str) else None


def _remember(state: _State, sha256: str) -> None:
    while len(_hashes) >= _REMEMBERED:
        _hashes.pop(next(iter(_hashes)))
    _hashes[state] = sha256
    if state[3] >= _LARGE:
        with contextlib.closing(open_cache(cache_folder())) as cache:
            cache.put({key_of("sha256", *state): sha256})
