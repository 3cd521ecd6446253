"""nemo: manifests as NeMo reads them, and an `input_cfg.yaml` with one group per split and stage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import ClassVar, Final

from synth.errors import UsageError
from synth.export.duration_bins import duration_bins
from synth.export.format import ChunkWriter, ExportContent, Format, Merge, Row
from synth.export.row_values import details, json_line, shifted, speech_span
from synth.export.settings import RELATIVE, ExportSettings
from synth.export.totals import GroupTotals, Totals

_INPUT_CFG: Final = "input_cfg.yaml"
#: What NeMo replaces by a brace, and braces that stand for several paths.
_BRACES: Final = re.compile(r"[()\[\]<>]|_OP_|_CL_|\{[^{}]*(?:,|\.\.)[^{}]*\}")
_BUCKETS: Final = 30  # NeMo's default of num_buckets
_LONGEST_RELATIVE: Final = 254  # characters: NeMo takes a longer relative path as it is, and does not find the file


NO_TEXT: Final = {
    "no_text": "have no text: their `text` is empty and `_skipme` is true, so that NeMo skips them",
    "no_texts": "have no text, and no clip has one: their `text` is empty",
}


def check_folder(settings: ExportSettings) -> None:
    """Refuse a folder in whose path NeMo sees a list of paths (`expand_sharded_filepaths`). Raises UsageError."""
    if mark := _BRACES.search(str(settings.out)):
        raise UsageError(
            f"--out {settings.out}: NeMo takes {mark[0]} in a path for a part of a list of paths, and would not find "
            "the export; name a folder without it"
        )


def manifest_name(split: str, stage: str | None) -> str:
    """The manifest of a split, or of one stage of it. No split has `_` in its name, so no two names are equal."""
    return f"{split}.jsonl" if stage is None else f"{split}_{stage}.jsonl"


class Nemo(Format):
    """NeMo manifests.

    The reader (`LazyNeMoIterator`) puts keys that it does not know into `cut.custom`. It opens no audio file to make a
    cut if a row has `sampling_rate`.
    """

    name = "nemo"
    summary = "NeMo manifests, and input_cfg.yaml with weights and duration bins."
    default_paths = RELATIVE
    cuts_margins = True
    losses: ClassVar = {
        **NO_TEXT,
        "weights": "are in a manifest whose clips differ in weight: input_cfg.yaml has one weight per manifest, and "
        "each row its own as `weight`",
    }
    left_out = ("noise segments", "effects", "stems")

    def write_chunk(self, out: ChunkWriter) -> None:
        """Add one line per clip to the manifest of its split and stage."""
        for row in out.rows():
            values = manifest_values(out, row, out.audio(row))
            out.add_line(manifest_name(row["split"], row.get("stage")), json_line(values))

    def check(self, settings: ExportSettings, totals: Totals) -> None:
        """Refuse paths that NeMo would not follow."""
        check_folder(settings)
        if settings.paths == RELATIVE and len(settings.path("audio/train-dev-noise/00/")) > _LONGEST_RELATIVE - 100:
            raise UsageError(
                f"--paths relative: the way from {settings.out} to {settings.dataset} is too long for NeMo, which "
                "follows relative paths of up to 254 characters; use --paths absolute"
            )

    def finish(self, merge: Merge) -> None:
        """Write the manifests and input_cfg.yaml."""
        super().finish(merge)
        groups = merge.totals.groups
        trained_on = {key: group for key, group in groups.items() if key[0] == "train"} or groups
        if (
            merge.settings.has_texts
        ):  # NeMo skips the others, and a manifest of which it skips all would be drawn in vain
            trained_on = {key: group for key, group in trained_on.items() if group.weighted_seconds_with_text}
        for group in trained_on.values():
            if len(group.weights) > 1:
                merge.lose("weights", group.clips)
        merge.write(_INPUT_CFG, _input_cfg(merge.settings, trained_on))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        split = next(iter(content["splits"]))
        manifest = next(name for name in sorted(content["files"]) if name.startswith((f"{split}.", f"{split}_")))
        return (
            "from lhotse import CutSet",
            "from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoIterator",
            f"cuts = CutSet(LazyNeMoIterator({str(out / manifest)!r}))",
            f"# in a training configuration: model.train_ds.input_cfg={out / _INPUT_CFG}",
        )


def manifest_values(out: ChunkWriter, row: Row, audio_filepath: str) -> dict[str, object]:
    """The values of the line of a clip; counts a text that is missing.

    Args:
        out: the chunk; its format has the losses of NO_TEXT.
        row: the clip.
        audio_filepath: how the line names its file.
    """
    onset, speech_seconds = speech_span(row)
    values: dict[str, object] = {
        "audio_filepath": audio_filepath,
        "duration": row["duration"],
        "text": row["text"] if row["text"] is not None else "",
        "id": row["id"],
        "num_samples": row["num_samples"],
        "sampling_rate": row["sampling_rate"],
        "speech_onset": onset,
        "speech_duration": speech_seconds,
        **details(row),
    }
    if row["text"] is None:
        out.lose("no_text" if out.settings.has_texts else "no_texts")
        if out.settings.has_texts:
            values["_skipme"] = True
    if row.get("speaker") is not None:
        values["speaker"] = row["speaker"]
    language = (row.get("labels") or {}).get("language")
    if isinstance(language, str):
        values["lang"] = language
    if out.settings.cut_margins:
        values |= {"offset": onset, "duration": speech_seconds, "num_samples": row["speech"]["num_samples"]}
        values |= {"speech_onset": 0.0}
        if (alignment := shifted(row.get("alignment"), onset)) is not None:
            values["alignment"] = alignment
        # With a rate, NeMo takes `duration` for the length of the file, and then the offset leads beyond its end.
        del values["sampling_rate"]
    return values


def _input_cfg(settings: ExportSettings, groups: dict[tuple[str, str | None], GroupTotals]) -> Iterator[bytes]:
    """The text of `input_cfg.yaml`: one data set per manifest, drawn from in proportion to its weighted hours."""
    bounds = duration_bins(chain.from_iterable(group.durations for group in groups.values()), _BUCKETS)
    bins = ", ".join(f"{bound:.3f}" for bound in bounds)
    lines = [
        "# Written by synth export. Weight of a manifest: the hours of its clips with a text, times their weights.",
        f"# num_buckets: {len(bounds) + 1}",
        f"# bucket_duration_bins: [{bins}]",
    ]
    for (split, stage), group in groups.items():
        seconds = group.weighted_seconds_with_text if settings.has_texts else group.weighted_seconds
        lines += [
            "- type: nemo",
            f"  manifest_filepath: {_yaml_text((settings.out / manifest_name(split, stage)).as_posix())}",
            f"  weight: {max(seconds / 3600, 1e-9):.9f}",
            "  tags:",
            f"    split: {_yaml_text(split)}",
            *([] if stage is None else [f"    stage: {_yaml_text(stage)}"]),
        ]
    yield "".join(f"{line}\n" for line in lines).encode()


def _yaml_text(text: str) -> str:
    """A text in YAML that OmegaConf reads: `${` would begin a reference to another key."""
    return json.dumps(text.replace("${", "\\${"), ensure_ascii=False)
