"""Parquet files with audio in them, as Hugging Face writes them: the bytes of one row, and the other columns of all.

A row is addressed as `data/train-00000-of-00003.parquet/17`: its number, from 0. If the file has several columns of
audio and none is called `audio`, the column goes before: `a.parquet/noisy/17`. Of a large row group only one page is in
memory at a time; a small one is kept, since clips are drawn in any order. pyarrow is an extra, and is imported where it
is needed.
"""

from __future__ import annotations

import bisect
import contextlib
import importlib.util
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from synth.archives.parquet_pages import PageError, Pages, check_pages
from synth.archives.window import Window, WindowFile
from synth.errors import BadInput, UsageError
from synth.text import printable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC: Final = b"PAR1"
MAX_PAGE: Final = 1 << 29
"""Bytes of a page when it is decompressed. pyarrow makes one page of up to 1,024 rows, however long they are."""
_MAX_KEPT: Final = 1 << 26  # bytes of a column of a row group that is kept decompressed
_MAX_FOOTER: Final = 1 << 26  # bytes
_MAX_BATCH: Final = 1 << 26  # bytes of columns that are read together
_MAX_ROWS: Final = 1 << 40
_OPEN_FILES: Final = 8
_TOO_FEW: Final = "a row group has fewer rows than the footer promises; write it again"

State: TypeAlias = tuple[int, int, int, int, int]


def require_pyarrow() -> None:
    """Check that pyarrow is installed, without importing it: it starts a thread, and such a process does not fork.

    Raises:
        UsageError: it is not; names the extra that has it.
    """
    try:
        is_installed = importlib.util.find_spec("pyarrow") is not None
    except (ImportError, ValueError):
        is_installed = False
    if not is_installed:
        raise UsageError("Parquet files need pyarrow, which is not installed; run `pip install 'synth[export]'`")


class _Reads(WindowFile):
    """A window as pyarrow reads files. It has no descriptor of its own, so forked processes do not move each other."""

    closed = False

    def read(self, count: int = -1) -> bytes:
        data = self._window.read_at(self._at, self._window.size if count is None or count < 0 else count)
        self._at += len(data)
        return data

    def size(self) -> int:
        return self._window.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        pass


@dataclass(slots=True)
class _Rows:
    """The rows of one column of one row group."""

    column: str
    group: int
    batches: Iterator[pa.RecordBatch]  # of one row each; of all rows if they are kept
    kept: pa.RecordBatch | None = None
    next_row: int = 0  # of `batches`


