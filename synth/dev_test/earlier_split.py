"""An earlier split that a new one must agree with: where its clips are, and what must not be joined any more."""

# ruff: noqa: PTH100, PTH118

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from synth.dev_test.group_keys import from_path_of_json
from synth.dev_test.groups import ClipGroup, Pairs, Tie, shortest_chain
from synth.dev_test.real_set import RealSet
from synth.dev_test.sizes import SPLITS
from synth.dev_test.split_folder import digest_of, list_name
from synth.errors import GuardError, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.root import SPLIT_FILE, SPLIT_FORMAT
from synth.recipe.model import FromPath
from synth.text import count_of

#: What to do with a group that is in several earlier splits. `refuse`: stop; `drop`: its clips stay in test, or else in
#: dev, and the others are left out; `dev`, `test`, `train`: all its clips move there.
ON_CONFLICT: Final = ("refuse", "drop", *SPLITS)

_KINDS: Final = {"root": str, "lists": list, "asked": dict, "by": list, "seed": int, "digests": dict}
_PRECEDENCE: Final = ("test", "dev", "train")
_MAX_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class EarlierSplit:
    """An earlier split."""

    rows: tuple[AudioRow, ...]  # its clips; paths as the new set has them
    splits: tuple[str, ...]  # the split of each clip
    sizes: Mapping[str, str]  # split -> size, as text
    by: tuple[str, ...] | None  # columns of its groups
    seed: int
    digest: str  # of its split.json
    notes: tuple[str, ...] = ()  # what was changed in it since
    from_path: Mapping[str, FromPath] = field(default_factory=dict)  # labels that it took from paths


@dataclass(frozen=True, slots=True)
class FixedGroups:
    """What an earlier split decides."""

    split_of: Mapping[int, str]  # number of the group -> its split
    dropped: frozenset[int]  # clips that are left out now
    conflicts: tuple[str, ...]  # groups that join clips of several splits, in words


def read_earlier_split(folder: Path, real_set: RealSet) -> EarlierSplit:
    """Read the split in `folder`, with paths as in the set that is to be split.

    A file is the same if it is in the same place; if no file is, the one with the same path below the root is the same
    (the audio was moved).

    Raises:
        UsageError: there is no split, or none of its files is in the set.
    """
    record, digest = _read_record(folder)
    rows: list[AudioRow] = []
    splits: list[str] = []
    notes = []
    for name in SPLITS:
        path = folder / list_name(name)
        if path.name in record["lists"]:
            split_rows = [item for item in read_audio_list(path) if isinstance(item, AudioRow)]
            rows += split_rows
            splits += [name] * len(split_rows)
        recorded = record["digests"].get(path.name)
        if recorded is not None and path.is_file() and digest_of(path.read_bytes()) != recorded:
            notes.append(f"{path.name} of the earlier split was changed since it was written; the changes count")
    paths = {row.path for row in real_set.rows}
    old_root = os.path.normpath(os.path.join(os.path.abspath(folder), str(record["root"])))
    if old_root != real_set.root:
        rebased = []
        for row in rows:
            path_from_root = os.path.relpath(os.path.join(old_root, row.path), real_set.root)
            rebased.append(replace(row, path=path_from_root.replace(os.sep, "/")))
        rows = rebased if any(row.path in paths for row in rebased) else rows
    if not any(row.path in paths for row in rows):
        raise UsageError(
            f"--keep {folder}: none of its {len(rows)} clips is in the set; give the whole set, earlier clips and new "
            "ones"
        )
    return EarlierSplit(
        rows=tuple(rows),
        splits=tuple(splits),
        sizes={name: str(text) for name, text in record["asked"].items()},
        by=tuple(record["by"]) or None,
        seed=int(record["seed"]),
        digest=digest,
        notes=tuple(sorted(notes)),
        from_path=from_path_of_json(record.get("from_path")),
    )


def _read_record(folder: Path) -> tuple[dict[str, Any], str]:
    """Return split.json and its digest."""
    path = folder / SPLIT_FILE
    try:
        data = path.read_bytes()
        record = json.loads(data)
        wrong = [name for name, kind in _KINDS.items() if not isinstance(record[name], kind)]
        if record["format"] != SPLIT_FORMAT or wrong:
            raise ValueError(" and ".join(wrong) or "format")
        from_path_of_json(record.get("from_path"))
    except OSError as error:
        raise UsageError(f"--keep {folder}: there is no earlier split ({SPLIT_FILE}: {error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is not what `synth split` wrote: {error}") from None
    return record, digest_of(data)


def fix_groups(
    groups: Sequence[ClipGroup],
    earlier_split_of: Mapping[int, str],
    *,
    ties: Sequence[Sequence[Tie]],
    pairs: Pairs,
    names: Sequence[str],
    on_conflict: str = "refuse",
) -> FixedGroups:
    """Decide which groups stay where they were.

    Args:
        groups: of the new set.
        earlier_split_of: clip -> its earlier split.
        ties: those of each clip.
        pairs: near-duplicates.
        names: of the clips, for messages.
        on_conflict: one of ON_CONFLICT.

    Raises:
        GuardError: a group joins clips of several earlier splits, and `on_conflict` does not decide it.
    """
    split_of: dict[int, str] = {}
    dropped: set[int] = set()
    conflicts: list[str] = []
    undecided = 0
    for number, group in enumerate(groups):
        earlier = {earlier_split_of[index] for index in group.members if index in earlier_split_of}
        if not earlier:
            continue
        if len(earlier) > 1:
            conflicts.append(_conflict_text(group, earlier_split_of, ties, pairs, names))
            undecided += on_conflict == "refuse" or (on_conflict in SPLITS and on_conflict not in earlier)
        split_of[number] = next(name for name in (on_conflict, *_PRECEDENCE) if name in earlier)
        if on_conflict == "drop":
            kept = split_of[number]
            dropped |= {index for index in group.members if earlier_split_of.get(index, kept) != kept}
    if undecided:
        moves_elsewhere = "" if on_conflict == "refuse" else f" (none of them is {on_conflict}; see --on-conflict)"
        verb = "join" if len(conflicts) > 1 else "joins"
        more = len(conflicts) - _MAX_NAMED
        lines = [
            f"{count_of(len(conflicts), 'group')} {verb} clips of different earlier splits{moves_elsewhere}:",
            *(f"  {text}" for text in conflicts[:_MAX_NAMED]),
            *([f"  and {more} more"] if more > 0 else []),
            "  --on-conflict drop keeps those of test (or else dev) and leaves the others out; --on-conflict train (or "
            "dev, test) moves all clips of such a group there, which changes what was measured on it before",
        ]
        raise GuardError("\n".join(lines))
    return FixedGroups(split_of, frozenset(dropped), tuple(conflicts))


def _conflict_text(
    group: ClipGroup,
    earlier_split_of: Mapping[int, str],
    ties: Sequence[Sequence[Tie]],
    pairs: Pairs,
    names: Sequence[str],
) -> str:
    """Describe one chain from a clip of an earlier split to a clip of another one."""
    members_of = {name: {index for index in group.members if earlier_split_of.get(index) == name} for name in SPLITS}
    start, goal = [members_of[name] for name in _PRECEDENCE if members_of[name]][:2]
    links = []
    for link in shortest_chain(ties, pairs, group.members, start, goal):
        reason = f"has {link.reason} as " if link.reason else ""
        links.append(f"{reason}{names[link.clip]} ({earlier_split_of.get(link.clip, 'new')})")
    return " ".join(links)
