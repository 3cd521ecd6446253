"""The sorted set of recordings that a recipe may use: a few numbers per recording in memory, the words on disk.

A million recordings as Python objects would take gigabytes in each worker. Here they are a table of 66 bytes per row,
memory-mapped if the catalog was loaded, so that all workers share it; paths, texts and labels ("words") are read from
the file when they are needed. Measured in November 2026: a scan of a million trusted rows takes
15 s of CPU and 145 MB.

A saved catalog is one file:

    magic, length of the head (8 bytes), head (JSON: counts, digest, sources, refused inputs), zeros up to 64 bytes
    rows (`_ROW` each), sorted by source, path and offset
    SHA-256 of the file of each row (32 bytes each), if they are known
    names: the paths, one after the other
    details: JSON objects with text, speaker, labels, alignment and trim, one after the other

The builder writes words in the order in which they come to an unnamed temporary file, and keeps the rows; so `_ROW` has
where the words of a row are.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from json.encoder import encode_basestring as _quoted  # JSON text of a string, with characters as they are
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.file_identity import FileIdentity
from synth.audio.read import Channels
from synth.audio.scratch import scratch_file, storage_errors
from synth.catalog.recording import Recording, Refusal, Word, recording_id
from synth.errors import TooManyBadInputs, UsageError

MAX_REFUSED = 100_000
_MAGIC = b"synth catalog 2\n"
_ALIGN = 64
_COPY = 1 << 20
_WINDOW, _NEAR = 1 << 14, 1 << 10  # bytes that are read ahead; how far apart words that follow each other may be
_ROW = np.dtype(
    [
        ("source", "<u2"),
        ("channels", "<u2"),
        ("sample_rate", "<i4"),
        ("offset", "<i8"),
        ("num_samples", "<i8"),
        ("ends", "<u8"),  # of FileIdentity; 0: the list has this file, but it was not found
        ("name_start", "<i8"),
        ("detail_start", "<i8"),
        ("name_bytes", "<u2"),
        ("detail_bytes", "<u4"),
        ("size", "<i8"),  # of the file, in bytes
        ("mtime_ns", "<i8"),
    ]
)
_IDENTITY = ("size", "mtime_ns", "ends")
_DIGESTED = np.dtype([(name, _ROW[name]) for name in _ROW.names or () if name not in ("size", "mtime_ns")])
_PACK = Struct("<HHiqqQqqHIqq").pack  # one row
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """A source of a recipe, as far as its recordings need it."""

    name: str  #: in the recipe
    root: str  #: absolute path of the folder that paths of recordings are relative to
    channels: Channels = "mean"  #: how several channels become one
    recording_column: str | None = None  #: column of the list that says which rows are one recording
    pool: str | None = None  #: the noise pool that the whole source is kept for


class _Descriptor:
    """An open file that is closed when nobody uses it any more: blobs share it, and catalogs share blobs."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class _Blob:
    """A part of an open file that is read on demand: not in this process's memory, and safe after a fork."""

    __slots__ = ("_window", "file", "size", "start")

    def __init__(self, file: _Descriptor, start: int, size: int) -> None:
        self.file = file
        self.start = start  # position in the file
        self.size = size  # bytes
        self._window = 0, b""  # (position, the bytes from there on) that were read last: the next words are often in it

    def read(self, at: int, count: int) -> bytes:
        """Read `count` bytes from `at` on."""
        first, window = self._window
        offset = at - first
        if offset >= 0 and offset + count <= len(window):
            return window[offset : offset + count]
        if 0 <= offset <= len(window) + _NEAR:  # words are read one after the other: fetch those that follow
            window = os.pread(self.file.number, max(count, min(_WINDOW, self.size - at)), self.start + at)
            self._window = at, window
            return window[:count]
        self._window = at, os.pread(self.file.number, count, self.start + at) if count else b""
        return self._window[1]

    def read_all(self, starts: npt.NDArray[np.int64], counts: npt.NDArray[np.integer[Any]]) -> Iterator[bytes]:
        """Words one after the other, about a megabyte at a time."""
        if not len(starts):
            return
        ends = np.add(starts, counts, dtype=np.int64)
        if (starts[1:] == ends[:-1]).all():  # as they are in the file
            for at in range(int(starts[0]), int(ends[-1]), _COPY):
                yield os.pread(self.file.number, min(_COPY, int(ends[-1]) - at), self.start + at)
            return
        parts: list[bytes] = []
        num_bytes = 0
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            parts.append(self.read(start, count))
            num_bytes += len(parts[-1])
            if num_bytes > _COPY:
                yield b"".join(parts)
                parts, num_bytes = [], 0
        yield b"".join(parts)


