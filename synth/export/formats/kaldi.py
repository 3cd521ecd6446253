"""kaldi: one data directory per split, with `segments` if margins are cut."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from synth.export.format import ChunkWriter, ExportContent, Format, Merge
from synth.export.kaldi_lists import LOSSES, check_list_paths, line, seconds_at, spk2utt, utterances
from synth.export.row_values import speech_span
from synth.export.settings import ExportSettings
from synth.export.totals import Totals


class Kaldi(Format):
    """`<split>/wav.scp`, `text`, `utt2spk`, `spk2utt`, `utt2dur`, `reco2dur`, `utt2uniq`, and `segments`.

    `wav.scp` has paths, never commands. `utt2uniq` names the recording that copies of an utterance are made from.
    """

    name = "kaldi"
    summary = "Kaldi data directories, for Kaldi, icefall and all that read them."
    cuts_margins = True
    losses: ClassVar = {
        **LOSSES,
        "compressed": "are in files that Kaldi's own programs do not decode (they read WAV; kaldiio, Lhotse and ESPnet "
        "read these): generate with output.format=wav for Kaldi itself",
    }
    left_out = ("labels", "alignments", "weights", "stages", "events", "noise segments", "effects", "stems")

    def check(self, settings: ExportSettings, totals: Totals) -> None:
        """Refuse paths that Kaldi would take for commands."""
        check_list_paths(settings)

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add the lines of a chunk to the lists of its split."""
        split = out.chunk.split
        for utterance in utterances(out):
            row, key = utterance.row, utterance.key
            _, seconds = speech_span(row)
            recording = utterance.recording if out.settings.cut_margins else key
            if not row["audio_filepath"].endswith(".wav"):
                out.lose("compressed")
            if out.settings.cut_margins:
                onset, rate = row["speech"]["onset"], row["sampling_rate"]
                start, end = seconds_at(onset, rate), seconds_at(onset + row["speech"]["num_samples"], rate)
                out.add_line(f"{split}/segments", f"{key} {recording} {start} {end}")
            if utterance.text is not None:
                out.add_line(f"{split}/text", line(key, utterance.text))
            out.add_line(f"{split}/wav.scp", f"{recording} {out.audio(row)}")
            out.add_line(f"{split}/reco2dur", f"{recording} {row['duration']!r}")
            out.add_line(f"{split}/utt2dur", f"{key} {seconds if out.settings.cut_margins else row['duration']!r}")
            out.add_line(f"{split}/utt2spk", f"{key} {utterance.speaker}")
            out.add_line(f"{split}/utt2uniq", f"{key} {row['source_id']}")

    def finish(self, merge: Merge) -> None:
        """Write the lists, sorted as by `LC_ALL=C sort`."""
        for name in merge.names():
            merge.write(name, merge.lines(name, ordered=True))
            if name.endswith("/utt2spk"):
                merge.write(name.replace("utt2spk", "spk2utt"), spk2utt(merge.lines(name, ordered=True)))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        folder = out / next(iter(content["splits"]))
        return (
            f"utils/validate_data_dir.sh --no-feats {folder}",
            "# or in Python:",
            "import kaldiio",
            f"for key, (rate, samples) in kaldiio.load_scp({str(folder / 'wav.scp')!r}).items(): ...",
        )
