"""What ties clips together: the columns that define groups, or the sub-folder if there are no columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from synth.dev_test.groups import FILE, Tie
from synth.dev_test.real_set import RealSet, column_names, column_value
from synth.errors import UsageError
from synth.lists.audio_list import AudioRow

#: The columns that define groups by default, if the list has them.
DEFAULT_BY: Final = ("speaker", "session", "drive", "trip", "recording", "source_recording")
FOLDER: Final = "folder"

_WATCHED: Final = (*DEFAULT_BY, "car", "vehicle")
_UNKNOWN: Final[Tie] = ("unknown", "anybody's")


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How the clips of a set are grouped."""

    by: tuple[str, ...]  # the columns; empty if the sub-folder decides
    ties_of: Callable[[AudioRow], tuple[Tie, ...]]  # what a clip shares with others
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def choose_group_rule(real_set: RealSet, by: Sequence[str]) -> GroupRule:
    """Decide how the clips of a set are grouped.

    Clips of one file always stay together, and so do copies of one source (`source_id`). Clips without a value in any
    of the columns form one group, because they may be anybody's.

    Args:
        real_set: the clips.
        by: columns of the list, `folder` or `file`; empty for the usual columns.

    Raises:
        UsageError: the list has no such column.
    """
    names = column_names(real_set.rows)
    if real_set.list_path is None and not names:
        return _rule_by_folder(real_set, by)
    columns = tuple(dict.fromkeys(by)) or tuple(name for name in DEFAULT_BY if name in names)
    for name in columns:
        if name not in (*names, FOLDER, FILE):
            available = ", ".join(names) or "none"
            raise UsageError(f"--by {name}: the list has no such column; there are: {available}, {FOLDER}, {FILE}")
    if columns:
        return _rule_by_columns(real_set, columns, tuple(name for name in (*columns, "source_id") if name in names))
    rule = _rule_by_folder(real_set, ())
    note = f"the list has no column {', '.join(DEFAULT_BY)} (name one with --by)"
    return GroupRule((), rule.ties_of, (note, *rule.notes), rule.warnings)


def _rule_by_columns(real_set: RealSet, columns: tuple[str, ...], names: tuple[str, ...]) -> GroupRule:
    """Return the rule for `columns`; `names` are those of the list, with `source_id`."""
    folder_tie = _folder_ties([row.path for row in real_set.rows]) if FOLDER in columns else None

    def ties_of(row: AudioRow) -> tuple[Tie, ...]:
        ties = [(name, value) for name in names if (value := column_value(row, name)) is not None]
        if folder_tie is not None:
            ties.append(folder_tie(row.path))
        if not ties and FILE not in columns:
            ties = [_UNKNOWN]
        return (*ties, (FILE, row.path))

    unknown = sum(_UNKNOWN in ties_of(row) for row in real_set.rows)
    warning = (
        f"{unknown:,} clips have no {' or '.join(columns)}: they are kept together, because they may be anybody's; "
        "complete the list"
    )
    return GroupRule(columns, ties_of, (), (warning,) if unknown else ())


def _rule_by_folder(real_set: RealSet, by: Sequence[str]) -> GroupRule:
    """Return the rule for a set without columns: one column, such as `--by session`, then means the sub-folder."""
    if len(by) > 1:
        raise UsageError(
            f"--by {','.join(by)}: {real_set.root} has no list with these columns; put a metadata.csv into it, name a "
            "list (CSV or JSON lines with the column path and these columns), or say where in the paths they are, such "
            f"as --by '{by[0]}=([0-9]+)-' or --by {by[0]}=folder:1"
        )
    paths = [row.path for row in real_set.rows]
    if list(by) == [FILE]:
        return GroupRule((FILE,), lambda row: ((FILE, row.path),), ("each file is a group of its own",))
    tie_of = _folder_ties(paths)
    ties = {tie_of(path) for path in paths}
    notes: list[str] = []
    warnings: list[str] = []
    if not any(column == FOLDER for column, _ in ties):
        warnings.append("no list and no sub-folders: each file is taken as a speaker and session of its own")
    elif len(ties) > 1:
        name = by[0] if by and by[0] != FOLDER else "group"
        notes.append(f"there are no columns: each sub-folder is taken as one {name}")
    return GroupRule((), lambda row: (tie_of(row.path), (FILE, row.path)), tuple(notes), tuple(warnings))


def _folder_ties(paths: Sequence[str]) -> Callable[[str], Tie]:
    """Return the tie of a path: its folder at the first level that has several; the file if it is in none of these."""
    depth = 0
    parts_of = [path.split("/") for path in paths]
    while all(len(parts) > depth + 1 for parts in parts_of) and len({parts[depth] for parts in parts_of}) == 1:
        depth += 1

    def tie_of(path: str) -> Tie:
        parts = path.split("/")
        return (FOLDER, "/".join(parts[: depth + 1])) if len(parts) > depth + 1 else (FILE, path)

    return tie_of


def crossing_warnings(rows: Sequence[AudioRow], splits: Sequence[str | None], by: Sequence[str]) -> list[str]:
    """Warn of values that are in several splits, in columns such as speaker that are not in `by`."""
    warnings = []
    for name in _WATCHED:
        if name in by:
            continue
        splits_of: dict[str, set[str]] = {}
        for row, split in zip(rows, splits, strict=True):
            value = column_value(row, name)
            if value is not None and split is not None:
                splits_of.setdefault(value, set()).add(split)
        several = sum(len(names) > 1 for names in splits_of.values())
        if several:
            warnings.append(
                f"{several} of {len(splits_of)} values of {name} are in more than one split; --by "
                f"{','.join((*by, name))} keeps each in one"
            )
    return warnings
