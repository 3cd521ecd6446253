"""`synth split`: real target audio divided into dev, test and a share for training, by groups that never cross."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth.audio.cache import cache_folder
from synth.dev_test.assignment import Weights, assign
from synth.dev_test.clip_audio import Heard, Progress, hear, same_sound
from synth.dev_test.earlier_split import WINNERS, Earlier, Held, hold, read_earlier
from synth.dev_test.group_keys import By, labeled, read_by
from synth.dev_test.groups import Group, Pairs, grouped
from synth.dev_test.real_set import RealSet, column, open_real_set
from synth.dev_test.resolution import ERROR_RATE, resolution
from synth.dev_test.sizes import SPLITS, read_sizes, targets
from synth.dev_test.split_folder import (
    PAGE,
    check_out,
    digest,
    is_kept,
    list_bytes,
    list_name,
    page,
    relative_folder,
    write,
)
from synth.dev_test.ties import Belonging, belonging, crossing
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.lists.root import SPLIT_FILE, SPLIT_FORMAT

VERSION = 1
FEW_GROUPS = 5
_MOST = 0.5
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for. `sizes`: split -> text (sizes.py). `by`: as `read_by` takes it, () for the usual columns.
    `keep`: the folder of an earlier split. `error_rate`: where the standard error is told. `duplicates`: listen for
    near-duplicates."""

    path: Path
    out: Path
    sizes: Mapping[str, str | None]
    by: tuple[str, ...] = ()
    seed: int | None = None
    keep: Path | None = None
    on_conflict: str = "refuse"
    duplicates: bool = True
    allow_synthesised: bool = False
    allow_other: bool = False
    error_rate: float = ERROR_RATE
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Clips:
    """The clips that can be used, with their length in ms, and pairs of them that share their sound."""

    rows: tuple[AudioRow, ...]
    ms: tuple[int, ...]
    pairs: Pairs
    common: tuple[dict[str, Any], ...]
    refused: tuple[BadInput, ...]


@dataclass(frozen=True, slots=True)
class Divided:
    """The groups, the split of each clip (None: in none), and what an earlier split held."""

    groups: Sequence[Group]
    of_clip: Sequence[str | None]
    group_of: Sequence[int]
    held: Held
    gone: int


def split(request: Request, *, progress: Progress | None = None) -> dict[str, Any]:
    """Divide, write the folder, and return its split.json. The same request gives the same bytes.

    Raises:
        UsageError: no such set; synthesised audio in it; sizes or columns that cannot be; a folder that holds
            something else.
        GuardError: a split would be empty; an earlier split is contradicted.
        StorageError: the disk.
    """
    if request.on_conflict not in WINNERS:
        raise UsageError(f"--on-conflict {request.on_conflict}: one of {', '.join(WINNERS)}")
    check_out(request.out, request.path, keep=request.keep)
    found = open_real_set(request.path, allow_synthesised=request.allow_synthesised, allow_other=request.allow_other)
    earlier = read_earlier(request.keep, found) if request.keep else None
    asked_by = read_by(request.by)
    if not request.by and earlier is not None:
        asked_by = By(earlier.by or (), earlier.from_path)
    found = labeled(found, asked_by.from_path)
    asked = {**(earlier.asked if earlier else {}), **{k: v for k, v in request.sizes.items() if v is not None}}
    seed = request.seed if request.seed is not None else earlier.seed if earlier else 0
    sizes = read_sizes(asked)
    how = belonging(found, asked_by.columns)
    clips = _clips(found, request, progress)
    divided = divide(clips, how, earlier, asked, seed, request.on_conflict)
    report = {
        "format": SPLIT_FORMAT,
        "version": VERSION,
        "root": relative_folder(found.root, request.out),
        "by": list(how.by),
        **({"from_path": asked_by.to_json()} if asked_by.from_path else {}),
        "seed": seed,
        "asked": {name: size.text for name, size in sizes.items() if not size.unasked},
        "near_duplicates_looked_for": request.duplicates,
        "error_rate": request.error_rate,
        "earlier": earlier.digest if earlier else None,
        **_told(clips, how, divided, request.error_rate),
    }
    notes = [*found.notes, *how.notes, *_replaced(clips.rows), *(earlier.notes if earlier else ())]
    return _written(request, report, clips, divided, notes)


def _replaced(rows: Sequence[AudioRow]) -> list[str]:
    """A column of the list that ours takes the place of."""
    values = sorted({value for row in rows if (value := column(row, "split")) is not None})
    more = ", ..." if len(values) > len(SPLITS) else ""
    told = ", ".join(values[: len(SPLITS)]) + more
    return [f"the list's own column split ({told}) is left out: it is divided anew"] if values else []


