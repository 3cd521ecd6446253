"""Splits real target audio into dev, test and a share for training, by groups that are never divided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synth.dev_test.clip_audio import Progress
from synth.dev_test.division import divide, division_json, measure_set
from synth.dev_test.earlier_split import ON_CONFLICT, read_earlier_split
from synth.dev_test.group_keys import GroupKeys, add_path_labels, parse_group_keys
from synth.dev_test.real_set import column_value, open_real_set
from synth.dev_test.resolution import ERROR_RATE
from synth.dev_test.sizes import SPLITS, parse_sizes
from synth.dev_test.split_folder import (
    README,
    check_out,
    digest_of,
    format_list,
    format_readme,
    is_kept,
    list_name,
    relative_folder,
    write_split,
)
from synth.dev_test.ties import choose_group_rule
from synth.errors import UsageError
from synth.lists.root import SPLIT_FILE, SPLIT_FORMAT

__all__ = ["SplitRequest", "split_real_audio"]

VERSION: Final = 1  # of split.json


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """What to split, and how."""

    path: Path  # a folder of real target audio, or a list of it
    out: Path  # folder of the lists
    sizes: Mapping[str, str | None]  # split -> size as text, such as "2000", "2h", "10%" or "rest"
    by: tuple[str, ...] = ()  # as `parse_group_keys` reads it; empty: the usual columns
    seed: int | None = None  # None: that of the earlier split, or 0
    keep: Path | None = None  # folder of an earlier split
    on_conflict: str = "refuse"  # one of ON_CONFLICT
    duplicates: bool = True  # compare the sound of all clips
    allow_synthesized: bool = False
    allow_other: bool = False  # accept audio that is marked as not from the target
    error_rate: float = ERROR_RATE  # expected on dev, 0 to 1
    jobs: int = 1  # worker processes


def split_real_audio(request: SplitRequest, *, progress: Progress | None = None) -> dict[str, Any]:
    """Split, write the folder, and return its split.json. The same request gives the same bytes.

    Raises:
        UsageError: there is no such set, it has synthesized audio in it, a size or column is not possible, or the
            folder holds something else.
        GuardError: a split would be empty, or an earlier split is contradicted.
        StorageError: a file cannot be written.
    """
    if request.on_conflict not in ON_CONFLICT:
        raise UsageError(f"--on-conflict {request.on_conflict}: choose from {', '.join(ON_CONFLICT)}")
    check_out(request.out, request.path, keep=request.keep)
    real_set = open_real_set(request.path, allow_synthesized=request.allow_synthesized, allow_other=request.allow_other)
    earlier = read_earlier_split(request.keep, real_set) if request.keep else None
    group_keys = parse_group_keys(request.by)
    seed = request.seed or 0
    size_texts = {name: text for name, text in request.sizes.items() if text is not None}
    if earlier is not None:
        if not request.by:
            group_keys = GroupKeys(earlier.by or (), earlier.from_path)
        seed = earlier.seed if request.seed is None else request.seed
        size_texts = {**earlier.sizes, **size_texts}
    real_set = add_path_labels(real_set, group_keys.from_path)
    sizes = parse_sizes(size_texts)
    rule = choose_group_rule(real_set, group_keys.columns)
    clips = measure_set(real_set, duplicates=request.duplicates, jobs=request.jobs, progress=progress)
    division = divide(clips, rule, earlier, size_texts, seed=seed, on_conflict=request.on_conflict)

    notes = [*real_set.notes, *rule.notes]
    own_splits = sorted({value for row in clips.rows if (value := column_value(row, "split")) is not None})
    if own_splits:
        values = ", ".join(own_splits[: len(SPLITS)]) + (", ..." if len(own_splits) > len(SPLITS) else "")
        notes.append(f"the list's own column split ({values}) is replaced")
    if earlier is not None:
        notes += earlier.notes
    report = {
        "format": SPLIT_FORMAT,
        "version": VERSION,
        "root": relative_folder(real_set.root, request.out),
        "by": list(rule.by),
        **({"from_path": group_keys.to_json()} if group_keys.from_path else {}),
        "seed": seed,
        "asked": {name: size.text for name, size in sizes.items() if not size.is_default},
        "near_duplicates_looked_for": request.duplicates,
        "error_rate": request.error_rate,
        "earlier": earlier.digest if earlier else None,
        **division_json(clips, rule, division, request.error_rate),
    }
    content: dict[str, bytes] = {}
    for name in report["splits"]:
        rows = [
            (row, division.groups[number].name)
            for row, number, split in zip(clips.rows, division.group_of_clip, division.split_of_clip, strict=True)
            if split == name
        ]
        content[list_name(name)] = format_list(name, rows)
    digests = {name: digest_of(data) for name, data in content.items()}
    report |= {"lists": sorted(content), "digests": digests, "notes": notes}
    text = json.dumps(report, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"
    content[SPLIT_FILE] = text.encode("utf-8", "surrogateescape")
    content[README] = format_readme(report).encode("utf-8", "surrogateescape")
    write_split(request.out, content, replaces=is_kept(request.out, request.keep))
    return report
