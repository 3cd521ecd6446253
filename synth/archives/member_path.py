"""Paths of members: the path of an archive, a slash, and the name of the member, as in `shards/audio_3.tar/a.flac`.

In a Parquet file it is the number of the row, as in `data/train-00000-of-00003.parquet/17`.

A regular file has nothing below it, so such a path means nothing else. To open it fails with ENOTDIR; then the longest
part of it that is a regular file is the archive.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116

from __future__ import annotations

import os
import stat
from typing import Final

from synth.archives import parquet_reader
from synth.archives.tar_reader import looks_like_tar, tar_index
from synth.archives.tar_writer import BLOCK, member_size
from synth.archives.window import Window
from synth.errors import BadInput
from synth.text import printable

OPEN_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""O_NONBLOCK: opening a pipe must not wait for somebody to write into it."""
ARCHIVE_SUFFIXES: Final = (".tar",)
"""Files that are looked into where a folder is searched for audio."""


def split_member_path(path: str) -> tuple[str, str] | None:
    """(archive, name of the member), if a part of `path` is a regular file; None otherwise. Raises OSError."""
    archive = path
    while True:
        archive, slash, _ = archive.rpartition("/")
        if not slash or not archive:
            return None
        try:
            status = os.stat(archive)
        except NotADirectoryError:
            continue
        except FileNotFoundError:
            return None
        member = path[len(archive) + 1 :]
        return (archive, member) if stat.S_ISREG(status.st_mode) and member else None


def open_window(path: str, start: int | None = None, *, ahead: int = 0, decode: bool = True) -> Window:
    """Open a file, or a member of an archive by its member path; links are followed.

    Args:
        path: of the file, or of the member.
        start: where the bytes of the member begin, if that is known; see `member_window`.
        ahead: as for `member_window`.
        decode: False: the window of a row of a Parquet file is the whole file, with the name of the row. That is enough
            for its identity, and no damaged file can end the process.

    Returns:
        All of the file, or the bytes of the member. The caller closes `descriptor`.

    Raises:
        OSError: it cannot be opened.
        BadInput: forbidden_path if it is not a regular file; as `member_window`.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except NotADirectoryError:
        parts = split_member_path(path)
        if parts is None:
            raise
        return member_window(os.open(parts[0], OPEN_FLAGS), *parts, start=start, ahead=ahead, decode=decode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput("forbidden_path", path, "not a regular file")
    return Window.of_file(descriptor)


def member_window(
    descriptor: int, archive: str, member: str, *, start: int | None = None, ahead: int = 0, decode: bool = True
) -> Window:
    """The bytes of a member of an archive that is open. The window takes the descriptor over, also if this fails.

    Args:
        descriptor: of the archive.
        archive: its path, for messages.
        member: name of the member.
        start: where its bytes begin. If a header of ours with this name lies before them, the rest of the archive is
            not looked at; otherwise the member is searched for.
        ahead: bytes that are read together with that header. A member that is not larger is then in memory.
        decode: as for `open_window`.

    Raises:
        BadInput: the member is missing or refused, or the archive cannot be used; names both.
        OSError: the disk fails.
    """
    try:
        window = None if start is None else _window_at(descriptor, member, start, ahead)
        if window is not None:
            return window
        head = os.pread(descriptor, 512, 0)
        if head.startswith(parquet_reader.MAGIC):
            if not decode:
                return Window(descriptor, 0, os.fstat(descriptor).st_size, row=member)
            return parquet_reader.row_window(descriptor, archive, member)
        if not looks_like_tar(head) and _is_audio(head):
            text = f"{printable(archive)} is a file of audio, so nothing is below it; correct the path"
            raise BadInput("missing", f"{archive}/{member}", text, "scan")
        place = tar_index(descriptor, archive).member(member)
    except BaseException:
        os.close(descriptor)
        raise
    return Window(descriptor, place.start, place.size)


def _window_at(descriptor: int, member: str, start: int, ahead: int) -> Window | None:
    """The bytes from `start` on, if the header before them is the one that we write for this member; else None."""
    end_of_file = os.fstat(descriptor).st_size
    if not BLOCK <= start <= end_of_file:
        return None
    head = os.pread(descriptor, BLOCK + ahead, start - BLOCK)
    size = member_size(head, member)
    if size is None or start + size > end_of_file:
        return None
    return Window(descriptor, start, size, head[BLOCK : BLOCK + size] if BLOCK + size <= len(head) else None)


def _is_audio(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b"riff", b".snd", b"caff") or head[:3] == b"ID3"
