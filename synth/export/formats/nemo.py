"""nemo: manifests as NeMo reads them, and an `input_cfg.yaml` with one group per split and stage.

Of a data set with `output.layout: tar`, the manifests are those of a tarred data set whose tar files are the ones that
`synth generate` wrote. NeMo finds the row of a member by its whole name, and the tar file of a row by `shard_id`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePosixPath
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
_TARRED: Final = "tarred_"  # begins the names of manifests that refer to tar files
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


def manifest_name(split: str, stage: str | None, *, is_tarred: bool = False) -> str:
    """The manifest of a split, or of one stage of it. No split has `_` in its name, so no two names are equal."""
    name = f"{split}.jsonl" if stage is None else f"{split}_{stage}.jsonl"
    return f"{_TARRED}{name}" if is_tarred else name


class Nemo(Format):
    """NeMo manifests.

    The reader (`LazyNeMoIterator`) puts keys that it does not know into `cut.custom`. It opens no audio file to make a
    cut if a row has `sampling_rate`.
    """

    name = "nemo"
    summary = "NeMo manifests, and input_cfg.yaml with weights and duration bins."
    names_members = True
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
            is_tarred = "shard_id" in row
            audio = PurePosixPath(row["audio_filepath"]).name if is_tarred else out.audio(row)
            values = manifest_values(out, row, audio)
            if is_tarred:
                values["shard_id"] = row["shard_id"]
            out.add_line(manifest_name(row["split"], row.get("stage"), is_tarred=is_tarred), json_line(values))

    def check(self, settings: ExportSettings, totals: Totals) -> None:
        """Refuse paths that NeMo would not follow, and what it does not do with tar files."""
        check_folder(settings)
        if any(group.tars for group in totals.groups.values()):
            _check_tars(settings)
        elif settings.paths == RELATIVE and len(settings.path("audio/train-dev-noise/00/")) > _LONGEST_RELATIVE - 100:
            raise UsageError(
                f"--paths relative: the way from {settings.out} to {settings.dataset} is too long for NeMo, which "
                "follows relative paths of up to 254 characters; use --paths absolute"
            )

    def finish(self, merge: Merge) -> None:
        """Write the manifests and input_cfg.yaml."""
        super().finish(merge)
        groups = merge.totals.groups
        for split in merge.totals.splits():
            tarred = {key: group for key, group in groups.items() if key[0] == split and group.tars}
            if tarred:  # NeMo reads no manifest of tar files without their names
                merge.write(f"input_cfg_{split}.yaml", _input_cfg(merge.settings, tarred))
        trained_on = {key: group for key, group in groups.items() if key[0] == "train"} or groups
        # NeMo skips clips without a text, and would draw in vain from a manifest of which it skips all.
        if merge.settings.has_texts:
            trained_on = {key: group for key, group in trained_on.items() if group.weighted_seconds_with_text}
        for group in trained_on.values():
            if len(group.weights) > 1:
                merge.lose("weights", group.clips)
        merge.write(_INPUT_CFG, _input_cfg(merge.settings, trained_on))

    def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
        """The lines that read it."""
        split = next(iter(content["splits"]))
        configuration = f"# in a training configuration: model.train_ds.input_cfg={out / _INPUT_CFG}"
        if f"input_cfg_{split}.yaml" in content["files"]:
            return (
                "from nemo.collections.common.data.lhotse.cutset import read_cutset_from_config",
                f"cuts, _ = read_cutset_from_config({{'input_cfg': {str(out / f'input_cfg_{split}.yaml')!r}}})",
                configuration,
            )
        manifest = next(name for name in sorted(content["files"]) if name.startswith((f"{split}.", f"{split}_")))
        return (
            "from lhotse import CutSet",
            "from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoIterator",
            f"cuts = CutSet(LazyNeMoIterator({str(out / manifest)!r}))",
            configuration,
        )


def _check_tars(settings: ExportSettings) -> None:
    """Refuse what NeMo's reader of tar files does not do. Raises UsageError."""
    if settings.cut_margins:
        raise UsageError(
            "--cut-margins: NeMo cuts no clip in a tar file by less than 0.2 s; leave the option out, or generate the "
            "data set with output.layout=files"
        )
    if mark := _BRACES.search(root := _tar_root(settings)):
        raise UsageError(
            f"{root}: NeMo takes {mark[0]} in a path for a part of a list of paths, and would not find the "
            "tar files; rename the folder of the data set, or give --paths a prefix without it"
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
            f"- type: {'nemo_tarred' if group.tars else 'nemo'}",
            f"  manifest_filepath: {_yaml_text(_manifest_path(settings, split, stage, group))}",
            *_tar_lines(settings, group),
            f"  weight: {max(seconds / 3600, 1e-9):.9f}",
            "  tags:",
            f"    split: {_yaml_text(split)}",
            *([] if stage is None else [f"    stage: {_yaml_text(stage)}"]),
        ]
    yield "".join(f"{line}\n" for line in lines).encode()


def _manifest_path(settings: ExportSettings, split: str, stage: str | None, group: GroupTotals) -> str:
    return (settings.out / manifest_name(split, stage, is_tarred=bool(group.tars))).as_posix()


def _tar_lines(settings: ExportSettings, group: GroupTotals) -> list[str]:
    """The keys of a tarred data set: its tar files, which also have members without a row (rows as JSON, stages)."""
    if not group.tars:
        return []
    root = _tar_root(settings)
    return [
        "  skip_missing_manifest_entries: true",
        "  tarred_audio_filepaths:",
        *(f"  - {_yaml_text(f'{root}/{tar}')}" for tar in group.tars),
    ]


def _tar_root(settings: ExportSettings) -> str:
    """The folder of the data set as input_cfg.yaml names it: NeMo reads relative paths from the current folder."""
    return settings.dataset.as_posix() if settings.paths == RELATIVE else settings.root.rstrip("/")


def _yaml_text(text: str) -> str:
    """A text in YAML that OmegaConf reads: `${` would begin a reference to another key."""
    return json.dumps(text.replace("${", "\\${"), ensure_ascii=False)
