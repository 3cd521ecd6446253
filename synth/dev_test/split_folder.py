"""What `synth split` writes: a list a split, split.json, and a page of what to do next."""

# ruff: noqa: PTH100, PTH118

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synth.errors import UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.root import SPLIT_FILE
from synth.paths import output_path

PAGE = "README.md"
_KIND = "split"
OURS = ("split", "group")
"""Columns of ours; what a list has under these names already is left out."""


def list_name(split: str) -> str:
    return f"{split}.jsonl"


def list_bytes(split: str, rows: Sequence[tuple[AudioRow, str]]) -> bytes:
    """The list of one split: JSON lines with NeMo's keys. rows: each with the name of its group.

    dev and test say in each row what they are: `fit` then refuses test under any name.
    """
    return b"".join(_line(split, row, group) for row, group in rows)


def _line(split: str, row: AudioRow, group: str) -> bytes:
    labels = row.detail.get("labels")
    known = {name: value for name, value in labels.items() if name not in OURS} if isinstance(labels, dict) else {}
    fields: dict[str, Any] = {
        "audio_filepath": row.path,
        "offset": row.offset or None,
        "duration": row.duration,
        "num_samples": row.num_samples,
        "sampling_rate": row.sample_rate,
        "channels": row.channels,
        **{name: value for name, value in row.detail.items() if name != "labels"},
        "labels": known or None,
        "group": group,
        "split": None if split == "train" else split,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    return (json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "surrogateescape")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def relative_folder(folder: str, start: Path) -> str:
    """`folder` relative to `start`, so that it is found from there also where one of them is a link."""
    base = os.path.abspath(start)
    told = os.path.relpath(folder, base)
    if os.path.realpath(os.path.join(base, told)) != os.path.realpath(folder):
        told = os.path.relpath(os.path.realpath(folder), os.path.realpath(base))
    return told.replace(os.sep, "/")


def check_out(out: Path, source: Path, *, keep: Path | None) -> None:
    """Raise UsageError where the folder must not be written to: it holds something else, or lists that were edited.

    Other files may lie beside a split, such as a recipe for it. The split whose clips stay where they are (`keep`) is
    read with its edits, so its lists may be replaced.
    """
    is_split = (out / SPLIT_FILE).is_file()
    output_path.check_folder(out, _KIND, inputs=(source,), shared=is_split)
    if is_split and not is_kept(out, keep):
        for name, noted in _noted_digests(out).items():
            path = out / name
            if path.is_file() and digest(path.read_bytes()) != noted:
                raise UsageError(
                    f"--out {out}: {name} in it was changed since `synth split` wrote it, and would be lost; name a "
                    f"new folder; with --keep {out} the clips stay where the changed lists have them"
                )


def is_kept(out: Path, keep: Path | None) -> bool:
    """Whether the split in `out` is the one whose clips stay where they are."""
    return keep is not None and keep.resolve() == out.resolve()


def _noted_digests(out: Path) -> dict[str, str]:
    """List -> sha256, as split.json notes them; nothing where it cannot be read (the splits differ then)."""
    try:
        noted = json.loads((out / SPLIT_FILE).read_bytes())["digests"]
        return {name: str(noted[name]) for name in sorted(_all_names() & set(noted))}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def write(out: Path, content: Mapping[str, bytes], *, replaces: bool) -> None:
    """Write the files of a split. One that is there already is only written over by the same, or where it `replaces`.

    Raises UsageError: the folder holds another split, or a file of it that was changed. StorageError.
    """
    there = out / SPLIT_FILE
    if there.is_file() and not replaces and there.read_bytes() != content[SPLIT_FILE]:
        raise UsageError(
            f"--out {out} holds another split, and which clips were test must not be lost. Name a new folder; with "
            f"--keep {out} its clips stay where they are"
        )
    ordered = {name: content[name] for name in sorted(content, key=lambda name: (name == SPLIT_FILE, name))}
    ours = _all_names() | {SPLIT_FILE}
    output_path.write_folder(out, ordered, _KIND, stale=_all_names(), replaces=ours if replaces else ())


def _all_names() -> set[str]:
    return {list_name(split) for split in ("dev", "test", "train")} | {PAGE}


def snippet(root: str, manifest: str) -> list[str]:
    """Lines of a recipe that take the training share as it is. Both paths count from the recipe's folder."""
    return [
        "speech:",
        "  sources:",
        f"    - {{name: target, path: {_quoted(root)}, manifest: {_quoted(manifest)}, unchanged: true}}",
    ]


def _quoted(text: str) -> str:
    plain = text and all(mark.isalnum() or mark in "/._-" for mark in text) and text[0] not in "-"
    return text if plain else "'" + text.replace("'", "''") + "'"


def page(report: Mapping[str, Any]) -> str:
    """What stands in the folder for people: what it is, and what to do next."""
    splits = report["splits"]
    rows = [
        f"| `{list_name(name)}` | {one['clips']:,} | {one['hours']:.2f} | {one['groups']:,} |"
        for name, one in splits.items()
    ]
    by = ", ".join(report["by"]) or "the sub-folder or file"
    lines = [
        "# Real target audio, divided",
        "",
        f"By `synth split`, seed {report['seed']}; groups ({by}; clips of one file"
        f"{'; near-duplicates' if report['near_duplicates_looked_for'] else ''}) are on one side.",
        "",
        "| list | clips | hours | groups |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Paths in the lists count from `{report['root']}` (seen from this folder), which `{SPLIT_FILE}` notes:",
        "`synth profile`, `compare`, `fit` and a later `synth split --keep` find the audio by it.",
        "",
        "- `dev`: decide by it, as often as you like. `synth fit RECIPE --to dev.jsonl --out fitted` matches a recipe",
        "  to it.",
        "- `test`: look at it when all is decided. `synth fit` refuses it.",
    ]
    if "train" in splits:
        lines += [
            "- `train`: goes into training. A recipe in this folder takes it as it is:",
            "",
            "```yaml",
            *snippet(report["root"], list_name("train")),
            "```",
        ]
    again = "More recordings: `synth split SET --keep THIS_FOLDER --out NEW_FOLDER` leaves every clip where it is."
    return "\n".join([*lines, "", again, ""])
