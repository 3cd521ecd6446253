"""espnet: one directory per split as ESPnet2's recipes have them in `dump/raw`, after their stage of formatting."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import ClassVar

from synth.dataset.row_consistency import stems_of
from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.kaldi_lists import LOSSES, check_list_paths, line, spk2utt, utterances
from synth.export.settings import ExportSettings
from synth.export.totals import Totals


class Espnet(Format):
    """`<split>/wav.scp`, `text`, `utt2spk`, `spk2utt`, `utt2num_samples`, `feats_type`, `audio_format`.

    With stems also `spk1.scp` and `noise1.scp`, as its recipes of enhancement name the references.
    """

    name = "espnet"
    summary = "Data directories of ESPnet2, with references for enhancement if there are stems."
    losses: ClassVar = LOSSES
    left_out = ("labels", "alignments", "weights", "stages", "events", "noise segments", "effects")

    def check(self, settings: ExportSettings, totals: Totals) -> None:
        """Refuse paths that would be taken for commands."""
        check_list_paths(settings)

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add the lines of a chunk to the lists of its split."""
        split = out.chunk.split
        for utterance in utterances(out):
            row, key = utterance.row, utterance.key
            if utterance.text is not None:
                out.add_line(f"{split}/text", line(key, utterance.text))
            out.add_line(f"{split}/wav.scp", f"{key} {out.audio(row)}")
            out.add_line(f"{split}/utt2num_samples", f"{key} {row['num_samples']}")
            out.add_line(f"{split}/utt2spk", f"{key} {utterance.speaker}")
            for stem, path in stems_of(row).items():
                out.add_line(f"{split}/{'spk1' if stem == 'speech' else 'noise1'}.scp", f"{key} {out.path(path)}")
            out.add_line(f"{split}/audio_format", PurePosixPath(row["audio_filepath"]).suffix[1:])

    def finish(self, merge: Merge) -> None:
        """Write the lists, sorted as by `LC_ALL=C sort`."""
        for name in merge.names():
            if name.endswith("/audio_format"):  # the same for all clips of a data set
                merge.write(name, [next(merge.lines(name))])
                merge.write(name.replace("audio_format", "feats_type"), [b"raw\n"])
                continue
            merge.write(name, merge.lines(name, ordered=True))
            if name.endswith("/utt2spk"):
                merge.write(name.replace("utt2spk", "spk2utt"), spk2utt(merge.lines(name, ordered=True)))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        folder = out / next(iter(content["splits"]))
        return (
            "from espnet2.fileio.read_text import read_2columns_text",
            "from espnet2.fileio.sound_scp import SoundScpReader",
            f"audio = SoundScpReader({str(folder / 'wav.scp')!r})",
            f"text = read_2columns_text({str(folder / 'text')!r})",
            "# in a recipe: run asr.sh from its stage 5 on with this folder as dump/raw/<split>",
        )
