"""What `synth split` writes: one list per split, split.json, and a page that says what to do next."""

# ruff: noqa: PTH100, PTH118

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from synth.dev_test.sizes import SPLITS
from synth.errors import UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.root import SPLIT_FILE
from synth.paths import output_path

README: Final = "README.md"
#: Columns of ours; what the user's list has under these names is left out.
OUR_COLUMNS: Final = ("split", "group")
_KIND: Final = "split"


def list_name(split: str) -> str:
    """Return the file name of the list of a split."""
    return f"{split}.jsonl"


_FILES: Final = frozenset((*map(list_name, SPLITS), README))


def format_list(split: str, rows: Sequence[tuple[AudioRow, str]]) -> bytes:
    """Return the list of one split: JSON lines with NeMo's keys.

    Rows of dev and test have their split, so that `fit` refuses test under any name.

    Args:
        split: dev, test or train.
        rows: each with the name of its group.
    """
    lines = []
    for row, group in rows:
        labels = row.detail.get("labels")
        own_labels = labels if isinstance(labels, dict) else {}
        fields: dict[str, Any] = {
            "audio_filepath": row.path,
            "offset": row.offset or None,
            "duration": row.duration,
            "num_samples": row.num_samples,
            "sampling_rate": row.sample_rate,
            "channels": row.channels,
            **{name: value for name, value in row.detail.items() if name != "labels"},
            "labels": {name: value for name, value in own_labels.items() if name not in OUR_COLUMNS} or None,
            "group": group,
            "split": None if split == "train" else split,
        }
        present = {name: value for name, value in fields.items() if value is not None}
        lines.append(
            (json.dumps(present, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "surrogateescape")
        )
    return b"".join(lines)


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(data).hexdigest()


def relative_folder(folder: str, start: Path) -> str:
    """Return `folder` relative to `start`, so that it is found from there even if one of them is a link."""
    base = os.path.abspath(start)
    relative = os.path.relpath(folder, base)
    if os.path.realpath(os.path.join(base, relative)) != os.path.realpath(folder):
        relative = os.path.relpath(os.path.realpath(folder), os.path.realpath(base))
    return relative.replace(os.sep, "/")


def check_out(out: Path, source: Path, *, keep: Path | None) -> None:
    """Raise UsageError if the folder must not be written to: it holds something else, or lists that were edited.

    Other files may be beside a split, such as a recipe for it. The lists of the split that is kept (`keep`) are read
    with their edits, so they may be replaced.
    """
    is_split = (out / SPLIT_FILE).is_file()
    output_path.check_folder(out, _KIND, inputs=(source,), shared=is_split)
    if not is_split or is_kept(out, keep):
        return
    try:
        digests = json.loads((out / SPLIT_FILE).read_bytes())["digests"]
        digests = {name: str(digests[name]) for name in sorted(_FILES & set(digests))}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        digests = {}  # `write_split` refuses it, because it differs from the new split
    for name, digest in digests.items():
        path = out / name
        if path.is_file() and digest_of(path.read_bytes()) != digest:
            raise UsageError(
                f"--out {out}: {name} in it was changed since `synth split` wrote it, and the changes would be lost. "
                f"Name a new folder; with --keep {out} the clips stay where the changed lists have them"
            )


def is_kept(out: Path, keep: Path | None) -> bool:
    """Return whether the split in `out` is the one whose clips stay where they are."""
    return keep is not None and keep.resolve() == out.resolve()


def write_split(out: Path, content: Mapping[str, bytes], *, replaces: bool) -> None:
    """Write the files of a split; an existing split is only replaced by the same one, unless `replaces`.

    Raises:
        UsageError: the folder holds another split.
        StorageError: a file cannot be written.
    """
    existing = out / SPLIT_FILE
    if existing.is_file() and not replaces and existing.read_bytes() != content[SPLIT_FILE]:
        raise UsageError(
            f"--out {out} holds another split, and the record of which clips were test must not be lost. Name a new "
            f"folder; with --keep {out} its clips stay where they are"
        )
    # split.json comes last: the folder is a split only when its lists are complete
    ordered = {name: content[name] for name in sorted(content, key=lambda name: (name == SPLIT_FILE, name))}
    output_path.write_folder(out, ordered, _KIND, stale=_FILES, replaces={*_FILES, SPLIT_FILE} if replaces else ())


def recipe_snippet(root: str, manifest: str) -> list[str]:
    """Return lines of a recipe that use the training share unchanged. Both paths count from the recipe's folder."""
    return [
        "speech:",
        "  sources:",
        f"    - {{name: target, path: {_yaml_text(root)}, manifest: {_yaml_text(manifest)}, unchanged: true}}",
    ]


def _yaml_text(text: str) -> str:
    is_plain = text and all(mark.isalnum() or mark in "/._-" for mark in text) and text[0] not in "-"
    return text if is_plain else "'" + text.replace("'", "''") + "'"


def format_readme(report: Mapping[str, Any]) -> str:
    """Return the page for people in the folder: what it is, and what to do next. `report`: split.json."""
    splits = report["splits"]
    by = ", ".join(report["by"]) or "the sub-folder or file"
    duplicates = "; near-duplicates" if report["near_duplicates_looked_for"] else ""
    lines = [
        "# Real target audio, split",
        "",
        f"Made by `synth split`, seed {report['seed']}. A group ({by}; clips of one file{duplicates}) is never divided "
        "between two splits.",
        "",
        "| list | clips | hours | groups |",
        "|---|---|---|---|",
        *(
            f"| `{list_name(name)}` | {split['clips']:,} | {split['hours']:.2f} | {split['groups']:,} |"
            for name, split in splits.items()
        ),
        "",
        f"Paths in the lists are relative to `{report['root']}` (seen from this folder). `{SPLIT_FILE}` records it, so",
        "`synth profile`, `compare`, `fit` and a later `synth split --keep` find the audio.",
        "",
        "- `dev`: use it for decisions, as often as you like. `synth fit RECIPE --to dev.jsonl --out fitted` matches a",
        "  recipe to it.",
        "- `test`: use it once everything is decided. `synth fit` refuses it.",
    ]
    if "train" in splits:
        lines += [
            "- `train`: use it for training. A recipe in this folder takes it unchanged:",
            "",
            "```yaml",
            *recipe_snippet(report["root"], list_name("train")),
            "```",
        ]
    more = "More recordings: `synth split SET --keep THIS_FOLDER --out NEW_FOLDER` leaves every clip where it is."
    return "\n".join([*lines, "", more, ""])
