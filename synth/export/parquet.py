"""Parquet files with the same bytes everywhere: one version of pyarrow writes the same bytes for the same rows.

A file has one row group per 8 MB of audio: that fits into a processor's cache, a reader which takes whole row groups
needs little memory, and a row can be read by itself. Audio is stored as it is, without compression or statistics; all
else is compressed.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from synth.errors import UsageError

if TYPE_CHECKING:
    from synth.export.columns import Column, Kind

ROW_GROUP_BYTES: Final = 8 << 20  # of audio in a row group; a clip that is larger has one of its own
ROW_GROUP_ROWS: Final = 10_000
_BATCH_WITH_AUDIO: Final = 16

AudioFile: TypeAlias = tuple[str, bytes]
"""A name, whose ending is the format, and the bytes of an audio file."""

_KEY: Final = "huggingface"  # of the file's metadata, where the `datasets` library looks for the types of columns
_WORD: Final[Mapping[str, Kind]] = {"word": "string", "start": "float64", "duration": "float64"}


class ByteOutput(Protocol):
    """Where a file goes, such as a `synth.files.Writer`."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Append all bytes."""
        ...


def import_pyarrow(purpose: str) -> ModuleType:
    """Import pyarrow.

    Args:
        purpose: what needs it, for the message.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        raise UsageError(f"{purpose} needs pyarrow, which is not installed: pip install 'synth[export]'") from None


class ParquetWriter:
    """Writes one Parquet file, row by row.

    with ParquetWriter(out, columns) as parquet:
        parquet.add(row)
    """

    def __init__(
        self, out: ByteOutput, columns: Sequence[Column], *, audio: Mapping[str, int | None] | None = None
    ) -> None:
        """Begin a file.

        Args:
            out: where the bytes go.
            columns: the columns that follow from a row.
            audio: name of a column with audio files -> their sampling rate (Hz), or None if they have several. If it is
                given, the file says so to the `datasets` library.

        Raises:
            UsageError: pyarrow is not installed.
        """
        pa = import_pyarrow("a Parquet file")
        from pyarrow import parquet

        self._audio, self._columns = tuple(audio or ()), tuple(columns)
        self._schema = _schema(pa, columns, audio)
        self._sink = _Sink(out)
        compressed = {column.name: "ZSTD" for column in columns if column.kind != "alignment"}
        compressed |= {f"alignment.list.element.{name}": "ZSTD" for name in _WORD}
        self._writer = parquet.ParquetWriter(
            self._sink,
            self._schema,
            compression={
                **compressed,
                **{f"{name}.{part}": "NONE" for name in self._audio for part in ("bytes", "path")},
            },
            use_dictionary=[column.name for column in columns if column.name not in _ALL_DIFFERENT],
            write_statistics=[column.name for column in columns if column.kind != "alignment"],
            store_schema=True,
            # The size of a page is looked at after so many values: with Arrow's 1024, all audio would be one page.
            write_batch_size=_BATCH_WITH_AUDIO if audio else None,
        )
        self._begin_group()

    def _begin_group(self) -> None:
        self._values: dict[str, list[Any]] = {name: [] for name in (*self._audio, *(c.name for c in self._columns))}
        self._bytes = self._rows = 0

    def add(self, row: Mapping[str, Any], audio: Mapping[str, AudioFile | None] | None = None) -> None:
        """Append a row.

        Args:
            row: of the manifest.
            audio: the file in each column with audio; None if the clip has none.
        """
        files = audio or {}
        size = sum(len(file[1]) for file in files.values() if file)
        if self._rows and (self._bytes + size > ROW_GROUP_BYTES or self._rows == ROW_GROUP_ROWS):
            self._write_group()
        for name in self._audio:
            file = files.get(name)
            self._values[name].append(None if file is None else {"bytes": file[1], "path": file[0]})
        for column in self._columns:
            self._values[column.name].append(column.value(row))
        self._bytes += size
        self._rows += 1

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the end of the file, unless an exception ends it. The output stays open."""
        if kind is not None:
            self._sink.discard()  # pyarrow writes the end of a file in any case, at the latest when it is collected
        elif self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        pa = import_pyarrow("a Parquet file")
        arrays = [pa.array(self._values[field.name], type=field.type) for field in self._schema]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._begin_group()
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=ROW_GROUP_ROWS)


#: Columns whose values hardly ever repeat: a dictionary of them would only cost.
_ALL_DIFFERENT: Final = frozenset(("id", "row", "sha256", "pcm_sha256"))


class _Sink(io.RawIOBase):
    """A file object in front of an output."""

    def __init__(self, out: ByteOutput) -> None:
        super().__init__()
        self._out: ByteOutput | None = out
        self._position = 0

    def discard(self) -> None:
        """Write nothing any more."""
        self._out = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self._out is not None:
            self._out.write(memoryview(data))
        self._position += size
        return size


def _schema(pa: ModuleType, columns: Sequence[Column], audio: Mapping[str, int | None] | None) -> Any:
    arrow: Mapping[Kind, Any] = {
        "bool": pa.bool_(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "string": pa.string(),
    }
    word = pa.struct([pa.field(name, arrow[kind]) for name, kind in _WORD.items()])
    file = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    types = {**dict.fromkeys(audio or (), file)}
    types |= {c.name: pa.list_(word) if c.kind == "alignment" else arrow[c.kind] for c in columns}
    if audio is None:
        return pa.schema(list(types.items()))
    info = {"info": {"features": features(columns, audio)}}
    return pa.schema(list(types.items()), metadata={_KEY: json.dumps(info)})


def features(columns: Sequence[Column], audio: Mapping[str, int | None]) -> dict[str, Any]:
    """The types of columns as the `datasets` library writes them; the spelling is one that all its versions read."""
    values: dict[str, Any] = {name: {"sampling_rate": rate, "_type": "Audio"} for name, rate in audio.items()}
    words = [{name: {"dtype": kind, "_type": "Value"} for name, kind in _WORD.items()}]
    for column in columns:
        values[column.name] = words if column.kind == "alignment" else {"dtype": column.kind, "_type": "Value"}
    return values


def pyarrow_version() -> str:
    """The version of pyarrow, which decides the bytes of a file; empty if it is not installed."""
    from importlib import metadata  # only here: it loads 40 modules

    try:
        return metadata.version("pyarrow")
    except metadata.PackageNotFoundError:
        return ""
