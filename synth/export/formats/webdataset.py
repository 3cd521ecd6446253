"""webdataset: tar files of clips, each with its audio, its row and its stems as neighboring members."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from synth.archives.tar_writer import MAX_NAME_BYTES, TarWriter
from synth.export.clip_files import packed_row, read_clip, read_stems
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.hugging_face_card import Card
from synth.export.row_values import json_line

_LONGEST_ENDING: Final = len(".speech.flac")
_README: Final = "README.md"
_NOTES: Final = """\
`load_dataset(".")` of the `datasets` library reads the same files. The audio comes as bytes; this decodes it:
`clips.cast_column("{ending}", Audio())`. Its JSON reader rounds numbers in the 16th digit.
"""


class WebDataset(Format):
    """Tar files `<split>-<number>.tar`; a clip is `<id>.flac`, `<id>.json` and, if it has stems, `<id>.<stem>.flac`.

    The `datasets` library reads them, too: the card names the type of each member, because it would take them from the
    first five clips, and a null or a list of several types is none to it.
    """

    name = "webdataset"
    summary = "Tar files for WebDataset: audio, row and stems of each clip side by side."
    holds_audio = True

    def write_chunk(self, out: ChunkWriter) -> None:
        """Write the tar file of a chunk."""
        with out.file(f"{out.chunk.split}-{out.chunk.number:06d}.tar") as file:
            tar = TarWriter(file)
            for row in out.rows():
                key, clip, stems = member_key(row["id"]), read_clip(out, row), read_stems(out, row)
                audio = f"{key}.{clip.extension}"
                stem_names = {name: f"{key}.{name}.{stem.extension}" for name, stem in stems.items()}
                tar.add(audio, clip.data)
                tar.add(f"{key}.json", json_line(packed_row(row, audio, stem_names)).encode())
                for name, stem in stems.items():
                    tar.add(stem_names[name], stem.data)
            tar.close()

    def finish(self, merge: Merge) -> None:
        """Write the card."""
        splits, settings = merge.totals.splits(), merge.settings
        endings = [*sorted(merge.totals.extensions), *(f"{stem}.flac" for stem in settings.stems)]
        card = Card(
            format=self.name,
            splits=splits,
            patterns={split: f"{split}-[0-9]*.tar" for split in splits},
            reading=_reading(Path(), next(iter(splits)), settings.chunk_counts),
            has_texts=settings.has_texts,
            features={**dict.fromkeys(endings, "binary"), "json": "json", "__key__": "string", "__url__": "string"},
            files=merge.files,
            notes=_NOTES.format(ending=endings[0]),
        )
        merge.write(_README, iter((card.text().encode(),)))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        split, sums = next(iter(content["splits"].items()))
        return _reading(out, split, {split: sums["chunks"]})


def _reading(out: Path, split: str, chunks: Mapping[str, int]) -> tuple[str, ...]:
    name = f"{split}-{{000000..{chunks[split] - 1:06d}}}.tar"
    return (
        "import webdataset",
        f"clips = webdataset.WebDataset({(out / name).as_posix()!r}, shardshuffle=100)",
        'clips = clips.decode()  # clip["json"] is the row',
    )


def member_key(clip_id: str) -> str:
    """What the members of a clip have in common: its id, or the end of an id that is too long for a tar file.

    The end of an id has the hash that makes it unique.
    """
    return clip_id[-(MAX_NAME_BYTES - _LONGEST_ENDING) :].lstrip("-_")
