"""funasr: one list per split, with lengths of audio (frames of 10 ms) and text."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from synth.export.format import ChunkWriter, ExportContent, Format
from synth.export.row_values import json_line, rows_with_text


class FunAsr(Format):
    """`<split>.jsonl` for `AudioDataset` with the index `IndexDSJsonl`. FunASR needs a text of every clip."""

    name = "funasr"
    summary = "Lists for FunASR."
    losses: ClassVar = {"no_text": "have no text and are left out", "no_texts": "have no text: `target` is empty"}
    left_out = (
        *("speakers", "labels", "alignments", "weights", "stages"),
        *("events", "noise segments", "effects", "stems"),
    )

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one line per clip with a text."""
        for row in rows_with_text(out):
            text = row["text"] or ""
            values = {
                "key": row["id"],
                "source": out.audio(row),
                "source_len": row["num_samples"] * 100 // row["sampling_rate"],
                "target": text,
                "target_len": len(text.split()) if " " in text else len(text),
            }
            out.add_line(f"{out.chunk.split}.jsonl", json_line(values))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        return (
            f"funasr-train ++train_data_set_list={out / next(iter(content['splits']))}.jsonl "
            "++dataset_conf.index_ds=IndexDSJsonl ...",
        )
