"""The members of a tar archive, found by their headers and read in place: nothing is ever unpacked.

The threat: an archive comes from anywhere, and programs disagree about odd ones, so that each sees other members. A
member that is not a plain file with a plain name is refused by itself, and the others are used. An archive whose
structure is in doubt (a wrong checksum, two sizes, a missing end) is refused as a whole.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, TypeAlias

from synth import files
from synth.archives.window import Window
from synth.errors import BadInput
from synth.text import is_utf8, printable, short_repr

MAX_MEMBERS: Final = 500_000
"""No archive has more members: an index of them takes about 100 MB."""

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_MAX_EXTENDED: Final = 1 << 20  # bytes of an extended header
_MAX_NAME: Final = 4096  # bytes
_MAX_PADDING: Final = 1 << 20  # bytes after the end mark
_OCTAL_LIMIT: Final = 8**11  # sizes from here on do not fit into a header, and are 0 there
_CACHED_ARCHIVES: Final = 256
_CACHED_MEMBERS: Final = 200_000

_PACKED: Final = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ\0": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"PK\3\4": ("zip", "unzip"),
    b"7z\xbc\xaf": ("7z", "7z x"),
}
_PLAIN: Final = frozenset((b"0", b"\0", b"7"))
_REFUSED: Final = {
    b"1": "a hard link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}
_NO_DATA: Final = frozenset(b"123456"[i : i + 1] for i in range(6))
_SPARSE_KEYS: Final = (b"GNU.sparse.", b"SCHILY.realsize")
_REPACK: Final = "pack it again, for example with `tar --format=ustar -cf`"

State: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, size, times of change of content and of status: of a file that nobody has touched since."""


class Member(NamedTuple):
    """A member that can be read."""

    name: str  #: its path in the archive, without a leading `./`
    start: int  #: position of its bytes in the archive
    size: int  #: bytes


class RefusedMember(NamedTuple):
    """A member that is never read."""

    name: str  #: as `Member.name`, or as the archive has it
    code: str  #: one of BadInput.CODES
    message: str  #: what is wrong, and what to do


@dataclass(slots=True)
class TarIndex:
    """All members of one archive, in its order."""

    path: str  #: of the archive, for messages
    _numbers: dict[str, int] = field(default_factory=dict)  # name -> index in the two lists
    _starts: array[int] = field(default_factory=lambda: array("q"))
    _sizes: array[int] = field(default_factory=lambda: array("q"))
    _refused: dict[str, RefusedMember] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._numbers) + len(self._refused)

    def __contains__(self, name: str) -> bool:
        """Whether it has a member of this name that can be read."""
        return name in self._numbers

    def __iter__(self) -> Iterator[Member | RefusedMember]:
        """The members that can be read, in the order of the archive; then the refused ones."""
        for name, number in self._numbers.items():
            yield Member(name, self._starts[number], self._sizes[number])
        yield from self._refused.values()

    def member(self, name: str) -> Member:
        """The member of a name. Raises BadInput if there is none, or if it is refused."""
        number = self._numbers.get(name)
        if number is not None:
            return Member(name, self._starts[number], self._sizes[number])
        refused = self._refused.get(name)
        if refused is None:
            text = f"the archive {_short(self.path)} has no member of this name; `tar -tf` lists those that it has"
            raise BadInput("missing", f"{self.path}/{printable(name)}", text, "scan")
        raise BadInput(refused.code, f"{self.path}/{printable(name)}", refused.message, "scan")

    def add(self, name: str, start: int, size: int) -> None:
        """Add a plain file; a second one of its name makes both unusable."""
        complaint = _name_complaint(name)
        if complaint:
            self.refuse(name, "forbidden_path", f"{complaint}; {_REPACK}")
        elif name in self._numbers or name in self._refused:
            text = f"two members have this name, and programs differ in which one they read; {_REPACK}"
            self.refuse(name, "forbidden_path", text)
        else:
            self._numbers[name] = len(self._starts)
            self._starts.append(start)
            self._sizes.append(size)

    def refuse(self, name: str, code: str, what: str) -> None:
        """Add a member that is never read; a plain file of the same name is not read either."""
        self._numbers.pop(name, None)
        self._refused.setdefault(name, self._refusal(name, code, what))

    def _refusal(self, name: str, code: str, what: str) -> RefusedMember:
        return RefusedMember(name, code, f"member {_quoted(name)} of the archive {_short(self.path)}: {what}")


