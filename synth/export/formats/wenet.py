"""wenet: one list per split, `<split>/data.list`, with key, path and text in each line."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from synth.export.format import ChunkWriter, ExportContent, Format
from synth.export.row_values import json_line, rows_with_text


class Wenet(Format):
    """Lists of data type `raw`. WeNet needs a text of every clip."""

    name = "wenet"
    summary = "Lists for WeNet, of the data type raw."
    losses: ClassVar = {"no_text": "have no text and are left out", "no_texts": "have no text: their `txt` is empty"}
    left_out = (
        *("speakers", "labels", "alignments", "weights", "stages"),
        *("events", "noise segments", "effects", "stems"),
    )

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one line per clip with a text."""
        for row in rows_with_text(out):
            values = {"key": row["id"], "wav": out.audio(row), "txt": row["text"] or ""}
            out.add_line(f"{out.chunk.split}/data.list", json_line(values))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        data = out / next(iter(content["splits"])) / "data.list"
        return (f"python wenet/bin/train.py --data_type raw --train_data {data} ...",)
