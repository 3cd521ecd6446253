"""Joining rows of scores with rows of manifests, by id or by audio file."""

# abspath takes `..` out without asking the disk for every clip.
# ruff: noqa: PTH100

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from synth.errors import UsageError
from synth.lists.root import list_root
from synth.lists.scores import ScoreRow, read_rows
from synth.text import short_repr

_NOT_MANIFESTS: Final = ("quarantine.jsonl",)
_KINDS: Final = ("id", "path", "full path", "name")
"""How a row can be found, the surest first."""


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """`fields`: the manifest row by the names of score_list.COLUMNS; `row`: as it stands in the manifest."""

    fields: Mapping[str, Any]
    row: Mapping[str, Any]


def join(scores: Path, rows: Sequence[ScoreRow], manifests: Sequence[Path]) -> list[JoinedRow | None]:
    """The manifest's row of each row of scores; None where none has it.

    An id is held against the manifests' ids and against the names of their audio files; a path against their paths
    as written, as files, and at last by name alone. Only rows that are asked for are kept.

    Raises:
        UsageError: a manifest cannot be read, or a row fits two clips equally well.
    """
    found: list[dict[str, list[JoinedRow]]] = [{} for _ in rows]
    wanted = _wanted(scores, rows)
    for manifest in manifests:
        for listed, keys in _listed(manifest):
            for kind, text in keys:
                for index in wanted.get((kind, text), ()):
                    _put(found[index].setdefault(kind, []), listed)
    return [_surest(one, row) for one, row in zip(found, rows, strict=True)]


def _put(there: list[JoinedRow], listed: JoinedRow) -> None:
    """Two that are not the same clip are enough to know that it is not clear."""
    if not there or (len(there) < 2 and _name(there[0]) != _name(listed)):
        there.append(listed)


def _name(listed: JoinedRow) -> str:
    """What a person would call the clip."""
    return str(listed.fields["id"] or place_of(listed.fields))


def place_of(fields: Mapping[str, Any], where: str = "") -> str | None:
    """The audio's path, and from where in it (seconds, to the millisecond): lists may cut long recordings.

    `where`: file:line, for an error.
    """
    path, offset = fields["path"], fields["offset"]
    try:
        start = round(float(offset or 0), 3)
    except (TypeError, ValueError, OverflowError):
        start = math.nan
    if not math.isfinite(start):
        raise UsageError(f"{where or path}: offset is {short_repr(offset)}; a number of seconds is needed")
    return None if path is None else str(path) if not start else f"{path} from {start:g} s"


def _surest(found: Mapping[str, Sequence[JoinedRow]], row: ScoreRow) -> JoinedRow | None:
    kind = next((kind for kind in _KINDS if kind in found), None)
    if kind is None:
        return None
    if len(found[kind]) > 1:
        one, other = map(_name, found[kind])
        raise UsageError(f"{row.where}: its {kind} fits {one} and {other}; give ids, or paths as in the manifest")
    return found[kind][0]


def _wanted(scores: Path, rows: Sequence[ScoreRow]) -> dict[tuple[str, str], list[int]]:
    wanted: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        for key in _keys(row.fields, scores.parent, row.where):
            wanted.setdefault(key, []).append(index)
    return wanted


def _keys(fields: Mapping[str, Any], folder: Path, where: str) -> list[tuple[str, str]]:
    if fields["id"] is not None:
        return [("id", str(fields["id"])), ("name", str(fields["id"]))]
    if fields["path"] is None:
        return []
    path, place = str(fields["path"]), str(place_of(fields, where))
    since = place.removeprefix(path)
    return [
        ("path", place),
        ("full path", f"{os.path.abspath(folder / path)}{since}"),
        ("name", f"{PurePosixPath(path).stem}{since}"),
    ]


def _listed(manifest: Path) -> Iterator[tuple[JoinedRow, list[tuple[str, str]]]]:
    for path in _files(manifest):
        root = list_root(path)
        for row in read_rows(path):
            fields = dict(row.fields)
            fields["split"] = fields["split"] or _split_of(path)
            yield JoinedRow(fields, _whole(row)), _all_keys(row, root)


def _all_keys(row: ScoreRow, root: Path) -> list[tuple[str, str]]:
    own = row.fields["id"]
    named = [] if own is None else [("id", str(own))]
    if row.fields["path"] is None:
        if own is None:
            raise UsageError(f"{row.where}: not a row of a manifest: neither id nor audio_filepath")
        return named
    return [*named, *_keys({**row.fields, "id": None}, root, row.where)]


def _whole(row: ScoreRow) -> dict[str, Any]:
    """The row by the names of our manifest."""
    names = {"path": "audio_filepath", "reference": "text"}
    return {**{names.get(name, name): value for name, value in row.fields.items() if value is not None}, **row.others}


def _split_of(path: Path) -> str | None:
    """`splits/dev.csv` holds dev; `manifest.jsonl` says nothing."""
    name = path.stem.lower().replace("_", "-")
    return name if name in ("train", "train-dev", "train-dev-noise", "dev", "test") else None


def _files(manifest: Path) -> list[Path]:
    if not manifest.is_dir():
        return [manifest]
    whole = manifest / "manifest.jsonl"
    found = [whole] if whole.is_file() else sorted(manifest.glob("*.jsonl")) or sorted(manifest.glob("*.csv"))
    found = [path for path in found if path.name not in _NOT_MANIFESTS]
    if not found:
        raise UsageError(f"{manifest}: no manifest.jsonl, and no other list, in it")
    return found