def looks_like_tar(head: bytes) -> bool:
    """Whether the first 512 bytes of a file are a header, or the end mark, of a tar archive."""
    return len(head) == _BLOCK and (head == _ZEROS or _has_checksum(head))


def tar_index(descriptor: int, path: str) -> TarIndex:
    """The members of an archive that is open. The headers are read once for each state of the file.

    Args:
        descriptor: of the archive.
        path: of the archive, for messages.

    Raises:
        BadInput: not_audio, unsupported (compressed), corrupt, truncated: nothing of the archive can be used.
        OSError: the disk fails.
    """
    status = os.fstat(descriptor)
    state = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    with _lock:
        index = _indexes.get(state)
        if index is not None:
            _indexes.move_to_end(state)
    if index is None:
        try:
            index = _Walk(Window(descriptor, 0, status.st_size), path).index()
        except BadInput as error:
            error.__traceback__ = error.__context__ = None
            index = error
        _remember(state, index)
    if isinstance(index, BadInput):
        raise BadInput(index.code, path, index.message, "scan")
    return index


@dataclass(frozen=True, slots=True)
class OpenTar:
    """An archive whose members are listed."""

    index: TarIndex
    window: Window  #: of the whole archive

    def read(self, member: Member, limit: int) -> bytes:
        """The bytes of a small member. Raises BadInput if it is larger than `limit` bytes; OSError."""
        if member.size > limit:
            text = f"a member of {member.size:,} bytes, where at most {limit:,} make sense; {_REPACK}"
            raise BadInput("corrupt", f"{self.index.path}/{printable(member.name)}", text, "scan")
        return self.window.read_at(member.start, member.size)


