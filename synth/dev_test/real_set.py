"""The set to split: a folder of real target audio, or a list of it; and whether it is what it should be."""

# Paths are strings here, a hundred thousand of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH100, PTH118, PTH120

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from synth.audio.file_names import EXTENSIONS, UNREAD
from synth.audio.read import path_complaint
from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.source_files import LIST_NAMES
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.formats.listing import Listing
from synth.lists.formats.registry import detect_format, is_audio_folder, read_format
from synth.lists.root import list_root
from synth.paths.folders import data_set_around, is_data_set
from synth.text import listed, printable

_SYNTHESIZED_COLUMNS: Final = ("synthetic", "synthesised", "synthesized", "augmented", "generated")
_TARGET_COLUMNS: Final = ("target", "is_target")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_NAMED: Final = 3
_WHY_REAL: Final = "dev and test must hold only real target audio, or they say nothing about the target"


@dataclass(frozen=True, slots=True)
class RealSet:
    """Clips of real audio."""

    root: str  # absolute folder that the paths of the rows count from
    rows: tuple[AudioRow, ...]  # ordered by path and offset
    list_path: Path | None = None  # the list that they were read from
    notes: tuple[str, ...] = ()
    refused: tuple[BadInput, ...] = ()  # rows and files that were left out


def open_real_set(path: Path, *, allow_synthesized: bool = False, allow_other: bool = False) -> RealSet:
    """Open a folder of audio (or the list in it), a list (CSV, TSV, JSON lines), or one audio file.

    Args:
        path: the set.
        allow_synthesized: accept synthesized audio.
        allow_other: accept audio that is marked as not from the target.

    Raises:
        UsageError: there is no such set, it is empty, or it has synthesized or non-target audio that is not allowed.
    """
    if not allow_synthesized:
        _refuse_data_set(path)
    real_set = _open(path)
    if not real_set.rows:
        lines = [f"  {refusal}" for refusal in real_set.refused[:10]]
        raise UsageError("\n".join([f"{path}: there is no audio in it to split", *lines]))
    if not allow_synthesized:
        _refuse_data_set(Path(real_set.root), *{os.path.dirname(row.path) for row in real_set.rows})
        reasons = [_synthesized_reason(row) for row in real_set.rows]
        _refuse_rows(real_set, reasons, "synthesized", "--allow-synthesized")
    if not allow_other:
        reasons = [_first_match(_labels(row), _TARGET_COLUMNS, _NO) for row in real_set.rows]
        _refuse_rows(real_set, reasons, "not from the target", "--allow-other")
    return real_set


def column_value(row: AudioRow, name: str) -> str | None:
    """Return the value of a column or label as text; None if it is unknown or empty."""
    value = row.detail.get(name, _labels(row).get(name))
    return None if value is None else str(value).strip() or None


def column_names(rows: Iterable[AudioRow]) -> list[str]:
    """Return the columns and labels that some row has a value for, except text and alignment; sorted."""
    names: set[str] = set()
    for row in rows:
        names.update(_labels(row))
        names.update(row.detail)
    return sorted(
        name for name in names - {"labels", "text", "alignment"} if any(column_value(row, name) for row in rows)
    )


def _labels(row: AudioRow) -> dict[str, object]:
    labels = row.detail.get("labels")
    return labels if isinstance(labels, dict) else {}


def _open(path: Path) -> RealSet:
    name = detect_format(path)
    if name is not None:
        return _open_list(path, name)
    if path.is_dir():
        list_path = next((path / name for name in LIST_NAMES if (path / name).is_file()), None)
        if list_path is None:
            return _open_folder(path)
        real_set = _open_list(list_path, "audiofolder" if is_audio_folder(list_path) else None)
        return replace(real_set, notes=(*real_set.notes, f"the clips are those of the list {list_path.name}"))
    if not path.is_file():
        raise UsageError(f"{path}: there is no such folder, list or file")
    if path.suffix[1:].lower() in EXTENSIONS | UNREAD:
        return RealSet(os.path.abspath(path.parent), (AudioRow(path.name),))
    return _open_list(path)


