"""table: one CSV file with all numbers of all clips, for pandas, DuckDB and spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from synth.export.columns import Column, table_columns
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.settings import ExportSettings
from synth.text import csv_cell, csv_line

_FILE = "table.csv"


class CsvTable(Format):
    """`table.csv`: one line per clip, one column per value; unknown values are empty cells."""

    name = "table"
    summary = "A CSV file with all numbers of all clips."
    names_members = True
    losses: ClassVar = {
        "empty_text": "have an empty text: the cell is empty, as of an unknown text",
        "formula": "have a text that a spreadsheet would take for a formula: it has an apostrophe in front",
    }
    left_out = ("effects", "noise segments")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one line per clip."""
        columns = _columns(out.settings)
        for row in out.rows():
            values = [column.value(row) for column in columns]
            if row["text"] == "":
                out.lose("empty_text")
            if any(isinstance(value, str) and csv_cell(value) != value for value in values):
                out.lose("formula")
            cells = [str(value).lower() if isinstance(value, bool) else value for value in values]
            out.add_text(_FILE, csv_line([out.audio(row), *cells]))

    def finish(self, merge: Merge) -> None:
        """Write the file, under a line of names."""
        head = csv_line(["audio_filepath", *(column.name for column in _columns(merge.settings))]).encode()
        merge.write(_FILE, (head, *merge.lines(_FILE)))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        # By default pandas takes a text such as "null" or "NA" for an unknown value.
        return (
            "import pandas",
            f"clips = pandas.read_csv({str(out / _FILE)!r}, keep_default_na=False, na_values=[''])",
        )


def _columns(settings: ExportSettings) -> tuple[Column, ...]:
    return table_columns(settings.label_kinds)
