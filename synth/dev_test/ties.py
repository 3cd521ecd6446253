"""What each clip belongs to: the columns that groups are made by, or the sub-folder where there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth.dev_test.groups import FILE, Tie
from synth.dev_test.real_set import RealSet, column, columns
from synth.errors import UsageError
from synth.lists.audio_list import AudioRow

DEFAULT_BY = ("speaker", "session", "drive", "trip", "recording", "source_recording")
"""The columns that groups are made by where nothing else is said: those of them that are there."""

FOLDER = "folder"
_WATCHED = (*DEFAULT_BY, "car", "vehicle")
_UNKNOWN: Tie = ("unknown", "anybody's")


@dataclass(frozen=True, slots=True)
class Belonging:
    """`by`: the columns, () where the sub-folder decides. `ties_of`: what a clip shares with others."""

    by: tuple[str, ...]
    ties_of: Callable[[AudioRow], tuple[Tie, ...]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def belonging(found: RealSet, by: Sequence[str]) -> Belonging:
    """How the clips of a set are grouped. by: columns of the list, `folder`, `file`; () for the usual ones.

    Clips of one file always belong together; so do copies of one source (`source_id`). Clips that have a value in none
    of the columns are one group: they may be anybody's.

    Raises UsageError for a column that is not there.
    """
    there = columns(found.rows)
    if found.listed is None and not there:
        return _by_folder(found, by)
    chosen = tuple(dict.fromkeys(by)) or tuple(name for name in DEFAULT_BY if name in there)
    for name in chosen:
        if name not in (*there, FOLDER, FILE):
            told = ", ".join(there) or "none"
            raise UsageError(f"--by {name}: the list has no such column; there are: {told}, {FOLDER}, {FILE}")
    if not chosen:
        plain = _by_folder(found, ())
        note = f"the list has no column {', '.join(DEFAULT_BY)} (--by names one)"
        return Belonging((), plain.ties_of, (note, *plain.notes), plain.warnings)
    return _by_columns(found, chosen, tuple(name for name in (*chosen, "source_id") if name in there))


def _by_columns(found: RealSet, chosen: tuple[str, ...], names: tuple[str, ...]) -> Belonging:
    folder = _folder_tie([row.path for row in found.rows]) if FOLDER in chosen else None
    alone = FILE in chosen

    def ties_of(row: AudioRow) -> tuple[Tie, ...]:
        ties = [(name, value) for name in names if (value := column(row, name)) is not None]
        if folder is not None:
            ties.append(folder(row.path))
        return (*(ties or ([] if alone else [_UNKNOWN])), (FILE, row.path))

    unknown = sum(_UNKNOWN in ties_of(row) for row in found.rows)
    warning = (
        f"{unknown:,} clips have no {' or '.join(chosen)}: they are kept together, for they may be anybody's; fill in "
        "the list"
    )
    return Belonging(chosen, ties_of, (), (warning,) if unknown else ())


def _by_folder(found: RealSet, by: Sequence[str]) -> Belonging:
    """`--by session` on a folder without a list means the sub-folder: there is nothing else that could say it."""
    if len(by) > 1:
        raise UsageError(
            f"--by {','.join(by)}: {found.root} has no list with these columns; put a metadata.csv into it, name a "
            "list (CSV or JSON lines with the columns path and those), or say where in the paths they are, such as "
            f"--by '{by[0]}=([0-9]+)-' or --by {by[0]}=folder:1"
        )
    paths = [row.path for row in found.rows]
    if list(by) == [FILE]:
        return Belonging((FILE,), lambda row: ((FILE, row.path),), ("each file is a group of its own",))
    tie = _folder_tie(paths)
    count = len({tie(path) for path in paths})
    name = by[0] if by and by[0] != FOLDER else "group"
    inside = any(tie(path)[0] == FOLDER for path in paths)
    notes = (f"no column says it: each sub-folder is taken as one {name}",) if inside else ()
    warnings = () if inside else ("no list and no sub-folders: each file is taken as a speaker and session of its own",)
    return Belonging((), lambda row: (tie(row.path), (FILE, row.path)), notes if count > 1 else (), warnings)


def _folder_tie(paths: Sequence[str]) -> Callable[[str], Tie]:
    """The sub-folder at the first level that has several; of a file that lies beside them, the file."""
    depth = 0
    split = [path.split("/") for path in paths]
    while len({parts[depth] for parts in split if len(parts) > depth + 1}) == 1 and all(
        len(parts) > depth + 1 for parts in split
    ):
        depth += 1

    def tie(path: str) -> Tie:
        parts = path.split("/")
        return (FOLDER, "/".join(parts[: depth + 1])) if len(parts) > depth + 1 else (FILE, path)

    return tie


def crossing(rows: Sequence[AudioRow], splits: Sequence[str | None], by: Sequence[str]) -> list[str]:
    """Warnings: columns that groups were not made by, whose values stand on several sides."""
    found = []
    for name in _WATCHED:
        if name in by:
            continue
        sides: dict[str, set[str]] = {}
        for row, split in zip(rows, splits, strict=True):
            value = column(row, name)
            if value is not None and split is not None:
                sides.setdefault(value, set()).add(split)
        several = sum(len(one) > 1 for one in sides.values())
        if several:
            found.append(
                f"{several} of {len(sides)} values of {name} stand on more than one side; "
                f"--by {','.join((*by, name))} keeps each on one"
            )
    return found
