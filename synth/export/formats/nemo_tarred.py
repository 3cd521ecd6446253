"""nemo_tarred: numbered tar files of clips with a manifest each, one folder per split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from synth.archives.tar_writer import TarWriter
from synth.dataset.row_consistency import stems_of
from synth.export.clip_files import read_clip
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.formats.nemo import NO_TEXT, check_folder, manifest_values
from synth.export.row_values import json_line
from synth.export.settings import ExportSettings
from synth.export.totals import Totals

_SHARDED: Final = "sharded_manifests"
_ALL_ROWS: Final = "tarred_audio_manifest.json"


class NemoTarred(Format):
    """`<split>/audio_<n>.tar` with `<split>/sharded_manifests/manifest_<n>.json`, and all rows in one manifest.

    The reader (`LazyNeMoTarredIterator`) takes the number of a shard from the names of its files, finds the row of a
    member by its name, and expects a row for every member.
    """

    name = "nemo_tarred"
    summary = "NeMo's tar files with a manifest each, one folder per split."
    holds_audio = True
    losses: ClassVar = {**NO_TEXT, "stems": "have stems, which are not exported"}
    left_out = ("noise segments", "effects")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Write the tar file of a chunk and its manifest."""
        folder, number = out.chunk.split, out.chunk.number
        with (
            out.file(f"{folder}/audio_{number}.tar") as file,
            out.file(f"{folder}/{_SHARDED}/manifest_{number}.json") as manifest,
        ):
            tar = TarWriter(file)
            for row in out.rows():
                if stems_of(row):
                    out.lose("stems")
                clip = read_clip(out, row)
                member = f"{row['id']}.{clip.extension}"
                tar.add(member, clip.data)
                line = json_line({**manifest_values(out, row, member), "shard_id": number})
                manifest.write(f"{line}\n".encode())
                out.add_line(f"{folder}/{_ALL_ROWS}", line)
            tar.close()

    def check(self, settings: ExportSettings, totals: Totals) -> None:
        """Refuse paths that NeMo would not follow."""
        check_folder(settings)

    def finish(self, merge: Merge) -> None:
        """Write the manifests of all rows, and `metadata.yaml` of each split."""
        super().finish(merge)
        for split in merge.settings.chunk_counts:
            merge.write(f"{split}/metadata.yaml", _metadata(merge.settings, split))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        split, sums = next(iter(content["splits"].items()))
        numbers = f"_OP_0..{sums['chunks'] - 1}_CL_"
        manifests, tars = (
            str(out / split / name) for name in (f"{_SHARDED}/manifest_{numbers}.json", f"audio_{numbers}.tar")
        )
        return (
            "from lhotse import CutSet",
            "from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoTarredIterator",
            f"cuts = CutSet(LazyNeMoTarredIterator({manifests!r}, {tars!r}))",
            "# in a training configuration: model.train_ds.is_tarred=true "
            f"model.train_ds.manifest_filepath={manifests} model.train_ds.tarred_audio_filepaths={tars}",
        )


def _metadata(settings: ExportSettings, split: str) -> Iterator[bytes]:
    """What NeMo's own script writes beside its tar files, without the time."""
    yield (
        "version: 0\n"
        f"num_samples_per_shard: {settings.shard_size}\n"
        "is_concatenated_manifest: false\n"
        "dataset_config:\n"
        f"  num_shards: {settings.chunk_counts[split]}\n"
        "  shuffle: false\n"
        "  shard_manifests: true\n"
        "history: []\n"
    ).encode()