@contextlib.contextmanager
def opened_tar(path: str) -> Iterator[OpenTar]:
    """Open an archive to list it; links are followed.

    Raises:
        BadInput: it is missing, or as `tar_index`.
        StorageError: the disk fails.
    """
    try:
        with files.reading(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise BadInput("missing", path, f"the archive cannot be opened: {error.strerror}", "scan") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadInput("forbidden_path", path, "not a regular file", "scan")
        with files.reading(path):
            yield OpenTar(tar_index(descriptor, path), Window.of_file(descriptor))
    finally:
        os.close(descriptor)


_indexes: OrderedDict[State, TarIndex | BadInput] = OrderedDict()
_lock: Final = threading.Lock()


def _remember(state: State, index: TarIndex | BadInput) -> None:
    def count_members() -> int:
        return sum(len(each) for each in _indexes.values() if isinstance(each, TarIndex))

    with _lock:
        _indexes[state] = index
        while len(_indexes) > _CACHED_ARCHIVES or (len(_indexes) > 1 and count_members() > _CACHED_MEMBERS):
            _indexes.popitem(last=False)


@dataclass(slots=True)
class _Extended:
    """What the headers before the header of a member say about it."""

    name: bytes | None = None
    size: int | None = None
    is_sparse: bool = False
    kinds: bytes = b""  # of the headers: x, L, K


class _Walk:
    """One way through the headers of an archive."""

    def __init__(self, window: Window, path: str) -> None:
        self._window = window
        self._path = path
        self._index = TarIndex(path)
        self._extended = _Extended()

    def index(self) -> TarIndex:
        head = self._window.read_at(0, _BLOCK)
        for magic, (name, command) in _PACKED.items():
            if head.startswith(magic):
                text = f"a compressed archive ({name}), whose members cannot be read in place; run `{command}` first"
                raise BadInput("unsupported", self._path, text, "scan")
        if not looks_like_tar(head):
            raise BadInput("not_audio", self._path, "neither audio nor an archive that is read here", "scan")
        at = 0
        while (header := self._window.read_at(at, _BLOCK)) != _ZEROS:
            if len(header) < _BLOCK:
                self._fail("truncated", at, "the archive ends without its end mark; copy it again")
            if not _has_checksum(header):
                self._fail("corrupt", at, f"the checksum of the header at byte {at} is wrong; copy it again")
            if len(self._index) >= MAX_MEMBERS:
                self._fail("unsupported", at, f"it has more than {MAX_MEMBERS:,} members; divide it into several")
            at = self._take(header, at)
        if self._extended.kinds:
            self._fail("corrupt", at, f"an extended header at its end belongs to no member; {_REPACK}")
        self._check_end(at)
        return self._index

    def _take(self, header: bytes, at: int) -> int:
        """Take one header and what belongs to it; returns the position of the next header."""
        kind, size, start = header[156:157], self._size(header, at), at + _BLOCK
        if kind in b"xXgLK":
            return self._take_extended(kind, start, size, at)
        extended, self._extended = self._extended, _Extended()
        if extended.size is not None and extended.size != size:
            if size or extended.size < _OCTAL_LIMIT:
                self._fail("corrupt", at, f"it gives a member two sizes, {size} and {extended.size}; {_REPACK}")
            size = extended.size
        raw = extended.name if extended.name is not None else _plain_name(header)
        name = _member_name(raw)
        if kind in _NO_DATA and size:
            self._fail("corrupt", at, f"{_quoted(name)} is not a file, and has a size; {_REPACK}")
        if kind in b"MDN":
            self._fail("unsupported", at, f"a part of a multi-volume or incremental archive; {_REPACK}")
        if kind == b"S":
            start = self._after_sparse_map(header, start)
        end = start + size
        if end > self._window.size:
            text = f"member {_quoted(name)} ends at byte {end}, the archive has {self._window.size}; copy it again"
            self._fail("truncated", at, text)
        if extended.is_sparse:
            kind = b"S"
        if kind in _PLAIN and not raw.endswith(b"/"):
            self._index.add(name, start, size)
        elif kind not in b"5V" and not (kind in _PLAIN and raw.endswith(b"/")):
            what = _REFUSED.get(kind, f"a member of unknown type {short_repr(kind.decode('latin-1'))}")
            self._index.refuse(name, "forbidden_path", f"{what}, not a plain file; {_REPACK}")
        return start + -(-size // _BLOCK) * _BLOCK

    def _take_extended(self, kind: bytes, start: int, size: int, at: int) -> int:
        if size > _MAX_EXTENDED:
            self._fail("corrupt", at, f"an extended header of {size} bytes; {_REPACK}")
        data = self._window.read_at(start, size)
        if len(data) < size:
            self._fail("truncated", at, "the archive ends inside an extended header; copy it again")
        if kind == b"X":
            kind = b"x"
        extended = self._extended
        if kind != b"g":
            if kind in extended.kinds:
                self._fail("corrupt", at, f"two extended headers of one kind for one member; {_REPACK}")
            extended.kinds += kind
        if kind == b"L":
            self._set_name(data.split(b"\0", 1)[0], at)
        elif kind in b"xg":
            for key, value in self._records(data, at):
                if kind == b"g" and key in (b"path", b"size"):
                    self._fail("corrupt", at, f"a global header gives all members one {key.decode()}; {_REPACK}")
                self._take_record(key, value, at)
        return start + -(-size // _BLOCK) * _BLOCK

    def _take_record(self, key: bytes, value: bytes, at: int) -> None:
        extended = self._extended
        if key.startswith(_SPARSE_KEYS):
            extended.is_sparse = True
        elif key == b"path":
            self._set_name(value, at)
        elif key == b"size":
            if extended.size is not None or not value.isdigit() or len(value) > 18:
                self._fail("corrupt", at, f"an extended header gives the size {short_repr(value)}; {_REPACK}")
            extended.size = int(value)

    def _set_name(self, name: bytes, at: int) -> None:
        if self._extended.name is not None:
            self._fail("corrupt", at, f"extended headers give a member two names; {_REPACK}")
        self._extended.name = name

    def _records(self, data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
        """The records of a PAX header: each is `length key=value` and a line feed."""
        position = 0
        while position < len(data):
            space = data.find(b" ", position, position + 20)
            digits = data[position:space] if space > 0 else b""
            end = position + int(digits) if digits.isdigit() else 0
            key, equals, value = data[space + 1 : end - 1].partition(b"=")
            if not (space < end <= len(data) and data[end - 1 : end] == b"\n" and key and equals):
                self._fail("corrupt", at, f"an extended header that is not one; {_REPACK}")
            yield key, value
            position = end

    def _after_sparse_map(self, header: bytes, start: int) -> int:
        """Where the bytes of an old GNU sparse file begin: after the blocks that continue its header."""
        goes_on = header[482]
        while goes_on:
            block = self._window.read_at(start, _BLOCK)
            if len(block) < _BLOCK:
                self._fail("truncated", start, "the archive ends inside a header; copy it again")
            start, goes_on = start + _BLOCK, block[504]
        return start

    def _check_end(self, at: int) -> None:
        """After the end mark nothing but padding may follow: other programs would read what is there."""
        rest = self._window.size - at
        if rest > _MAX_PADDING or self._window.read_at(at, rest).strip(b"\0"):
            text = "bytes follow its end mark: are these two archives, one after the other? Use them one by one"
            self._fail("corrupt", at, text)

    def _size(self, header: bytes, at: int) -> int:
        size = _number(header[124:136])
        if size is None:
            self._fail("corrupt", at, f"the size of the member at byte {at} is not a number; copy it again")
        return size

    def _fail(self, code: str, at: int, what: str) -> NoReturn:
        last = next(reversed(self._index._numbers), None)
        where = "at its start" if last is None else f"after member {_quoted(last)}"
        text = f"the archive {_short(self._path)} is refused as a whole, {where} (byte {at}): {what}"
        raise BadInput(code, self._path, text, "scan")


def _has_checksum(header: bytes) -> bool:
    stated = _number(header[148:156])
    return stated is not None and stated == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _number(field_bytes: bytes) -> int | None:
    """The number in a field of a header: octal digits, or binary as GNU tar writes large ones; None if it has none."""
    if field_bytes[0] & 0x80:
        number = int.from_bytes(field_bytes[1:], "big") if field_bytes[0] == 0x80 else -1
        return number if 0 <= number < 1 << 62 else None
    digits = field_bytes.split(b"\0", 1)[0].strip(b" ")
    if not digits:
        return 0
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


def _plain_name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _member_name(raw: bytes) -> str:
    name = os.fsdecode(raw)
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def _name_complaint(name: str) -> str | None:
    """What is wrong with the name of a member; None if nothing is."""
    if not name or len(name) > _MAX_NAME:
        return "its name is empty" if not name else f"its name is longer than {_MAX_NAME} characters"
    if name.startswith("/") or name[1:3] == ":\\":
        return "its name is an absolute path"
    parts = name.split("/")
    if ".." in parts:
        return "its name has '..'"
    if "" in parts or "." in parts:
        return "its name has an empty part or '.'"
    if "\0" in name or "\n" in name or "\r" in name:
        return "its name has a NUL or a line break"
    return None if is_utf8(name) else "its name is not UTF-8"


def _quoted(name: str) -> str:
    shown = printable(name)
    return f"'{shown if len(shown) <= 120 else shown[:60] + '...' + shown[-50:]}'"


def _short(path: str) -> str:
    return printable(path.rpartition("/")[2])