def _open_folder(path: Path) -> RealSet:
    passed_over: Counter[str] = Counter()
    items = list(walk_folder(path, passed_over=passed_over))
    note = passed_over_note(passed_over)
    if not items and note:
        raise UsageError(f"{path}: there is no audio in it to split; {note}")
    rows: list[AudioRow] = []
    refused = [item for item in items if isinstance(item, BadInput)]
    for row in sorted((item for item in items if isinstance(item, AudioRow)), key=_sort_key):
        if complaint := path_complaint(row.path):
            refused.append(BadInput("forbidden_path", printable(row.path), complaint, "scan"))
        else:
            rows.append(row)
    return RealSet(os.path.abspath(path), tuple(rows), None, (note,) if note else (), tuple(refused))


def _open_list(path: Path, name: str | None = None) -> RealSet:
    """`name` is the format of another tool; None: an ordinary list."""
    if name is None:
        folder, items = str(list_root(path)), read_audio_list(path)
    else:
        folder = os.path.abspath(path if path.is_dir() else path.parent)
        items = read_format(name, Listing(Path(os.path.abspath(path)), folder, splits="join"))
    rows: list[AudioRow] = []
    refused: list[BadInput] = []
    for item in items:
        if isinstance(item, BadInput):
            refused.append(item)
            continue
        # a person named the list, so its paths may be absolute or lead upwards; everything else is checked
        plain_path = "/".join("_" if part == ".." else part for part in item.path.lstrip("/").split("/"))
        if complaint := path_complaint(plain_path):
            refused.append(BadInput("forbidden_path", printable(item.path), complaint, "scan"))
        else:
            rows.append(replace(item, path=os.path.normpath(os.path.join(folder, item.path))))
    root = folder
    if not all(row.path.startswith(folder.rstrip("/") + "/") for row in rows):
        root = os.path.commonpath([os.path.dirname(row.path) for row in rows])
    start = len(root.rstrip("/")) + 1
    unique: list[AudioRow] = []
    for row in sorted((replace(row, path=row.path[start:]) for row in rows), key=_sort_key):
        if unique and _sort_key(row) == _sort_key(unique[-1]):
            text = f"the same clip (from {row.offset:g} s on) is listed twice; the first row counts"
            refused.append(BadInput("bad_row", f"{printable(row.path)} (line {row.line})", text, "scan"))
        else:
            unique.append(row)
    return RealSet(root, tuple(unique), path, (), tuple(refused))


def _sort_key(row: AudioRow) -> tuple[bytes, float]:
    return os.fsencode(row.path), row.offset


def _refuse_data_set(root: Path, *folders: str) -> None:
    """Raise UsageError if the audio is in a data set of ours."""
    base = os.path.abspath(root)
    for start in sorted({base, *(os.path.join(base, each) for each in folders)}):
        if (folder := data_set_around(start, exports=True)) is not None:
            made_by = "`synth generate`" if is_data_set(folder) else "`synth generate` and `synth export`"
            raise UsageError(
                f"{folder} is a synthesized data set, made by {made_by}: {_WHY_REAL}. Name the folder of your "
                "real recordings (or accept it with --allow-synthesized)"
            )


def _refuse_rows(real_set: RealSet, reasons: Sequence[str | None], what: str, option: str) -> None:
    """Raise UsageError if there is a reason against any row."""
    texts = []
    for row, reason in zip(real_set.rows, reasons, strict=True):
        if reason:
            line = "" if row.line is None else f" (line {row.line})"
            texts.append(f"{row.path}{line}: {reason}")
    if texts:
        raise UsageError(
            f"{len(texts)} of {len(real_set.rows)} clips are {what} ({listed(texts, _NAMED, separator='; ')}): "
            f"{_WHY_REAL}. Remove these clips from the list (or accept them with {option})"
        )


def _synthesized_reason(row: AudioRow) -> str | None:
    """Return why a row must be synthesized: it has keys of our manifests, or a column that says so."""
    if row.made_by_synth:
        return "it has the columns of a clip that synth exported"
    labels = _labels(row)
    noise = labels.get("noise")
    if isinstance(noise, list | dict) or (isinstance(noise, str) and noise.lstrip()[:1] in ("[", "{")):
        return "it says what noise was mixed in"
    for name in ("source_id", "pcm_sha256"):
        if labels.get(name) is not None:
            return f"it has a {name}, like the rows of a synthesized data set"
    return _first_match(labels, _SYNTHESIZED_COLUMNS, _YES)


def _first_match(labels: dict[str, object], names: Sequence[str], words: Sequence[str]) -> str | None:
    """Return `name is value` of the first label whose value is one of the words."""
    for name in names:
        value = labels.get(name)
        if value is not None and str(value).strip().lower() in words:
            return f"{name} is {value}"
    return None
