"""lhotse: one file of cuts per split, which refer to the audio of the data set."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from synth.dataset.row_consistency import stems_of
from synth.export.format import ChunkWriter, ExportContent, Format
from synth.export.lhotse_cut import cut_values, recording_values, without_margins
from synth.export.row_values import json_line
from synth.export.settings import RELATIVE


class Lhotse(Format):
    """`cuts_<split>.jsonl`: each clip is a cut with one supervision over its speech.

    Stems are custom recordings: `cut.load_speech_stem()`.
    """

    name = "lhotse"
    summary = "Lhotse cuts, for Lhotse and icefall."
    cuts_margins = True
    losses: ClassVar = {"no_text": "have no text: the `text` of their supervision is null"}
    left_out = ("noise segments", "effects")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one cut per clip to the cuts of its split."""
        for row in out.rows():
            if row["text"] is None:
                out.lose("no_text")
            recording = recording_values(row, {"type": "file", "source": out.audio(row)})
            stems = {
                name: recording_values(
                    row, {"type": "file", "source": out.path(path)}, recording_id=f"{row['id']}.{name}"
                )
                for name, path in stems_of(row).items()
            }
            cut = cut_values(row, recording, stems)
            if out.settings.cut_margins:
                cut = without_margins(cut, row)
            out.add_line(f"cuts_{out.chunk.split}.jsonl", json_line(cut))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        cuts = out / f"cuts_{next(iter(content['splits']))}.jsonl"
        prefix = f".with_recording_path_prefix({str(out)!r})" if content["options"]["paths"] == RELATIVE else ""
        return ("from lhotse import CutSet", f"cuts = CutSet.from_file({str(cuts)!r}){prefix}")
