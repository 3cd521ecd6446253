"""Joins rows of scores with rows of manifests, by id or by audio file."""

# abspath removes `..` without asking the disk for every clip.
# ruff: noqa: PTH100

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias

from synth.errors import UsageError
from synth.lists.root import list_root
from synth.lists.scores import ScoreRow, read_rows
from synth.text import short_repr

_NOT_MANIFESTS: Final = ("quarantine.jsonl",)
#: How a row of scores can match a row of a manifest, the most reliable way first.
_WAYS: Final = ("id", "path", "full path", "name")
_Key: TypeAlias = tuple[str, str]
"""(one of _WAYS, text)."""


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """The manifest's row of a clip."""

    fields: Mapping[str, Any]  # by the names of lists.scores.COLUMNS; None: missing
    row: Mapping[str, Any]  # by the names of our manifests

    @property
    def clip_name(self) -> str:
        """What a person would call the clip."""
        return str(self.fields["id"] or audio_span(self.fields))


def join(scores: Path, rows: Sequence[ScoreRow], manifests: Sequence[Path]) -> list[JoinedRow | None]:
    """Find the manifest's row of each row of scores; None if there is none.

    An id is compared with the manifests' ids and with the names of their audio files; a path with their paths as
    written, then as files, and finally by name alone. Only rows that match are kept in memory.

    Args:
        scores: the file of the rows.
        rows: rows of scores.
        manifests: files, or folders with manifests.

    Raises:
        UsageError: a manifest cannot be read, or a row matches two clips equally well.
    """
    rows_by_key: dict[_Key, list[int]] = {}
    for index, row in enumerate(rows):
        clip_id = row.fields["id"]
        by_id = [("id", str(clip_id)), ("name", str(clip_id))]
        for key in _path_keys(row, scores.parent) if clip_id is None else by_id:
            rows_by_key.setdefault(key, []).append(index)
    matches: list[dict[str, list[JoinedRow]]] = [{} for _ in rows]
    for manifest in manifests:
        for candidate, keys in _manifest_rows(manifest):
            for way, text in keys:
                for index in rows_by_key.get((way, text), ()):
                    same_way = matches[index].setdefault(way, [])
                    # two different clips are enough to know that the match is ambiguous
                    if not same_way or (len(same_way) < 2 and same_way[0].clip_name != candidate.clip_name):
                        same_way.append(candidate)
    best: list[JoinedRow | None] = []
    for by_way, row in zip(matches, rows, strict=True):
        best_way = next((each for each in _WAYS if each in by_way), None)
        if best_way is not None and len(by_way[best_way]) > 1:
            first, second = (match.clip_name for match in by_way[best_way])
            raise UsageError(
                f"{row.where}: its {best_way} matches {first} and {second}; give ids, or paths as in the manifest"
            )
        best.append(None if best_way is None else by_way[best_way][0])
    return best


def audio_span(fields: Mapping[str, Any], where: str = "") -> str | None:
    """Return the path of the audio, and the start within it (seconds, to the millisecond) if it is not 0.

    Lists may cut long recordings, so the path alone does not name a clip.

    Args:
        fields: a row by the names of lists.scores.COLUMNS.
        where: file:line, for an error.

    Raises:
        UsageError: the offset is not a number.
    """
    path, offset = fields["path"], fields["offset"]
    try:
        start = round(float(offset or 0), 3)
    except (TypeError, ValueError, OverflowError):
        start = math.nan
    if not math.isfinite(start):
        raise UsageError(f"{where or path}: offset is {short_repr(offset)}; a number of seconds is needed")
    if path is None:
        return None
    return f"{path} from {start:g} s" if start else str(path)


def _path_keys(row: ScoreRow, folder: Path) -> list[_Key]:
    if row.fields["path"] is None:
        return []
    path, span = str(row.fields["path"]), str(audio_span(row.fields, row.where))
    start = span.removeprefix(path)
    return [
        ("path", span),
        ("full path", f"{os.path.abspath(folder / path)}{start}"),
        ("name", f"{PurePosixPath(path).stem}{start}"),
    ]


def _manifest_rows(manifest: Path) -> Iterator[tuple[JoinedRow, list[_Key]]]:
    """Yield the rows of a manifest, or of all lists in a folder, with their keys."""
    for path in _manifest_files(manifest):
        root = list_root(path)
        name = path.stem.lower().replace("_", "-")
        # `splits/dev.csv` holds dev; `manifest.jsonl` says nothing
        split = name if name in ("train", "train-dev", "train-dev-noise", "dev", "test") else None
        for row in read_rows(path):
            if row.fields["id"] is None and row.fields["path"] is None:
                raise UsageError(f"{row.where}: not a row of a manifest: it has neither id nor audio_filepath")
            manifest_names = {"path": "audio_filepath", "reference": "text"}
            row_fields = {manifest_names.get(key, key): value for key, value in row.fields.items() if value is not None}
            fields = {**row.fields, "split": row.fields["split"] or split}
            id_keys = [] if row.fields["id"] is None else [("id", str(row.fields["id"]))]
            yield JoinedRow(fields, {**row_fields, **row.others}), [*id_keys, *_path_keys(row, root)]


def _manifest_files(manifest: Path) -> list[Path]:
    if not manifest.is_dir():
        return [manifest]
    main = manifest / "manifest.jsonl"
    if main.is_file():
        return [main]
    lists = sorted(manifest.glob("*.jsonl")) or sorted(manifest.glob("*.csv"))
    lists = [path for path in lists if path.name not in _NOT_MANIFESTS]
    if not lists:
        raise UsageError(f"{manifest}: no manifest.jsonl, and no other list, in this folder")
    return lists
