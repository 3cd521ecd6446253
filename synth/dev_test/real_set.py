"""The set to be divided: a folder of real target audio, or a list of it; and whether it is what it should be."""

# Paths are strings here, a hundred thousand of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH100, PTH118, PTH120

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synth.audio.read import path_complaint
from synth.catalog.folder import EXTENSIONS, UNREAD, passed_over_note, walk_folder
from synth.catalog.source_files import LIST_NAMES
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.root import list_root
from synth.paths.folders import data_set_around
from synth.text import printable

_SAYS_SYNTHESISED = ("synthetic", "synthesised", "synthesized", "augmented", "generated")
_SAYS_TARGET = ("target", "is_target")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class RealSet:
    """Clips in the order of path and offset; their paths are relative to `root`, an absolute folder.

    `listed`: the list that they were read from. `refused`: lines and files that were left out.
    """

    root: str
    rows: tuple[AudioRow, ...]
    listed: Path | None = None
    notes: tuple[str, ...] = ()
    refused: tuple[BadInput, ...] = ()


def open_real_set(path: Path, *, allow_synthesised: bool = False, allow_other: bool = False) -> RealSet:
    """The clips of a folder of audio (or of the list in it), of a list (CSV, TSV, JSON lines), or one file of audio.

    Raises UsageError where there is no such set, nothing in it, or synthesised or non-target audio in it that was not
    allowed.
    """
    if not allow_synthesised:
        _refuse_data_set(path)
    found = _opened(path)
    if not found.rows:
        raise UsageError("\n".join([f"{path}: no audio in it to divide", *(f"  {one}" for one in found.refused[:10])]))
    if not allow_synthesised:
        _refuse_data_set(Path(found.root), *{os.path.dirname(row.path) for row in found.rows})
        _refuse_rows(found, "synthesised", _is_synthesised, "--allow-synthesised")
    if not allow_other:
        _refuse_rows(found, "not of the target", _is_other, "--allow-other")
    return found


def column(row: AudioRow, name: str) -> str | None:
    """The value of a column as text; None where it is unknown, or empty."""
    labels = row.detail.get("labels")
    value = row.detail.get(name, labels.get(name) if isinstance(labels, dict) else None)
    return None if value is None else str(value).strip() or None


def columns(rows: Iterable[AudioRow]) -> list[str]:
    """The columns that have a value somewhere, but text and alignment."""
    found: set[str] = set()
    for row in rows:
        labels = row.detail.get("labels")
        found.update(name for name in (labels if isinstance(labels, dict) else {}))
        found.update(row.detail)
    return sorted(name for name in found - {"labels", "text", "alignment"} if any(column(row, name) for row in rows))


# ---------------------------------------------------------------------------------------------------------- reading


def _opened(path: Path) -> RealSet:
    if path.is_dir():
        listed = next((path / name for name in LIST_NAMES if (path / name).is_file()), None)
        if listed is None:
            return _folder(path)
        found = _list(listed)
        return replace(found, notes=(*found.notes, f"the list {listed.name} in the folder says what there is"))
    if not path.is_file():
        raise UsageError(f"there is no folder, list or file {path}")
    if path.suffix[1:].lower() in EXTENSIONS | UNREAD:
        return RealSet(os.path.abspath(path.parent), (AudioRow(path.name),))
    return _list(path)


def _folder(path: Path) -> RealSet:
    passed_over: Counter[str] = Counter()
    items = list(walk_folder(path, passed_over=passed_over))
    rows = tuple(sorted((item for item in items if isinstance(item, AudioRow)), key=_place))
    kept = tuple(row for row in rows if not path_complaint(row.path))
    refused = [item for item in items if isinstance(item, BadInput)]
    refused += [_forbidden(row.path, path_complaint(row.path)) for row in rows if path_complaint(row.path)]
    note = passed_over_note(passed_over)
    if not items and note:
        raise UsageError(f"{path}: no audio in it to divide; {note}")
    return RealSet(os.path.abspath(path), kept, None, (note,) if note else (), tuple(refused))


def _place(row: AudioRow) -> tuple[bytes, float]:
    return os.fsencode(row.path), row.offset


