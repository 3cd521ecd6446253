"""Whether a file is still the one that it was: its size, its time and its ends; and the hash of all of it.

A member of an archive (synth/archives/member_path.py) has its own size, ends and hash, and the time of its archive.

The ends reveal most changes without reading the whole file. The hash reveals every change, and also that a file whose
time alone has changed is still the same.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from synth import files
from synth.archives.member_path import open_window, split_member_path
from synth.archives.window import Window
from synth.audio.cache import cache_folder, key_of, open_cache
from synth.errors import BadInput

Beat: TypeAlias = Callable[[], None]
"""Called for each block that was read, as a sign of life for whoever waits for the file."""

END_BYTES: Final = 4096
_BLOCK: Final = 1 << 20  # bytes read at a time
_LARGE: Final = 64 << 20  # bytes; the hash of a smaller file costs no more than a look into the cache
_REMEMBERED: Final = 1024

_State: TypeAlias = tuple[str, int, int, int, int, int]
_hashes: dict[_State, str] = {}  # of files that this process has read


class FileIdentity(NamedTuple):
    """What a plan records of a file."""

    size: int  #: bytes
    mtime_ns: int  #: when it was last modified, ns since 1970; no byte of a data set depends on it
    ends: int  #: 64-bit digest of the size and the first and last 4096 bytes

    @property
    def content(self) -> tuple[int, int]:
        """The part that does not depend on times."""
        return self.size, self.ends


def file_identity(descriptor: int) -> FileIdentity:
    """The identity of an open regular file. Reads 8 kB at most."""
    return window_identity(Window.of_file(descriptor))


def window_identity(window: Window) -> FileIdentity:
    """The identity of an open file or member: size and ends are those of its own bytes. Reads 8 kB at most.

    That of a row of a Parquet file has the size and the ends of the file, so that nothing needs to be decoded for it.
    """
    status = os.fstat(window.descriptor)
    row = window.row.encode(errors="surrogateescape")
    if row:
        window = Window(window.descriptor, 0, status.st_size)
    size = window.size
    head = window.read_at(0, END_BYTES)
    tail = window.read_at(size - END_BYTES, END_BYTES) if size > END_BYTES else head
    digest = hashlib.blake2b(b"%d|" % size + head + tail + row, digest_size=8).digest()
    return FileIdentity(size, status.st_mtime_ns, int.from_bytes(digest, "big"))


def difference(planned: FileIdentity, present: FileIdentity) -> str | None:
    """What has changed about a file, in words; None if nothing has.

    The words hold no time, so that two runs write the same quarantine.
    """
    if planned.size != present.size:
        return f"its size was {planned.size} bytes and is {present.size} bytes"
    if planned.ends != present.ends:
        return f"its first or last {END_BYTES} bytes have changed"
    return None if planned.mtime_ns == present.mtime_ns else "its modification time has changed"


def file_sha256(path: str | os.PathLike[str], *, beat: Beat | None = None, reread: bool = False) -> str:
    """SHA-256 of a whole file, or of a member of an archive by its member path, hex.

    It is remembered by this process (and for a large file in the user's cache) as long as nothing was done to the file.
    The time of its last change of state shows that, which no program can set.

    Args:
        path: of the file.
        beat: called for each block.
        reread: read the file, whatever is remembered.

    Raises:
        BadInput: `missing`, or `changed_during_run` if somebody writes to the file meanwhile; as `open_window`.
        StorageError: the disk fails.
    """
    name = os.fspath(path)
    try:
        with files.reading(name):
            status = status_of(name)
            state = _state_of(name, status)
            is_large = status.st_size >= _LARGE
            if not reread and (sha256 := _hashes.get(state) or (_cached_hash(state) if is_large else None)):
                return sha256
            window = open_window(name)
            try:
                sha256 = _hash(window, beat)
                if _state_of(name, os.fstat(window.descriptor)) != state:
                    raise BadInput("changed_during_run", name, "it was written to while it was read")
            finally:
                os.close(window.descriptor)
    except OSError as error:
        raise BadInput("missing", name, f"it cannot be read: {error.strerror}") from None
    while len(_hashes) >= _REMEMBERED:
        _hashes.pop(next(iter(_hashes)))
    _hashes[state] = sha256
    if is_large:
        with contextlib.closing(open_cache(cache_folder())) as cache:
            cache.put({_key_of(state): sha256})
    return sha256


def status_of(path: str) -> os.stat_result:
    """The status of a file, or of the archive of a member. Raises OSError if there is neither."""
    try:
        return os.stat(path)
    except NotADirectoryError:
        parts = split_member_path(path)
        if parts is None:
            raise
        return os.stat(parts[0])


def needs_decoding(path: str) -> bool:
    """Whether the bytes of a path are compressed in a Parquet file: a large library decodes them. Raises OSError."""
    try:
        os.stat(path)
    except NotADirectoryError:
        window = open_window(path, decode=False)
        os.close(window.descriptor)
        return bool(window.row)
    return False


def file_size(path: str) -> int | None:
    """Bytes of a file, or of a member of an archive; None if it cannot be opened."""
    try:
        window = open_window(path)
    except (OSError, BadInput):
        return None
    os.close(window.descriptor)
    return window.size


def _state_of(path: str, status: os.stat_result) -> _State:
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _hash(window: Window, beat: Beat | None) -> str:
    # A file that somebody appends to for ever is left after its first size; its state shows that it has changed.
    digest, num_read = hashlib.sha256(), 0
    while block := window.read_at(num_read, _BLOCK):
        digest.update(block)
        num_read += len(block)
        if beat is not None:
            beat()
    return digest.hexdigest()


def _key_of(state: _State) -> bytes:
    return key_of("sha256", *state)


def _cached_hash(state: _State) -> str | None:
    key = _key_of(state)
    with contextlib.closing(open_cache(cache_folder())) as cache:
        answer = cache.get([key]).get(key)
    return answer if isinstance(answer, str) else None