class Catalog:
    """A frozen sequence of recordings, sorted by (source order, path bytes, offset)."""

    def __init__(
        self,
        rows: npt.NDArray[np.void],
        names: _Blob,
        details: _Blob,
        *,
        sources: Sequence[CatalogSource],
        refused: Sequence[Refusal],
        digest: str,
        notes: Sequence[str] = (),
        hashes: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        self._rows = rows
        self._names = names
        self._details = details
        self.sources = tuple(sources)
        self.refused = tuple(refused)
        self.digest = digest  #: over everything that a plan depends on
        self.notes = tuple(notes)  #: about the scan, for people; not saved
        self.hashes = hashes  #: SHA-256 of the file of each, shape (n, 32), uint8, zeros if unknown; None: all unknown

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Recording]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Recording:
        row = self._rows[index].item()
        source, channels, rate, offset, count, ends, name_at, detail_at, name_bytes, detail_bytes, size, mtime_ns = row
        path = self._names.read(name_at, name_bytes).decode()
        name = self.sources[source].name
        identity = FileIdentity(size, mtime_ns, ends) if ends else None
        brief = (recording_id(name, path, offset), name, path, offset, count, rate, channels)
        if not detail_bytes:
            return Recording(*brief, identity=identity)
        detail = _decoded(self._details.read(detail_at, detail_bytes))
        get = detail.get
        alignment, trim = get("alignment"), get("trim")
        if alignment is not None:
            alignment = tuple(Word(*word) for word in alignment)
        if trim is not None:
            trim = trim[0], trim[1]
        return Recording(*brief, get("text"), get("speaker"), get("labels"), alignment, identity, trim)

    @cached_property
    def num_samples(self) -> npt.NDArray[np.int64]:
        """Length of each recording, shape (n,), in samples at its own rate."""
        return np.ascontiguousarray(self._rows["num_samples"])

    @cached_property
    def sample_rates(self) -> npt.NDArray[np.int32]:
        """Sample rate of each recording, shape (n,), Hz."""
        return np.ascontiguousarray(self._rows["sample_rate"])

    @cached_property
    def source_indices(self) -> npt.NDArray[np.uint16]:
        """For each recording, shape (n,), its index into `sources`."""
        return np.ascontiguousarray(self._rows["source"])

    def identity(self, index: int) -> FileIdentity | None:
        """`catalog[index].identity`, without reading the rest."""
        row = self._rows[index]
        return FileIdentity(*(int(row[name]) for name in _IDENTITY)) if row["ends"] else None

    def sha256(self, index: int) -> str | None:
        """The hash of the recording's file, hex; None if it is unknown."""
        if self.hashes is None or not self.hashes[index].any():
            return None
        return bytes(self.hashes[index]).hex()

    def with_hashes(self, hashes: npt.NDArray[np.uint8] | None) -> Catalog:
        """The same recordings, with the hashes of their files, shape (n, 32), uint8."""
        return Catalog(
            self._rows,
            self._names,
            self._details,
            sources=self.sources,
            refused=self.refused,
            digest=self.digest,
            notes=self.notes,
            hashes=hashes,
        )

    def with_hash(self, index: int, sha256: str) -> Catalog:
        """The same recordings, with the hash (hex) of the file of one."""
        hashes = np.zeros((len(self), _HASH_BYTES), np.uint8) if self.hashes is None else np.array(self.hashes)
        hashes[index] = np.frombuffer(bytes.fromhex(sha256), np.uint8)
        return self.with_hashes(hashes)

    def has_same_files(self, planned: Catalog) -> bool:
        """Whether each recording's file has the same identity as in another catalog (and the same hash, if known)."""
        if len(self) != len(planned) or [s.name for s in self.sources] != [s.name for s in planned.sources]:
            return False
        columns = ("source", "offset", *_IDENTITY)
        if not all(np.array_equal(self._rows[name], planned._rows[name]) for name in columns):
            return False
        return self.hashes is None or planned.hashes is None or np.array_equal(self.hashes, planned.hashes)

    @property
    def roots(self) -> dict[str, str]:
        """Source name -> absolute path of its root."""
        return {source.name: source.root for source in self.sources}

    def source(self, index: int) -> CatalogSource:
        """The source that a recording comes from."""
        return self.sources[int(self._rows[index]["source"])]

    def path(self, index: int) -> str:
        """The path relative to the source's root, with forward slashes."""
        row = self._rows[index]
        return self._names.read(int(row["name_start"]), int(row["name_bytes"])).decode()

    def file(self, index: int) -> str:
        """The absolute path."""
        return os.path.join(self.source(index).root, self.path(index))

    def id(self, index: int) -> str:
        """`catalog[index].id`, without reading the rest."""
        source, _, _, offset, _, _, name_at, _, name_bytes, _, _, _ = self._rows[index].item()
        return recording_id(self.sources[source].name, self._names.read(name_at, name_bytes).decode(), offset)

    def label(self, index: int, name: str) -> object:
        """The speaker, the text, or a label of a recording; None if it is unknown."""
        row = self._rows[index]
        if not row["detail_bytes"]:
            return None
        detail = _decoded(self._details.read(int(row["detail_start"]), int(row["detail_bytes"])))
        return detail.get(name) if name in ("speaker", "text") else detail.get("labels", {}).get(name)

    def save(self, path: Path) -> None:
        """Write the catalog to one file. Raises StorageError."""
        rows = self._packed()
        head = self._head(rows)
        with files.writing(path) as out:
            out.write(_MAGIC + len(head).to_bytes(8, "little") + head)
            out.write(b"\0" * (_data_start(len(head)) - len(_MAGIC) - 8 - len(head)))
            for start in range(0, len(rows), 10_000):
                out.write(rows[start : start + 10_000].tobytes())
            if self.hashes is not None and len(rows):
                out.write(np.ascontiguousarray(self.hashes).data)
            for piece in _words(self._rows, self._names, self._details):
                out.write(piece)

    def _packed(self) -> npt.NDArray[np.void]:
        """The rows with the words in the order of the rows."""
        rows = np.array(self._rows)
        for start, count in (("name_start", "name_bytes"), ("detail_start", "detail_bytes")):
            ends = np.cumsum(rows[count], dtype=np.int64)
            rows[start] = ends - rows[count]
        return rows

    def _head(self, rows: npt.NDArray[np.void]) -> bytes:
        head = {
            "count": len(rows),
            "digest": self.digest,
            "name_bytes": int(rows["name_bytes"].sum(dtype=np.int64)),
            "detail_bytes": int(rows["detail_bytes"].sum(dtype=np.int64)),
            "hash_bytes": 0 if self.hashes is None else _HASH_BYTES * len(rows),
            "sources": [asdict(source) for source in self.sources],
            "refused": [asdict(refusal) for refusal in self.refused],
        }
        return json.dumps(head, sort_keys=True).encode()

    @classmethod
    def load(cls, path: Path, *, roots: Mapping[str, str] | None = None) -> Catalog:
        """Open a saved catalog; its rows are memory-mapped.

        Args:
            path: of the file.
            roots: source name -> folder, for sources that were moved since.

        Raises:
            UsageError: the file is missing, or not a catalog.
            StorageError: the disk fails.
        """
        try:
            with files.reading(path):
                return cls._load(path, dict(roots or {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is not a catalog that can be read: {error}") from error

    @classmethod
    def _load(cls, path: Path, roots: dict[str, str]) -> Catalog:
        file = _Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        if os.pread(file.number, len(_MAGIC), 0) != _MAGIC:
            raise ValueError("it does not begin as one")
        length = int.from_bytes(os.pread(file.number, 8, len(_MAGIC)), "little")
        head = json.loads(os.pread(file.number, length, len(_MAGIC) + 8))
        start, count = _data_start(length), head["count"]
        # plain ndarray: indexing the memmap class costs a Python call each time
        rows = np.memmap(path, _ROW, "r", start, (count,)).view(np.ndarray) if count else np.zeros(0, _ROW)
        words = start + count * _ROW.itemsize + head["hash_bytes"]
        hashes = None
        if head["hash_bytes"]:
            hashes = np.memmap(path, np.uint8, "r", words - head["hash_bytes"], (count, _HASH_BYTES)).view(np.ndarray)
        names = _Blob(file, words, head["name_bytes"])
        details = _Blob(file, names.start + names.size, head["detail_bytes"])
        if os.fstat(file.number).st_size != details.start + details.size:
            raise ValueError("it is cut")
        sources = [CatalogSource(**{**s, "root": roots.get(s["name"], s["root"])}) for s in head["sources"]]
        refused = [Refusal(**refusal) for refusal in head["refused"]]
        return cls(rows, names, details, sources=sources, refused=refused, digest=head["digest"], hashes=hashes)


def _decoded(detail: bytes) -> dict[str, Any]:
    """The details of a recording. Raises ValueError if they are damaged."""
    text = detail.decode()
    value: dict[str, Any]
    value, end = _DECODER.raw_decode(text)  # `json.loads` would look for an encoding and for blanks first
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


def _data_start(head_bytes: int) -> int:
    return -(-(len(_MAGIC) + 8 + head_bytes) // _ALIGN) * _ALIGN


def _words(rows: npt.NDArray[np.void], names: _Blob, details: _Blob) -> Iterator[bytes]:
    """All names, then all details, in the order of the rows."""
    yield from names.read_all(rows["name_start"], rows["name_bytes"])
    yield from details.read_all(rows["detail_start"], rows["detail_bytes"])


@dataclass(slots=True)
class Entry:
    """One recording on its way into a catalog."""

    path: str  #: relative to the root of its source
    offset: int  #: in the file, samples
    num_samples: int
    sample_rate: int  #: Hz
    channels: int  #: 0: unknown
    identity: FileIdentity | None  #: of the file; None: it was not found
    detail: Mapping[str, object]  #: text, speaker, labels, alignment and trim, if they are known


class CatalogBuilder:
    """Makes a Catalog of the entries of one source after the other, in any order within a source.

    Words go to unnamed temporary files in `folder`. The numbers stay in memory; the paths of one source only while they
    are sorted, if they did not come in their order.
    """

    def __init__(self, *, folder: Path | None = None) -> None:
        self.refused: list[Refusal] = []
        self.notes: list[str] = []
        self._sources: list[CatalogSource] = []
        self._names = _Spill(folder)
        self._details = _Spill(folder)
        self._parts: list[npt.NDArray[np.void]] = []
        # of the current source: its rows, packed as `_ROW`, in the order in which they came
        self._rows = bytearray()
        self._is_sorted = True
        self._last = "", -1  # path and offset

    def refuse(self, refusal: Refusal) -> None:
        """Note one refused input. Raises TooManyBadInputs after 100,000 of them, to bound the memory."""
        self.refused.append(refusal)
        if len(self.refused) > MAX_REFUSED:
            first = self.refused[0]
            text = f"more than {MAX_REFUSED} inputs were refused; the first: {first.path}: {first.message}"
            raise TooManyBadInputs(text)

    def add(self, entry: Entry) -> None:
        """Add one recording of the current source."""
        detail = _encoded(entry.detail) if entry.detail else b""
        path, offset = entry.path, entry.offset
        name = path.encode()
        # The order of characters is that of their UTF-8 bytes. A path that others begin with goes before them.
        self._is_sorted = self._is_sorted and self._last < (path, offset)
        self._last = path, offset
        size, mtime_ns, ends = entry.identity or (0, 0, 0)
        words = self._names.append(name), self._details.append(detail), len(name), len(detail)
        numbers = len(self._sources), entry.channels, entry.sample_rate, offset, entry.num_samples, ends
        self._rows += _PACK(*numbers, *words, size, mtime_ns)

    def end_source(self, source: CatalogSource) -> None:
        """Sort the entries of the current source; a recording that was added twice is refused."""
        rows = np.frombuffer(self._rows, _ROW)
        if not self._is_sorted:
            rows = self._sorted(rows)
        self._parts.append(rows)
        self._sources.append(source)
        self._rows, self._is_sorted, self._last = bytearray(), True, ("", -1)

    def _sorted(self, rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """The rows in the order of path and offset, each recording once."""
        names, keys = self._names.as_blob(), list[bytes]()
        for first in range(0, len(rows), 10_000):
            some = rows[first : first + 10_000]
            columns = (some[name].tolist() for name in ("name_start", "name_bytes", "offset"))
            for at, size, offset in zip(*columns, strict=True):
                keys.append(names.read(at, size) + b"\0" + offset.to_bytes(8, "big"))
        kept, starts, before = array("q"), array("q"), b""
        for i in sorted(range(len(keys)), key=keys.__getitem__):
            name = keys[i][:-9]
            if keys[i] == before:
                offset = int.from_bytes(before[-8:], "big")
                text = f"the same recording from sample {offset} on twice; the first one counts"
                self.refuse(Refusal(name.decode(), "bad_row", "scan", text))
                continue
            before = keys[i]
            starts.append(self._names.append(name))  # once more, so that names that follow each other are read at once
            kept.append(i)
        rows = rows[np.array(kept, np.int64)]
        rows["name_start"] = np.array(starts, np.int64)
        return rows

    def build(self) -> Catalog:
        """The catalog of all sources added. The builder is used up."""
        rows = self._parts[0] if len(self._parts) == 1 else np.concatenate([np.zeros(0, _ROW), *self._parts])
        self._parts = []
        names, details = self._names.as_blob(), self._details.as_blob()
        digest = _digest(rows, names, details, self._sources, self.refused)
        return Catalog(
            rows, names, details, sources=self._sources, refused=self.refused, digest=digest, notes=self.notes
        )


_DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _encoded(detail: Mapping[str, object]) -> bytes:
    """The details as JSON, in UTF-8."""
    values = ((name, detail[name]) for name in sorted(detail))
    texts = [f"{_quoted(name)}:{_quoted(value)}" for name, value in values if isinstance(value, str)]
    if len(texts) == len(detail):  # nothing but texts, as usual: the same as below in a third of the time
        return f"{{{','.join(texts)}}}".encode()
    return _ENCODER.encode(detail).encode()


class _Spill:
    """Bytes appended to an unnamed temporary file."""

    def __init__(self, folder: Path | None) -> None:
        with scratch_file(folder) as file:
            self._file = _Descriptor(os.dup(file.fileno()))
        self._folder = folder
        self._size = 0
        self._unwritten = bytearray()

    def append(self, data: bytes) -> int:
        """Append bytes; returns where they begin."""
        start = self._size
        self._unwritten += data
        self._size += len(data)
        if len(self._unwritten) > _COPY:
            self._flush()
        return start

    def _flush(self) -> None:
        with storage_errors(self._folder or "the folder for temporary files"):
            while self._unwritten:
                del self._unwritten[: os.write(self._file.number, self._unwritten)]

    def as_blob(self) -> _Blob:
        self._flush()
        return _Blob(self._file, 0, self._size)


def _digest(
    rows: npt.NDArray[np.void],
    names: _Blob,
    details: _Blob,
    sources: Sequence[CatalogSource],
    refused: Sequence[Refusal],
) -> str:
    """Over everything that a plan depends on; not over times, absolute paths, or where words are in a file."""
    digest = hashlib.sha256()
    source_keys = [[s.name, s.channels, s.recording_column, s.pool] for s in sources]
    digest.update(json.dumps([source_keys, [[r.path, r.code] for r in refused]]).encode())
    for start in range(0, len(rows), 10_000):
        chunk = rows[start : start + 10_000]
        digested = np.zeros(len(chunk), _DIGESTED)
        for name in set(_DIGESTED.names or ()) - {"name_start", "detail_start"}:
            digested[name] = chunk[name]
        digest.update(digested.tobytes())
    for words in _words(rows, names, details):
        digest.update(words)
    return digest.hexdigest()