def _forbidden(path: str, complaint: str | None) -> BadInput:
    return BadInput("forbidden_path", printable(path), complaint or "", "scan")


def _list(path: Path) -> RealSet:
    folder = str(list_root(path))
    rows: list[AudioRow] = []
    refused: list[BadInput] = []
    for item in read_audio_list(path):
        if isinstance(item, BadInput):
            refused.append(item)
        elif complaint := path_complaint(_plain(item.path)):
            refused.append(_forbidden(item.path, complaint))
        else:
            rows.append(replace(item, path=os.path.normpath(os.path.join(folder, item.path))))
    root = _root(folder, rows)
    start = len(root.rstrip("/")) + 1
    rows = [replace(row, path=row.path[start:]) for row in rows]
    kept = list(_once(sorted(rows, key=_place), refused))
    return RealSet(root, tuple(kept), path, (), tuple(refused))


def _plain(path: str) -> str:
    """A path that may be absolute or lead upwards (a person named the list), for `path_complaint` to judge the rest."""
    return "/".join("_" if part == ".." else part for part in path.lstrip("/").split("/"))


def _root(folder: str, rows: Sequence[AudioRow]) -> str:
    """The list's folder; where its files lie elsewhere, the folder that holds them all."""
    if all(row.path.startswith(folder.rstrip("/") + "/") for row in rows):
        return folder
    return os.path.commonpath([os.path.dirname(row.path) for row in rows])


def _once(rows: Iterable[AudioRow], refused: list[BadInput]) -> Iterator[AudioRow]:
    before: tuple[bytes, float] | None = None
    for row in rows:
        if _place(row) == before:
            text = f"the same clip (from {row.offset:g} s on) is there twice; the first one counts"
            refused.append(BadInput("bad_row", f"{printable(row.path)} (line {row.line})", text, "scan"))
            continue
        before = _place(row)
        yield row


# -------------------------------------------------------------------------------------- what dev and test must not hold


def _refuse_data_set(root: Path, *folders: str) -> None:
    """Raise UsageError where the audio lies in a data set that `synth` made."""
    base = os.path.abspath(root)
    for start in sorted({base, *(os.path.join(base, each) for each in folders)}):
        if (folder := data_set_around(start)) is not None:
            raise UsageError(
                f"{folder} is a synthesized data set, made by `synth generate`: dev and test hold real target "
                "audio alone, or they say nothing about the target. Name the folder of your real recordings "
                "(--allow-synthesised takes it all the same)"
            )


def _refuse_rows(found: RealSet, what: str, wrong: Callable[[AudioRow], str | None], option: str) -> None:
    bad = [(row, why) for row in found.rows if (why := wrong(row))]
    if not bad:
        return
    shown = "; ".join(f"{row.path}{_line(row)}: {why}" for row, why in bad[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    raise UsageError(
        f"{len(bad)} of {len(found.rows)} clips are {what} ({shown}{more}): dev and test hold real target audio alone, "
        f"or they say nothing about the target. Take these clips out of the list ({option} takes them all the same)"
    )


def _line(row: AudioRow) -> str:
    return "" if row.line is None else f" (line {row.line})"


def _is_synthesised(row: AudioRow) -> str | None:
    """What in the row says so: a key of our manifests, or a column of its own."""
    labels = row.detail.get("labels")
    if not isinstance(labels, dict):
        return None
    noise = labels.get("noise")
    if isinstance(noise, list | dict) or (isinstance(noise, str) and noise.lstrip()[:1] in ("[", "{")):
        return "it says what noise was mixed in"
    for name in ("source_id", "pcm_sha256"):
        if labels.get(name) is not None:
            return f"it has a {name}, as the rows of a synthesised data set have"
    return next((f"{name} is {labels[name]}" for name in _SAYS_SYNTHESISED if _says(labels.get(name), _YES)), None)


def _is_other(row: AudioRow) -> str | None:
    labels = row.detail.get("labels")
    if not isinstance(labels, dict):
        return None
    return next((f"{name} is {labels[name]}" for name in _SAYS_TARGET if _says(labels.get(name), _NO)), None)


def _says(value: object, words: Sequence[str]) -> bool:
    return value is not None and str(value).strip().lower() in words
