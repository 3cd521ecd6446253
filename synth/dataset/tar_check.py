"""Compares the tar files of a data set with its manifest: their members, the order of these, and the rows among them.

Only headers and rows are read here; the audio of each clip is checked as that of a loose file (clip_check.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.archives.tar_writer import BLOCK, END, padding, written_size
from synth.dataset.reader import MAX_LINE, open_inside, split_at_tar
from synth.dataset.row_consistency import stems_of
from synth.text import printable

_MOST_FOREIGN: Final = 100  # members that the manifest does not have, before the rest of a tar file is left unread


@dataclass(slots=True)
class _Expected:
    """The members that a tar file should have, in their order."""

    members: dict[str, tuple[int, bytes] | None] = field(default_factory=dict)  # of a row: its size, and its SHA-256
    starts: dict[str, int | None] = field(default_factory=dict)  # of a clip: where it begins, as its row says


@dataclass(slots=True)
class TarChecks:
    """Collects what the rows say about the tar files of one shard after the other, and checks each that is complete."""

    root: Path  #: the data set
    tars: set[str] = field(default_factory=set)  #: all tar files that rows have named
    _shard: int | None = None
    _expected: dict[str, _Expected] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], line: bytes) -> Iterator[tuple[str, str]]:
        """Take a row and its line in the manifest; check the shard before it if that is complete now.

        Yields:
            The path of a tar file in the data set, and what is wrong with it.
        """
        shard = row.get("shard_id")
        if shard != self._shard:
            yield from self.finish()
            self._shard = shard
        tar, member = split_at_tar(row["audio_filepath"])
        if member:
            expected = self._of(tar)
            expected.members[member] = None
            expected.starts[member] = row.get("tar_offset")
            expected.members[f"{row['id']}.json"] = len(line), hashlib.sha256(line).digest()
        for path in stems_of(row).values():
            tar, member = split_at_tar(path)
            if member:
                self._of(tar).members[member] = None

    def _of(self, tar: str) -> _Expected:
        self.tars.add(tar)
        return self._expected.setdefault(tar, _Expected())

    def finish(self) -> Iterator[tuple[str, str]]:
        """Check the tar files of the last shard. Yields as `add`."""
        expected, self._expected = self._expected, {}
        for tar, members in expected.items():
            for what in _check_tar(self.root, tar, members):
                yield tar, what


def _check_tar(root: Path, tar: str, expected: _Expected) -> Iterator[str]:
    try:
        descriptor = open_inside(root, tar)
    except (OSError, ValueError) as error:
        yield f"cannot be read: {getattr(error, 'strerror', None) or error}"
        return
    try:
        with files.reading(root / tar):
            yield from _TarWalk(descriptor, expected).findings()
    finally:
        os.close(descriptor)


class _TarWalk:
    """One way through the headers of a tar file that we wrote."""

    def __init__(self, descriptor: int, expected: _Expected) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._expected = expected
        self._order: dict[str, None] = {}  # the members that are there

    def findings(self) -> Iterator[str]:
        at, gap = 0, 0
        while True:
            block = os.pread(self._descriptor, gap + BLOCK, at - gap)
            header = block[gap:]
            if block[:gap].strip(b"\0"):
                yield f"the bytes before byte {at} that fill up a block are not zeros"
            if header == END[:BLOCK] or len(header) < BLOCK:
                yield from self._check_end(at)
                break
            name = os.fsdecode(header[:100].rstrip(b"\0"))
            size = written_size(header, name)
            if size is None:
                yield f"its header at byte {at} is not one that synth wrote; what follows it was not checked"
                return
            start, gap = at + BLOCK, padding(size)
            at = start + size + gap
            if at > self._size:
                yield f"it is cut off inside the member {printable(name)}"
                break
            yield from self._check_member(name, start, size)
            if len(self._order) > len(self._expected.members) + _MOST_FOREIGN:
                yield "it has far more members than the manifest has; what follows was not checked"
                return
        yield from self._check_order()

    def _check_member(self, name: str, start: int, size: int) -> Iterator[str]:
        if name in self._order:
            yield f"the member {printable(name)} is in it twice"
            return
        self._order[name] = None
        if name not in self._expected.members:
            yield f"the member {printable(name)} is not in the manifest"
            return
        row = self._expected.members[name]
        if row is not None:
            has_size = size == row[0] <= MAX_LINE
            if not has_size or hashlib.sha256(os.pread(self._descriptor, size, start)).digest() != row[1]:
                yield f"the row {name} in it is not that of the manifest"
        stated = self._expected.starts.get(name)
        if stated is not None and stated != start:
            yield f"the clip {name} begins at byte {start}, its row says {stated}"

    def _check_end(self, at: int) -> Iterator[str]:
        if self._size != at + len(END) or os.pread(self._descriptor, len(END), at) != END:
            yield f"its end is not as it was written: it has {self._size} bytes, expected {at + len(END)}"

    def _check_order(self) -> Iterator[str]:
        expected = self._expected.members
        yield from (f"the member {name} is missing" for name in expected if name not in self._order)
        if [name for name in self._order if name in expected] != [name for name in expected if name in self._order]:
            yield "its members are not in the order of the manifest"