# ------------------------------------------------------------------------------------------------------------- audio


def _clips(found: RealSet, request: Request, progress: Progress | None) -> Clips:
    """Clips with their lengths; files are opened only where the list does not say how long they are, or to hear
    whether two share their sound."""
    cache = cache_folder()
    wanted = [k for k, row in enumerate(found.rows) if request.duplicates or _seconds(row) is None]
    answers = dict(
        zip(
            wanted,
            hear(
                [found.rows[k] for k in wanted],
                found.root,
                cache=cache,
                prints=request.duplicates,
                jobs=request.jobs,
                progress=progress,
            ),
            strict=True,
        )
    )
    refused = [answer for answer in answers.values() if isinstance(answer, BadInput)]
    kept = [k for k in range(len(found.rows)) if not isinstance(answers.get(k), BadInput)]
    if not kept:
        raise UsageError("\n".join([f"{request.path}: no usable audio in it", *(f"  {one}" for one in refused[:10])]))
    heard = {k: answer for k, answer in answers.items() if not isinstance(answer, BadInput)}
    rows = tuple(_measured(found.rows[k], heard.get(k)) for k in kept)
    pairs = same_sound([heard[k] for k in kept], cache) if request.duplicates else ()
    common = tuple(
        {"first": _name(rows[p.first]), "second": _name(rows[p.second]), "common_s": round(p.common_s, 1)}
        for p in pairs
        if rows[p.first].path != rows[p.second].path
    )
    ms = tuple(round(1000 * (_seconds(row) or 0.0)) for row in rows)
    return Clips(rows, ms, [(p.first, p.second) for p in pairs], common, (*found.refused, *refused))


def _seconds(row: AudioRow) -> float | None:
    if row.duration is None and row.num_samples and row.sample_rate:
        return row.num_samples / row.sample_rate
    return row.duration


def _measured(row: AudioRow, heard: Heard | None) -> AudioRow:
    """The row with what only the file knew of its length."""
    if heard is None or _seconds(row) is not None:
        return row
    rate, count = heard["sample_rate"], heard["num_samples"]
    return replace(
        row, duration=round(count / rate, 6), num_samples=count, sample_rate=rate, channels=heard["channels"]
    )


def _name(row: AudioRow) -> str:
    return f"{row.path}@{row.offset:g}s" if row.offset else row.path


# ---------------------------------------------------------------------------------------------------------- dividing


def divide(
    clips: Clips, how: Belonging, earlier: Earlier | None, asked: Mapping[str, str], seed: int, winner: str
) -> Divided:
    """Earlier clips that are gone take part in the groups: what they joined stays joined."""
    rows = list(clips.rows)
    gone = _gone(earlier, rows)
    everyone = [*rows, *(row for row, _ in gone)]
    ties = [how.ties_of(row) for row in everyone]
    groups = grouped(ties, clips.pairs)
    held = Held({}, frozenset(), ())
    if earlier is not None:
        anchors = _anchors(earlier, rows) | {len(rows) + k: where for k, (_, where) in enumerate(gone)}
        names = [_name(row) for row in everyone]
        held = hold(groups, anchors, ties=ties, pairs=clips.pairs, names=names, winner=winner)
    of_clip: list[str | None] = [None] * len(rows)
    group_of = [0] * len(rows)
    members = [[k for k in group.members if k < len(rows) and k not in held.dropped] for group in groups]
    used = [number for number, mine in enumerate(members) if mine]
    weights = Weights(
        np.array([len(members[number]) for number in used], np.int64),
        np.array([sum(clips.ms[k] for k in members[number]) for number in used], np.int64),
        [_name(rows[members[number][0]]) for number in used],
    )
    wanted = targets(read_sizes(asked), int(weights.clips.sum()), int(weights.ms.sum()))
    fixed = {at: held.of_group[number] for at, number in enumerate(used) if number in held.of_group}
    splits = assign(weights, wanted, seed=seed, held=fixed)
    for number, where in zip(used, splits, strict=True):
        for k in members[number]:
            of_clip[k], group_of[k] = where, number
    return Divided(groups, of_clip, group_of, held, len(gone))


def _anchors(earlier: Earlier, rows: Sequence[AudioRow]) -> dict[int, str]:
    """Clip -> the split that its file was in: a file is never torn apart."""
    of_file = {row.path: where for row, where in zip(earlier.rows, earlier.splits, strict=True)}
    return {k: of_file[row.path] for k, row in enumerate(rows) if row.path in of_file}


