"""Divides the clips of a set into splits: measures them, groups them, and assigns the groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from synth.audio.cache import cache_folder
from synth.dev_test.assignment import GroupSizes, assign_groups
from synth.dev_test.clip_audio import ClipAudio, Progress, find_same_sound, measure_clips
from synth.dev_test.earlier_split import EarlierSplit, FixedGroups, fix_groups
from synth.dev_test.groups import ClipGroup, Pairs, group_clips
from synth.dev_test.real_set import RealSet
from synth.dev_test.resolution import resolution_of
from synth.dev_test.sizes import SPLITS, parse_sizes, target_sizes
from synth.dev_test.ties import GroupRule, crossing_warnings
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.text import count_of

FEW_GROUPS: Final = 5
_MAX_GROUP: Final = 0.5  # share of the clips above which a single group causes a warning
_MAX_LISTED: Final = 100  # entries of each list in split.json


@dataclass(frozen=True, slots=True)
class UsableClips:
    """The clips that can be used."""

    rows: tuple[AudioRow, ...]
    ms: tuple[int, ...]  # length of each clip
    pairs: Pairs  # clips that share their sound
    shared: tuple[dict[str, Any], ...]  # the pairs of different files, as split.json has them
    refused: tuple[BadInput, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """The groups, and the split of each clip."""

    groups: Sequence[ClipGroup]
    split_of_clip: Sequence[str | None]  # None: in no split
    group_of_clip: Sequence[int]  # number of its group
    fixed: FixedGroups
    removed: int  # clips of the earlier split that are not in the set any more


def measure_set(
    real_set: RealSet, *, duplicates: bool = True, jobs: int = 1, progress: Progress | None = None
) -> UsableClips:
    """Find the lengths of the clips, and which of them share their sound.

    Files are only opened if the list does not have their lengths, or to compare their sound.

    Args:
        real_set: the clips.
        duplicates: whether to compare the sound.
        jobs: worker processes.
        progress: called with (what, clips done, number of clips).

    Raises:
        UsageError: no clip can be used.
    """
    cache = cache_folder()
    to_open = [k for k, row in enumerate(real_set.rows) if duplicates or _seconds(row) is None]
    measured = measure_clips(
        [real_set.rows[k] for k in to_open],
        real_set.root,
        cache=cache,
        fingerprints=duplicates,
        jobs=jobs,
        progress=progress,
    )
    audio: dict[int, ClipAudio] = {}
    refused: dict[int, BadInput] = {}
    for k, answer in zip(to_open, measured, strict=True):
        if isinstance(answer, BadInput):
            refused[k] = answer
        else:
            audio[k] = answer
    usable = [k for k in range(len(real_set.rows)) if k not in refused]
    if not usable:
        lines = [f"  {refusal}" for refusal in list(refused.values())[:10]]
        raise UsageError("\n".join([f"{real_set.list_path or real_set.root}: no usable audio in it", *lines]))
    rows = tuple(_with_length(real_set.rows[k], audio.get(k)) for k in usable)
    pairs = find_same_sound([audio[k] for k in usable], cache) if duplicates else ()
    shared = tuple(
        {
            "first": clip_name(rows[pair.first]),
            "second": clip_name(rows[pair.second]),
            "common_s": round(pair.common_s, 1),
        }
        for pair in pairs
        if rows[pair.first].path != rows[pair.second].path
    )
    ms = tuple(round(1000 * (_seconds(row) or 0.0)) for row in rows)
    clip_pairs = [(pair.first, pair.second) for pair in pairs]
    return UsableClips(rows, ms, clip_pairs, shared, (*real_set.refused, *refused.values()))


def _seconds(row: AudioRow) -> float | None:
    if row.duration is None and row.num_samples and row.sample_rate:
        return row.num_samples / row.sample_rate
    return row.duration


def _with_length(row: AudioRow, audio: ClipAudio | None) -> AudioRow:
    """Return the row with its length; what the list says takes precedence over the file."""
    if audio is None or _seconds(row) is not None:
        return row
    rate, count = audio["sample_rate"], audio["num_samples"]
    return replace(
        row, duration=round(count / rate, 6), num_samples=count, sample_rate=rate, channels=audio["channels"]
    )


def clip_name(row: AudioRow) -> str:
    """Return what a clip is called in messages."""
    return f"{row.path}@{row.offset:g}s" if row.offset else row.path


def divide(
    clips: UsableClips,
    rule: GroupRule,
    earlier: EarlierSplit | None,
    sizes: Mapping[str, str],
    *,
    seed: int,
    on_conflict: str,
) -> Division:
    """Group the clips, and assign the groups to splits.

    Args:
        clips: the clips.
        rule: what ties them together.
        earlier: the split to agree with. Its clips that were removed since still join groups: what they joined stays
            joined.
        sizes: split -> size, as text.
        seed: random seed.
        on_conflict: one of ON_CONFLICT.

    Raises:
        UsageError: the sizes are more than there is.
        GuardError: a split would be empty, or an earlier split is contradicted.
    """
    rows = list(clips.rows)
    removed: list[tuple[AudioRow, str]] = []
    if earlier is not None:
        present = {(row.path, round(1000 * row.offset)) for row in rows}
        for row, old_split in zip(earlier.rows, earlier.splits, strict=True):
            if (row.path, round(1000 * row.offset)) not in present:
                removed.append((row, old_split))
    all_rows = [*rows, *(row for row, _ in removed)]
    ties = [rule.ties_of(row) for row in all_rows]
    groups = group_clips(ties, clips.pairs)
    fixed = FixedGroups({}, frozenset(), ())
    if earlier is not None:
        # by file, not by clip: the clips of one file are never torn apart
        split_of_file = {row.path: split for row, split in zip(earlier.rows, earlier.splits, strict=True)}
        earlier_split_of = {k: split_of_file[row.path] for k, row in enumerate(rows) if row.path in split_of_file}
        earlier_split_of |= {len(rows) + k: split for k, (_, split) in enumerate(removed)}
        names = [clip_name(row) for row in all_rows]
        fixed = fix_groups(groups, earlier_split_of, ties=ties, pairs=clips.pairs, names=names, on_conflict=on_conflict)
    members = [[k for k in group.members if k < len(rows) and k not in fixed.dropped] for group in groups]
    used = [number for number, of_group in enumerate(members) if of_group]
    group_sizes = GroupSizes(
        clips=np.array([len(members[number]) for number in used], np.int64),
        ms=np.array([sum(clips.ms[k] for k in members[number]) for number in used], np.int64),
        keys=[clip_name(rows[members[number][0]]) for number in used],
    )
    targets = target_sizes(parse_sizes(sizes), int(group_sizes.clips.sum()), int(group_sizes.ms.sum()))
    fixed_used = {at: fixed.split_of[number] for at, number in enumerate(used) if number in fixed.split_of}
    splits = assign_groups(group_sizes, targets, seed=seed, fixed=fixed_used)
    split_of_clip: list[str | None] = [None] * len(rows)
    group_of_clip = [0] * len(rows)
    for number, split in zip(used, splits, strict=True):
        for k in members[number]:
            split_of_clip[k], group_of_clip[k] = split, number
    return Division(groups, split_of_clip, group_of_clip, fixed, len(removed))


def division_json(clips: UsableClips, rule: GroupRule, division: Division, error_rate: float) -> dict[str, Any]:
    """Return what split.json says about a division. `error_rate`: expected on dev, 0 to 1."""
    splits = {}
    for name in SPLITS:
        members = [k for k, split in enumerate(division.split_of_clip) if split == name]
        if members:
            splits[name] = _split_json(clips, division, members, error_rate)
    sizes = [sum(k < len(clips.rows) for k in group.members) for group in division.groups]
    largest = max(range(len(sizes)), key=lambda number: sizes[number])
    warnings = list(rule.warnings)
    if sizes[largest] > _MAX_GROUP * len(clips.rows):
        warnings.append(
            f"one group holds {sizes[largest]:,} of {len(clips.rows):,} clips: the column that joins them may not be a "
            "real link; see --by"
        )
    warnings += _size_warnings(splits)
    warnings += crossing_warnings(clips.rows, division.split_of_clip, rule.by)
    return {
        "clips": len(clips.rows),
        "hours": round(sum(clips.ms) / 3.6e6, 4),
        "groups": sum(size > 0 for size in sizes),
        "largest_group": {"name": division.groups[largest].name, "clips": sizes[largest]},
        "splits": splits,
        "left_out": division.split_of_clip.count(None),
        "near_duplicates": list(clips.shared[:_MAX_LISTED]),
        "near_duplicate_pairs": len(clips.shared),
        "conflicts": list(division.fixed.conflicts[:_MAX_LISTED]),
        "gone": division.removed,
        "refused": [{"path": r.path, "code": r.code, "message": r.message} for r in clips.refused[:_MAX_LISTED]],
        "refused_count": len(clips.refused),
        "warnings": warnings,
    }


def _split_json(clips: UsableClips, division: Division, members: Sequence[int], error_rate: float) -> dict[str, Any]:
    sizes = Counter(division.group_of_clip[k] for k in members)
    largest, largest_clips = max(sizes.items(), key=lambda item: item[1])
    resolution = resolution_of(list(sizes.values()), error_rate=error_rate)
    return {
        "clips": len(members),
        "hours": round(sum(clips.ms[k] for k in members) / 3.6e6, 4),
        "groups": len(sizes),
        "largest_group": {"name": division.groups[largest].name, "clips": largest_clips},
        "held_groups": sum(number in division.fixed.split_of for number in sizes),
        "standard_error_points": round(100 * resolution.independent, 3),
        "standard_error_points_grouped": round(100 * resolution.grouped, 3),
        "design_effect": round(resolution.design_effect, 2),
    }


def _size_warnings(splits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    warnings = []
    for name in ("dev", "test"):
        if name not in splits:
            continue
        split, largest = splits[name], splits[name]["largest_group"]
        if split["groups"] < FEW_GROUPS:
            warnings.append(
                f"{name} has {count_of(split['groups'], 'group')}: an error on it says little about other speakers and "
                f"drives (at least {FEW_GROUPS} are needed, 20 are good)"
            )
        elif largest["clips"] > _MAX_GROUP * split["clips"]:
            warnings.append(f"{largest['name']} is {largest['clips']:,} of the {split['clips']:,} clips of {name}")
    return warnings
