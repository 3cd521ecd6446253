"""table_parquet: one flat Parquet file of everything that is a number, a word or a truth value of a clip."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from synth.export.columns import Column, table_columns
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.parquet import ParquetWriter, pyarrow_version
from synth.export.row_values import json_line
from synth.export.settings import ExportSettings

_FILE: Final = "table.parquet"
_AUDIO: Final = Column("audio_filepath", "string", itemgetter("audio_filepath"))


class TableParquet(Format):
    """`table.parquet`: one row per clip, the same columns as the CSV file of `table`, with their types."""

    name = "table_parquet"
    summary = "One flat Parquet file of all numbers, for DuckDB, pandas or a notebook."
    names_members = True
    needs = ("pyarrow",)
    left_out = ("details of noise segments, effects and events",)

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add the values of each clip."""
        columns = _columns(out.settings)
        for row in out.rows():
            row["audio_filepath"] = out.audio(row)
            out.add_line(_FILE, json_line([column.value(row) for column in columns]))

    def finish(self, merge: Merge) -> None:
        """Write the table."""
        merge.write(_FILE, _table(merge.lines(_FILE), _columns(merge.settings)))

    def versions(self) -> dict[str, str]:
        """The version of pyarrow: another one may write other bytes."""
        return {"pyarrow": pyarrow_version()}

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        return ("import pandas", f"clips = pandas.read_parquet({str(out / _FILE)!r})")


def _columns(settings: ExportSettings) -> tuple[Column, ...]:
    return (_AUDIO, *table_columns(settings.label_kinds))


class _Blocks:
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._blocks.append(bytes(data))

    def take(self) -> list[bytes]:
        blocks, self._blocks = self._blocks, []
        return blocks


def _table(lines: Iterable[bytes], columns: Sequence[Column]) -> Iterator[bytes]:
    """The bytes of the table, from lines with the values of each clip."""
    blocks = _Blocks()
    places = [Column(column.name, column.kind, itemgetter(column.name)) for column in columns]
    names = [column.name for column in columns]
    with ParquetWriter(blocks, places) as parquet:
        for line in lines:
            parquet.add(dict(zip(names, json.loads(line), strict=True)))
            yield from blocks.take()
    yield from blocks.take()