def _gone(earlier: Earlier | None, rows: Sequence[AudioRow]) -> list[tuple[AudioRow, str]]:
    if earlier is None:
        return []
    there = {(row.path, round(1000 * row.offset)) for row in rows}
    old = zip(earlier.rows, earlier.splits, strict=True)
    return [(row, where) for row, where in old if (row.path, round(1000 * row.offset)) not in there]


# ----------------------------------------------------------------------------------------------------- what is told


def _told(clips: Clips, how: Belonging, divided: Divided, error_rate: float) -> dict[str, Any]:
    by_split: dict[str, list[int]] = {name: [] for name in SPLITS}
    for k, where in enumerate(divided.of_clip):
        if where is not None:
            by_split[where].append(k)
    splits = {name: _split_told(clips, divided, mine, error_rate) for name, mine in by_split.items() if mine}
    sizes = [sum(k < len(clips.rows) for k in group.members) for group in divided.groups]
    largest = max(range(len(sizes)), key=lambda number: sizes[number])
    return {
        "clips": len(clips.rows),
        "hours": round(sum(clips.ms) / 3.6e6, 4),
        "groups": sum(size > 0 for size in sizes),
        "largest_group": {"name": divided.groups[largest].name, "clips": sizes[largest]},
        "splits": splits,
        "left_out": divided.of_clip.count(None),
        "near_duplicates": list(clips.common[:_LISTED]),
        "near_duplicate_pairs": len(clips.common),
        "conflicts": list(divided.held.conflicts[:_LISTED]),
        "gone": divided.gone,
        "refused": [{"path": r.path, "code": r.code, "message": r.message} for r in clips.refused[:_LISTED]],
        "refused_count": len(clips.refused),
        "warnings": [
            *how.warnings,
            *_warnings(splits, sizes[largest], len(clips.rows)),
            *crossing(clips.rows, divided.of_clip, how.by),
        ],
    }


def _split_told(clips: Clips, divided: Divided, mine: Sequence[int], error_rate: float) -> dict[str, Any]:
    sizes: dict[int, int] = {}
    for k in mine:
        sizes[divided.group_of[k]] = sizes.get(divided.group_of[k], 0) + 1
    largest = max(sizes, key=lambda number: sizes[number])
    told = resolution(list(sizes.values()), error_rate=error_rate)
    return {
        "clips": len(mine),
        "hours": round(sum(clips.ms[k] for k in mine) / 3.6e6, 4),
        "groups": len(sizes),
        "largest_group": {"name": divided.groups[largest].name, "clips": sizes[largest]},
        "held_groups": sum(number in divided.held.of_group for number in sizes),
        "standard_error_points": round(100 * told.alone, 3),
        "standard_error_points_grouped": round(100 * told.grouped, 3),
        "design_effect": round(told.design_effect, 2),
    }


def _warnings(splits: Mapping[str, Mapping[str, Any]], largest: int, clips: int) -> list[str]:
    found = []
    if largest > _MOST * clips:
        found.append(f"one group holds {largest:,} of {clips:,} clips: what joins them is perhaps no bond (--by)")
    for name in ("dev", "test"):
        one = splits.get(name)
        if one is None:
            continue
        if one["groups"] < FEW_GROUPS:
            found.append(
                f"{name} has {one['groups']} group{'' if one['groups'] == 1 else 's'}: an error on it says little "
                f"about other speakers and drives ({FEW_GROUPS} are the least, 20 are good)"
            )
        elif one["largest_group"]["clips"] > _MOST * one["clips"]:
            group = one["largest_group"]
            found.append(f"{group['name']} is {group['clips']:,} of the {one['clips']:,} clips of {name}")
    return found


def _written(
    request: Request, report: dict[str, Any], clips: Clips, divided: Divided, notes: Sequence[str]
) -> dict[str, Any]:
    content: dict[str, bytes] = {}
    for name in report["splits"]:
        rows = [
            (row, divided.groups[number].name)
            for row, number, where in zip(clips.rows, divided.group_of, divided.of_clip, strict=True)
            if where == name
        ]
        content[list_name(name)] = list_bytes(name, rows)
    digests = {name: digest(data) for name, data in content.items()}
    report = {**report, "lists": sorted(content), "digests": digests, "notes": list(notes)}
    text = json.dumps(report, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"
    content[SPLIT_FILE] = text.encode("utf-8", "surrogateescape")
    content[PAGE] = page(report).encode("utf-8", "surrogateescape")
    write(request.out, content, replaces=is_kept(request.out, request.keep))
    return report
