"""huggingface: Parquet files that hold the audio, and a card with splits, license and counts."""

from __future__ import annotations

from pathlib import Path

from synth.dataset.card import split_name
from synth.export.clip_files import packed_row, read_clip, read_stems
from synth.export.columns import ALIGNMENT, CLIP, MAKING, ROW, label_columns
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.hugging_face_card import Card
from synth.export.parquet import ParquetWriter, pyarrow_version


class HuggingFace(Format):
    """`data/<split>-<n>-of-<count>.parquet` and `README.md`.

    The column `row` has the row of the manifest as JSON, so nothing is lost; its paths are the names of the audio here.
    """

    name = "huggingface"
    summary = "Parquet files that hold the audio, with a card for the `datasets` library."
    holds_audio = True
    needs = ("pyarrow",)

    def write_chunk(self, out: ChunkWriter) -> None:
        """Write the Parquet file of a chunk."""
        settings, chunk = out.settings, out.chunk
        count = settings.chunk_counts[chunk.split]
        columns = (*CLIP, ALIGNMENT, *label_columns(settings.label_kinds), *MAKING, ROW)
        audio = ["audio", *(f"{stem}_stem" for stem in settings.stems)]
        name = f"data/{split_name(chunk.split)}-{chunk.number:05d}-of-{count:05d}.parquet"
        rates = dict.fromkeys(audio, settings.sample_rate)
        with out.file(name) as file, ParquetWriter(file, columns, audio=rates) as parquet:
            for row in out.rows():
                clip, stems = read_clip(out, row), read_stems(out, row)
                clip_name = f"{row['id']}.{clip.extension}"
                stem_names = {stem: f"{row['id']}.{stem}.{each.extension}" for stem, each in stems.items()}
                files = {"audio": (clip_name, clip.data)}
                files |= {f"{stem}_stem": (stem_names[stem], each.data) for stem, each in stems.items()}
                parquet.add(packed_row(row, clip_name, stem_names), files)

    def finish(self, merge: Merge) -> None:
        """Write the card."""
        splits = merge.totals.splits()
        card = Card(
            format=self.name,
            splits=splits,
            patterns={split: f"data/{split_name(split)}-*.parquet" for split in splits},
            reading=_reading(".", next(iter(splits))),
            has_texts=merge.settings.has_texts,
            files=merge.files,
        )
        merge.write("README.md", iter((card.text().encode(),)))

    def versions(self) -> dict[str, str]:
        """The version of pyarrow: another one may write other bytes."""
        return {"pyarrow": pyarrow_version()}

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        return _reading(str(out), next(iter(content["splits"])))


def _reading(folder: str, split: str) -> tuple[str, ...]:
    return (
        "from datasets import load_dataset",
        f"clips = load_dataset({folder!r}, split={split_name(split)!r})",
    )
