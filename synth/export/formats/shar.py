"""shar: Lhotse Shar, numbered files of cuts with tar files of their recordings, one folder per split."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from synth.archives.tar_writer import TarWriter
from synth.export.clip_files import ClipFile, read_clip, read_stems
from synth.export.format import ChunkWriter, ExportContent, Format
from synth.export.lhotse_cut import cut_values, recording_values
from synth.export.row_values import json_line

_RECORDING: Final = "recording"
_IN_TAR: Final = {"type": "shar", "source": ""}


class Shar(Format):
    """`<split>/cuts.<n>.jsonl` with `<split>/recording.<n>.tar`, and `<split>/<stem>_stem.<n>.tar` for stems.

    Lhotse takes every file of the folder for a part of the Shar, so nothing else may be in it: no index beside a tar
    file either. It expects as many samples as a recording says, and the files of a shard in the order of its cuts.
    """

    name = "shar"
    summary = "Lhotse Shar: cuts, and tar files with their recordings."
    holds_audio = True
    left_out = ("noise segments", "effects")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Write the cuts of a chunk, a tar file of the clips and one of each stem."""
        number, stems = f"{out.chunk.number:06d}", out.settings.stems
        with contextlib.ExitStack() as stack:
            cuts = stack.enter_context(out.file(f"{out.chunk.split}/cuts.{number}.jsonl"))
            tars = {
                name: TarWriter(stack.enter_context(out.file(f"{out.chunk.split}/{field}.{number}.tar")))
                for name, field in {"": _RECORDING, **{stem: f"{stem}_stem" for stem in stems}}.items()
            }
            for row in out.rows():
                recording = recording_values(row, _IN_TAR)
                _add(tars[""], row["id"], read_clip(out, row), recording)
                files, recordings = read_stems(out, row), {}
                for stem in stems:
                    if stem in files:
                        recordings[stem] = recording_values(row, _IN_TAR, recording_id=f"{row['id']}.{stem}")
                    _add(tars[stem], row["id"], files.get(stem), recordings.get(stem))
                cuts.write(f"{json_line(cut_values(row, recording, recordings))}\n".encode())
            for tar in tars.values():
                tar.close()

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        split = next(iter(content["splits"]))
        return (
            "from lhotse import CutSet",
            f"cuts = CutSet.from_shar(in_dir={str(out / split)!r}, shuffle_shards=True)",
        )


def _add(tar: TarWriter, clip_id: str, file: ClipFile | None, recording: Mapping[str, Any] | None) -> None:
    """Add a recording and its description, or the marks that a cut has none."""
    if file is None:
        tar.add(f"{clip_id}.nodata", b"")
        tar.add(f"{clip_id}.nometa", b"")
    else:
        tar.add(f"{clip_id}.{file.extension}", file.data)
        tar.add(f"{clip_id}.json", json_line(recording).encode())
