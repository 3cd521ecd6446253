"""An earlier split that a new one must agree with: where its clips are, and what may not be joined any more."""

# ruff: noqa: PTH100, PTH118

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synth.dev_test.group_keys import from_json
from synth.dev_test.groups import Group, Pairs, Tie, chain
from synth.dev_test.real_set import RealSet
from synth.dev_test.sizes import SPLITS
from synth.errors import GuardError, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.root import SPLIT_FILE, SPLIT_FORMAT
from synth.recipe.model import FromPath

WINNERS = ("refuse", "drop", *SPLITS)
"""What is done where a group stands in several earlier splits. `refuse`: nothing; `drop`: its clips stay in test, or
else in dev, and the others are left out; `dev`, `test`, `train`: all its clips move there."""

_KINDS = {"root": str, "lists": list, "asked": dict, "by": list, "seed": int, "digests": dict}
_STRONGEST = ("test", "dev", "train")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier split. `rows` and the split of each; paths as the new set has them. `asked`: its sizes, as text.
    `digest`: of its split.json. `notes`: what has been changed in it since. `from_path`: labels that it took from
    paths."""

    rows: tuple[AudioRow, ...]
    splits: tuple[str, ...]
    asked: Mapping[str, str]
    by: tuple[str, ...] | None
    seed: int
    digest: str
    notes: tuple[str, ...] = ()
    from_path: Mapping[str, FromPath] = field(default_factory=dict)


def read_earlier(folder: Path, found: RealSet) -> Earlier:
    """The split in `folder`, its paths as those of the set that is to be divided.

    A file is the same where it lies at the same place; where none does, where it has the same path below the root (the
    audio has moved). Raises UsageError where there is no split, or none of its files is in the set.
    """
    noted, digest = _noted(folder)
    rows: list[AudioRow] = []
    splits: list[str] = []
    for name in SPLITS:
        if f"{name}.jsonl" in noted["lists"]:
            mine = [item for item in read_audio_list(folder / f"{name}.jsonl") if isinstance(item, AudioRow)]
            rows += mine
            splits += [name] * len(mine)
    old_root = os.path.normpath(os.path.join(os.path.abspath(folder), str(noted["root"])))
    there = {row.path for row in found.rows}
    if old_root != found.root:
        moved = [
            replace(row, path=os.path.relpath(os.path.join(old_root, row.path), found.root).replace(os.sep, "/"))
            for row in rows
        ]
        rows = moved if any(row.path in there for row in moved) else rows
    if not any(row.path in there for row in rows):
        raise UsageError(
            f"--keep {folder}: none of its {len(rows)} clips is in the set; give the whole set, earlier clips and new "
            "ones"
        )
    by = tuple(noted["by"]) if noted["by"] else None
    asked = {name: str(text) for name, text in noted["asked"].items()}
    notes = tuple(_changed(folder, noted))
    return Earlier(
        tuple(rows), tuple(splits), asked, by, int(noted["seed"]), digest, notes, from_json(noted.get("from_path"))
    )


def _changed(folder: Path, noted: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(noted["digests"]) & {f"{split}.jsonl" for split in SPLITS}):
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != noted["digests"][name]:
            yield f"{name} of the earlier split has been changed since; it counts as it is now"


def _noted(folder: Path) -> tuple[dict[str, Any], str]:
    path = folder / SPLIT_FILE
    try:
        data = path.read_bytes()
        noted = json.loads(data)
        wrong = [name for name, kind in _KINDS.items() if not isinstance(noted[name], kind)]
        if noted["format"] != SPLIT_FORMAT or wrong:
            raise ValueError(" and ".join(wrong) or "format")
        from_json(noted.get("from_path"))
    except OSError as error:
        raise UsageError(f"--keep {folder}: no earlier split is there ({SPLIT_FILE}: {error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is not what `synth split` wrote: {error}") from None
    return noted, hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Held:
    """What an earlier split decides. `of_group`: group -> split; `dropped`: clips that are left out now."""

    of_group: Mapping[int, str]
    dropped: frozenset[int]
    conflicts: tuple[str, ...]


def hold(
    groups: Sequence[Group],
    anchors: Mapping[int, str],
    *,
    ties: Sequence[Sequence[Tie]],
    pairs: Pairs,
    names: Sequence[str],
    winner: str = "refuse",
) -> Held:
    """Which groups stay where they were. anchors: clip -> its earlier split; names: of the clips, for messages.

    Raises GuardError where a group joins clips of several earlier splits and `winner` (WINNERS) does not say what then.
    """
    of_group: dict[int, str] = {}
    dropped: set[int] = set()
    conflicts: list[str] = []
    refused = 0
    for number, group in enumerate(groups):
        where = {anchors[index] for index in group.members if index in anchors}
        if not where:
            continue
        if len(where) > 1:
            conflicts.append(_told(group, anchors, ties, pairs, names))
            refused += winner == "refuse" or (winner in SPLITS and winner not in where)
        stays = winner if winner in where else next(name for name in _STRONGEST if name in where)
        of_group[number] = stays
        if winner == "drop":
            dropped |= {index for index in group.members if anchors.get(index, stays) != stays}
    if refused:
        raise GuardError(_refusal(conflicts, winner))
    return Held(of_group, frozenset(dropped), tuple(conflicts))


def _told(
    group: Group, anchors: Mapping[int, str], ties: Sequence[Sequence[Tie]], pairs: Pairs, names: Sequence[str]
) -> str:
    """One way from a clip of an earlier split to one of another, in words."""
    where = [name for name in _STRONGEST if any(anchors.get(index) == name for index in group.members)]
    start, goal = ({index for index in group.members if anchors.get(index) == name} for name in where[:2])
    steps = chain(ties, pairs, group.members, start, goal)
    return " ".join(
        f"{f'has {why} as ' if why else ''}{names[index]} ({anchors.get(index, 'new')})" for index, why in steps
    )


def _refusal(conflicts: Sequence[str], winner: str) -> str:
    more = [f"  and {len(conflicts) - _NAMED} more"] if len(conflicts) > _NAMED else []
    what = f"{len(conflicts)} groups join" if len(conflicts) > 1 else "1 group joins"
    asked = "" if winner == "refuse" else f" (and is not in {winner}, which --on-conflict names)"
    return "\n".join(
        [
            f"{what} clips that the earlier split has on different sides{asked}:",
            *(f"  {text}" for text in conflicts[:_NAMED]),
            *more,
            "  --on-conflict drop keeps those of test (or else dev) and leaves the others out; --on-conflict train (or "
            "dev, test) moves all clips of such a group there, which changes what was measured on it before",
        ]
    )
