"""speechbrain: one JSON file per split, for DynamicItemDataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.row_values import details, json_line, shifted, speech_span
from synth.export.settings import RELATIVE


class SpeechBrain(Format):
    """`<split>.json`: an object with one item per clip: `wav`, `length` (seconds), `words`, `spk_id`, and more.

    SpeechBrain passes every text below an item to `str.format_map`, so braces in values are doubled. Relative paths
    begin with `{data_root}`, which stands for the folder of the export.
    """

    name = "speechbrain"
    summary = "JSON files for SpeechBrain's DynamicItemDataset."
    cuts_margins = True
    losses: ClassVar = {"no_text": "have no text: their `words` is null"}
    left_out = ("noise segments", "effects", "stems")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one item per clip to the file of its split."""
        settings = out.settings
        for row in out.rows():
            if row["text"] is None:
                out.lose("no_text")
            start, seconds = speech_span(row)
            values = details(row)
            wav: Any = out.audio(row)
            if settings.cut_margins:
                onset, count = row["speech"]["onset"], row["speech"]["num_samples"]
                wav = {"file": wav, "start": onset, "stop": onset + count}
                start, values["alignment"] = 0.0, shifted(row.get("alignment"), start)
            values |= {
                "length": seconds if settings.cut_margins else row["duration"],
                "words": row["text"],
                "spk_id": row.get("speaker"),
                "num_samples": row["speech"]["num_samples"] if settings.cut_margins else row["num_samples"],
                "sampling_rate": row["sampling_rate"],
                "speech_start": start,
                "speech_length": seconds,
            }
            item = {**escaped(values), "wav": _rooted(escaped(wav), settings.paths)}
            out.add_line(f"{out.chunk.split}.json", f"{json.dumps(row['id'])}: {json_line(item)}")

    def finish(self, merge: Merge) -> None:
        """Write the objects."""
        for name in merge.names():
            merge.write(name, _object(merge.lines(name)))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        file = out / f"{next(iter(content['splits']))}.json"
        return (
            "from speechbrain.dataio.dataset import DynamicItemDataset",
            f"data = DynamicItemDataset.from_json({str(file)!r}, replacements={{'data_root': {str(out)!r}}})",
        )


def escaped(value: Any) -> Any:
    """A value of which `str.format_map` gives the original back: braces in all texts are doubled. Keys stay."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, dict):
        return {key: escaped(each) for key, each in value.items()}
    return [escaped(each) for each in value] if isinstance(value, list) else value


def _rooted(wav: Any, paths: str) -> Any:
    if paths != RELATIVE:
        return wav
    return {**wav, "file": f"{{data_root}}/{wav['file']}"} if isinstance(wav, dict) else f"{{data_root}}/{wav}"


def _object(items: Iterator[bytes]) -> Iterator[bytes]:
    """The text of an object of these items."""
    before = b"{\n"
    for item in items:
        yield before + item[:-1]
        before = b",\n"
    yield b"\n}\n"