class ParquetAudio:
    """An open Parquet file. Every method raises BadInput if the file is damaged or beyond the limits."""

    def __init__(self, window: Window, path: str) -> None:
        self.path = path  #: for messages
        self._window = window
        self._rows: _Rows | None = None
        length = int.from_bytes(window.read_at(window.size - 8, 4), "little")
        if window.read_at(window.size - 4, 4) != MAGIC or not 0 < length <= window.size - 8:
            self._refuse("truncated", "its last bytes are not those of a Parquet file; copy it again")
        if length > _MAX_FOOTER:
            self._refuse("unsupported", f"its footer has {length:,} bytes; at most {_MAX_FOOTER:,} are read")
        require_pyarrow()
        from pyarrow import parquet

        with self.explained():
            self._file: pq.ParquetFile = parquet.ParquetFile(
                _Reads(window),
                pre_buffer=False,
                buffer_size=1 << 20,
                thrift_string_size_limit=_MAX_FOOTER,
                thrift_container_size_limit=1 << 22,
            )
            self.schema: pa.Schema = self._file.schema_arrow
            metadata = self._file.metadata
            counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._starts = [0]  # of the row groups, and the number of all rows
        for count in counts:
            if not 0 <= count < _MAX_ROWS:
                self._refuse("corrupt", "a number of rows that cannot be; write the file again")
            self._starts.append(self._starts[-1] + count)

    @property
    def num_groups(self) -> int:
        """Number of row groups."""
        return len(self._starts) - 1

    def group_start(self, group: int) -> int:
        """The number of the first row of a row group."""
        return self._starts[group]

    def audio_columns(self) -> list[str]:
        """The columns with audio: those with a struct that has bytes."""
        import pyarrow as pa

        def is_audio(kind: pa.DataType) -> bool:
            names = [kind.field(i).name for i in range(kind.num_fields)] if pa.types.is_struct(kind) else []
            return "bytes" in names and _is_binary(kind.field("bytes").type)

        with self.explained():
            return [field.name for field in self.schema if is_audio(field.type)]

    def audio_column(self, chosen: str | None = None) -> str:
        """The column that is read: the chosen one, or `audio`, or the only one."""
        columns = self.audio_columns()
        if chosen is not None and chosen not in columns:
            self._refuse("bad_row", f"it has no column of audio {chosen!r}, but {', '.join(columns) or 'none'}")
        if chosen is None and not columns:
            text = "it has no column of audio, a struct of `bytes` and `path`; cast the column to `datasets.Audio`"
            self._refuse("not_audio", text)
        if chosen is None and "audio" not in columns and len(columns) > 1:
            text = (
                f"it has several columns of audio ({', '.join(columns)}); choose one: `columns: {{path: {columns[0]}}}`"
            )
            self._refuse("bad_row", text)
        return chosen or ("audio" if "audio" in columns else columns[0])

    def audio(self, column: str, row: int) -> bytes:
        """The bytes of the audio of one row. Rows in order cost least: a row group is read from its start."""
        if not 0 <= row < self._starts[-1]:
            self._refuse("missing", f"it has {self._starts[-1]} rows, and no row {row}")
        group = bisect.bisect_right(self._starts, row) - 1
        number = row - self._starts[group]
        try:
            batch, place = self._batch(column, group, number)
            with self.explained():
                value: bytes | None = batch.column(0).field("bytes")[place].as_py()
        except BadInput:
            self._rows = None
            raise
        if value is None:
            raise self._error("missing", f"row {row} has no bytes of audio in the column {column}")
        return value

    def _batch(self, column: str, group: int, number: int) -> tuple[pa.RecordBatch, int]:
        """A batch with a row of a row group, and the place of the row in it."""
        rows = self._rows
        if (
            rows is None
            or (rows.column, rows.group) != (column, group)
            or (rows.kept is None and rows.next_row > number)
        ):
            rows = self._rows = self._open_rows(column, group)
        if rows.kept is not None:
            if number >= rows.kept.num_rows:
                raise self._error("corrupt", _TOO_FEW)
            return rows.kept, number
        with self.explained():
            while (batch := next(rows.batches, None)) is not None:
                rows.next_row += 1
                if rows.next_row > number:
                    return batch, 0
        raise self._error("corrupt", _TOO_FEW)

    def _open_rows(self, column: str, group: int) -> _Rows:
        name, count = f"{column}.bytes", self._starts[group + 1] - self._starts[group]
        pages = self._check(group, [name])
        # a dictionary could have one large value, which all rows repeat
        is_small = max(pages.total, pages.first * count) <= _MAX_KEPT
        size = max(1, count) if is_small else 1
        with self.explained():
            batches = self._file.iter_batches(batch_size=size, row_groups=[group], columns=[name], use_threads=False)
            first = next(batches, None) if is_small else None
        if is_small and first is None:
            raise self._error("corrupt", _TOO_FEW)
        return _Rows(column, group, batches, first)

    def group_rows(self, group: int, columns: list[str]) -> Iterator[dict[str, Any]]:
        """The values of some columns without audio, row by row, for one row group."""
        size = max(1, min(1024, _MAX_BATCH // max(1, self._check(group, columns).largest)))
        with self.explained():
            batches = self._file.iter_batches(batch_size=size, row_groups=[group], columns=columns, use_threads=False)
        while True:
            with self.explained():
                batch = next(batches, None)
                values = [] if batch is None else batch.to_pylist()
            if batch is None:
                return
            yield from values

    def nulls(self, group: int, name: str) -> int | None:
        """How many values of a column (`audio.bytes`) of a row group are null; None: unknown."""
        for chunk in self._chunks(group):
            if chunk.path_in_schema == name:
                statistics = chunk.statistics
                return None if statistics is None or not statistics.has_null_count else int(statistics.null_count)
        return None

    def _chunks(self, group: int) -> Iterator[Any]:
        row_group = self._file.metadata.row_group(group)
        yield from (row_group.column(i) for i in range(row_group.num_columns))

    def _check(self, group: int, columns: list[str]) -> Pages:
        """Check the pages of some columns of a row group; returns their sizes, summed over the columns."""
        sums = Pages(0, 0, 0)
        with self.explained():
            for chunk in self._chunks(group):
                name = chunk.path_in_schema
                if any(name == each or name.startswith(f"{each}.") for each in columns):
                    dictionary = chunk.dictionary_page_offset
                    start = chunk.data_page_offset if not dictionary else min(dictionary, chunk.data_page_offset)
                    pages = check_pages(self._window.read_at, start, chunk.total_compressed_size, MAX_PAGE)
                    first = pages.first if dictionary else 0
                    sums = Pages(sums.first + first, sums.largest + pages.largest, sums.total + pages.total)
        return sums

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what pyarrow raises in this block into a BadInput; names in a damaged schema may not even be UTF-8."""
        import pyarrow as pa

        try:
            yield
        except PageError as error:
            self._refuse("unsupported", f"{error}; write it again with smaller row groups")
        except (
            pa.ArrowException,
            ValueError,
            TypeError,
            KeyError,
            OSError,
            OverflowError,
            IndexError,
            RecursionError,
        ) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            self._refuse("corrupt", f"it cannot be decoded ({printable(reason)}); write it again")

    def _refuse(self, code: str, what: str) -> NoReturn:
        raise self._error(code, what)

    def _error(self, code: str, what: str) -> BadInput:
        return BadInput(code, self.path, f"Parquet file {printable(self.path.rpartition('/')[2])}: {what}", "scan")


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


_files: OrderedDict[tuple[int, State], ParquetAudio] = OrderedDict()


def opened_parquet(descriptor: int, path: str) -> ParquetAudio:
    """A Parquet file by an open descriptor; what was read of its footer is kept for each state of the file.

    Raises:
        BadInput: it is damaged.
        UsageError: pyarrow is not installed.
    """
    status = os.fstat(descriptor)
    state = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    key = os.getpid(), state  # what a parent process has half read is not continued by its children
    file = _files.pop(key, None)
    if file is None:
        # a descriptor of its own: the caller closes the other one
        file = ParquetAudio(Window(os.dup(descriptor), 0, status.st_size), path)
    _files[key] = file
    while len(_files) > _OPEN_FILES:
        os.close(_files.popitem(last=False)[1]._window.descriptor)
    return file


def split_row_name(member: str) -> tuple[str | None, int] | None:
    """(column or None, number of the row) of the part of a member path behind the Parquet file; None if it has none."""
    column, _, number = member.rpartition("/")
    if not (number.isascii() and number.isdigit() and len(number) < 15) or (number != "0" and number.startswith("0")):
        return None
    return column or None, int(number)


def row_window(descriptor: int, path: str, member: str) -> Window:
    """The audio of a row of an open Parquet file, in memory.

    Args:
        descriptor: of the file.
        path: of the file, for messages.
        member: `17`, or `noisy/17`.

    Raises:
        BadInput: there is no such row or column, or the file is damaged.
        UsageError: pyarrow is not installed.
    """
    place = split_row_name(member)
    if place is None:
        text = f"{printable(member)!r} is not the number of a row of {printable(path.rpartition('/')[2])}"
        raise BadInput("missing", f"{path}/{member}", text, "scan")
    try:
        file = opened_parquet(descriptor, path)
        data = file.audio(file.audio_column(place[0]), place[1])
    except BadInput as error:
        raise BadInput(error.code, f"{path}/{member}", error.message, "scan") from None
    return Window(descriptor, 0, len(data), data, member)


def feature_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of the classes of a column, from the `huggingface` metadata: column -> names."""
    import json

    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}
