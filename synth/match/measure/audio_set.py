"""The clips of a set of audio, and which of them belong together.

A set is a data set of ours, a manifest of one, a list, a folder, or a single file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.source_files import path_kind
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import SYNTHESIZED_FROM, ManifestRow, read_rows
from synth.dataset.reader import MAX_LINE, DataFile, NotJson, parse_json
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.formats.listing import Listing
from synth.lists.formats.registry import detect_format, read_format
from synth.lists.root import list_root
from synth.lists.table import JSON_LINES
from synth.text import listed, printable

GROUP_COLUMNS = ("session", "drive", "trip", "car", "recording", "speaker")
"""Columns of a list that define groups; the first that has values counts. Chosen from wide to narrow: with the widest
group, clips that are judged on share least with those that were fitted to."""

_KEYS_OF_OURS = frozenset(("source_id", "pcm_sha256", "noise", "speech"))  # only our manifests have them all


@dataclass(frozen=True, slots=True)
class SetClip:
    """A clip of a set."""

    path: str  # with forward slashes, relative to the root of the set, or absolute if the list says so
    group: str
    offset: float = 0.0  # seconds
    duration: float | None = None  # seconds; None: to the end of the file
    line: int | None = None  # in its list
    split: str | None = None
    condition: str | None = None
    part: bool = False  # one of several clips of its file, or one that does not start with it

    @property
    def name(self) -> str:
        """The path, with the seconds of a part as a media fragment: `drive.wav#t=12.5,15`."""
        end = "" if self.duration is None else f",{self.offset + self.duration:g}"
        return f"{self.path}#t={self.offset:g}{end}" if self.part else self.path


@dataclass(frozen=True, slots=True)
class AudioSet:
    """A set; none of its files has been opened yet."""

    name: str
    root: Path
    kind: Literal["ours", "list", "folder"]
    clips: tuple[SetClip, ...]
    manifest: Path | None = None  # the list that it was read from
    notes: tuple[str, ...] = ()
    refused: tuple[BadInput, ...] = ()  # lines and files that cannot be used


def open_set(
    path: Path, *, group_by: str | None = None, split: str | None = None, condition: str | None = None
) -> AudioSet:
    """The clips of a set, in its order.

    Args:
        path: the folder of a data set of ours (or its `dataset.json`, or a manifest of it), a list (CSV, TSV or JSON
            lines with NeMo's keys), a folder of audio, or one file. Relative paths of a list start at the folder of the
            list, or at the one that a list by `synth split` notes. Absolute paths are used as they are: the user has
            chosen the list, and nothing but audio is opened.
        group_by: a column of the list, `folder`, `file` or `speaker`.
        split: only clips of this split.
        condition: only clips of this condition.

    Raises:
        UsageError: there is no such set, no such column, nothing in it, or it is not complete.
    """
    audio_set = _open(path, group_by)
    counts = Counter(clip.path for clip in audio_set.clips)
    if any(clip.offset > 0 or counts[clip.path] > 1 for clip in audio_set.clips):
        parts = (replace(clip, part=clip.offset > 0 or counts[clip.path] > 1) for clip in audio_set.clips)
        audio_set = replace(audio_set, clips=tuple(dict.fromkeys(parts)))
    for key, value in (("split", split), ("condition", condition)):
        if value is None:
            continue
        values = Counter(getattr(clip, key) or "none" for clip in audio_set.clips)
        if value not in values:
            known_values = ", ".join(f"{name} ({count})" for name, count in sorted(values.items()))
            raise UsageError(f"{audio_set.name}: no clip has the {key} {value!r}; there are: {known_values}")
        clips = tuple(clip for clip in audio_set.clips if (getattr(clip, key) or "none") == value)
        audio_set = replace(audio_set, clips=clips, notes=(*audio_set.notes, f"only the {key} {value}"))
    if not audio_set.clips:
        refused = listed([f"  {error}" for error in audio_set.refused], 10, separator="\n")
        raise UsageError("\n".join([f"{path}: no audio in it to measure", *([refused] * bool(refused))]))
    return audio_set


def sample_evenly(clips: Sequence[SetClip], count: int) -> list[SetClip]:
    """At most `count` clips, in their order, chosen by a hash of their names and evenly by group.

    First comes one clip of each group, then a second of each, and so on. Another clip in the set changes few of them.
    """
    if len(clips) <= count:
        return list(clips)
    hashes = [blake2b(printable(clip.name).encode(), digest_size=8).digest() for clip in clips]
    ranks: Counter[str] = Counter()
    order = []
    for mark, index in sorted((mark, i) for i, mark in enumerate(hashes)):
        group = clips[index].group
        order.append((ranks[group], mark, index))
        ranks[group] += 1
    return [clips[i] for i in sorted(index for _, _, index in sorted(order)[:count])]


def speaker_and_noise(row: ManifestRow) -> str:
    """The group of a row of ours: its speaker (or the source file) and its noise recordings.

    Noise that was synthesized from recordings counts as those; noise of a generator as the generator's name.
    """
    speaker = row.get("speaker") or (row.get("source") or {}).get("path") or row["audio_filepath"]
    noises: set[str] = set()
    for segment in row.get("noise") or ():
        grown = segment.get("synthesis") or {}
        if materials := grown.get("materials"):
            noises.update(str(material["recording"]) for material in materials)
        else:
            noises.add(str(grown.get(SYNTHESIZED_FROM) or segment.get("recording") or segment.get("kind")))
    return " + ".join([str(speaker), *sorted(noises)])


def _open(path: Path, group_by: str | None) -> AudioSet:
    if path.name == "dataset.json" and path.is_file():
        path = path.parent
    if path.is_dir():
        dataset = DatasetDir(path)
        if os.path.lexists(dataset.manifest):
            return replace(_read_manifest(dataset.manifest, group_by), name=_absolute(path).name)
        if dataset.plan_header.is_file():
            raise UsageError(f"{path}: this data set is not complete; run `synth generate` again, or `synth finish`")
    if (name := detect_format(path)) is not None:
        return _read_list(path, group_by, name)
    if path.is_dir():
        return _walk(path, group_by)
    kind = path_kind(path)
    if kind is None:
        raise UsageError(f"{path}: there is no such folder, list or data set")
    if kind == "audio":
        clip = SetClip(path.name, path.name)
        return AudioSet(path.stem, _absolute(path.parent), "folder", (clip,), None, ("groups: one file",))
    return _read_manifest(path, group_by)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links stay links


def _read_manifest(path: Path, group_by: str | None) -> AudioSet:
    """The clips of a list, which may be a manifest of ours."""
    if path.suffix.lower() not in JSON_LINES or not _first_keys(path) >= _KEYS_OF_OURS:
        return _read_list(path, group_by)
    group_of, note = _group_of_ours(path, group_by)
    clips = tuple(
        SetClip(
            row["audio_filepath"],
            group_of(row),
            duration=float(row["duration"]),
            line=k,
            split=row.get("split"),
            condition=row.get("condition"),
        )
        for k, row in enumerate(read_rows(path))
    )
    return AudioSet(path.stem, _absolute(path.parent), "ours", clips, _absolute(path), (note,))


def _first_keys(path: Path) -> frozenset[str]:
    """Keys of the first line; none if it is not a JSON object, which in a data set of ours is an error."""
    data = DataFile.named(path)
    with data.opened() as file:
        line = file.readline(MAX_LINE)
    if data.root is not None and line:
        return frozenset(data.object(line, 1))
    try:
        return frozenset(parse_json(line))
    except (NotJson, TypeError):
        return frozenset()


def _group_of_ours(manifest: Path, group_by: str | None) -> tuple[Callable[[ManifestRow], str], str]:
    """(the group of a row of ours, a note on it)."""
    if group_by is None:
        return speaker_and_noise, "groups: clips of the same speaker and the same noise recordings"
    if group_by == "folder":
        return lambda row: row["audio_filepath"].rpartition("/")[0] or ".", "groups: the folder"
    if group_by == "file":
        return lambda row: str(row["audio_filepath"]), "groups: each file alone"
    first = next(read_rows(manifest), {})
    columns = {**(first.get("labels") or {}), **first}
    if group_by not in columns:
        raise _no_column(manifest, group_by, columns)

    def value_of(row: ManifestRow) -> str:
        value = {**(row.get("labels") or {}), **row}.get(group_by)
        return ("" if value is None else str(value)) or str(row["audio_filepath"])

    return value_of, f"groups: the column {group_by}"


def _no_column(path: Path, column: str, columns: Collection[str]) -> UsageError:
    names = ", ".join(sorted(columns)) or "none"
    return UsageError(f"{path}: no column {column!r} to group by; there are: {names}, folder, file")


def _read_list(path: Path, group_by: str | None, name: str | None = None) -> AudioSet:
    """`name` is the format of another tool; None: an ordinary list."""
    if name is None:
        items, root = list(read_audio_list(path)), list_root(path)
    else:
        root = _absolute(path if path.is_dir() else path.parent)
        items = list(read_format(name, Listing(_absolute(path), str(root), splits="label")))
    rows = [item for item in items if isinstance(item, AudioRow)]
    groups, note = _groups_of_list(path, rows, group_by)
    clips = []
    for row, group in zip(rows, groups, strict=True):
        duration = row.duration
        if duration is None and row.num_samples and row.sample_rate:
            duration = row.num_samples / row.sample_rate
        columns = _columns(row)
        split, condition = columns.get("split") or None, columns.get("condition") or None
        clips.append(SetClip(row.path.removeprefix("./"), group, row.offset, duration, row.line, split, condition))
    refused = tuple(item for item in items if isinstance(item, BadInput))
    return AudioSet(path.stem, root, "list", tuple(clips), _absolute(path), (note,), refused)


def _columns(row: AudioRow) -> dict[str, str]:
    """All values of a row as texts, labels included; a column counts before a label of the same name."""
    labels = row.detail.get("labels")
    own = {name: value for name, value in row.detail.items() if name != "labels"}
    merged = {**labels, **own} if isinstance(labels, dict) else own
    return {name: "" if value is None else str(value) for name, value in merged.items()}


def _groups_of_list(path: Path, rows: Sequence[AudioRow], group_by: str | None) -> tuple[list[str], str]:
    """(the group of each row, a note on them)."""
    paths = [row.path for row in rows]
    if group_by in ("folder", "file"):
        return _groups_of_paths(paths, group_by)
    values = [_columns(row) for row in rows]
    counts = Counter(name for row in values for name, value in row.items() if value)
    column = group_by or next((name for name in GROUP_COLUMNS if counts[name]), None)
    if column is None:
        groups, note = _groups_of_paths(paths, None)
        return groups, f"{note} (the list has no column {', '.join(GROUP_COLUMNS)}; --group-by names one)"
    if not counts[column]:
        raise _no_column(path, column, counts)
    missing = len(rows) - counts[column]
    note = f"groups: the column {column}" + (f" ({missing} clips have none: each alone)" if missing else "")
    return [row.get(column) or own for row, own in zip(values, paths, strict=True)], note


def _groups_of_paths(paths: Sequence[str], group_by: str | None) -> tuple[list[str], str]:
    """(groups by sub-folder if there are several, else by file; a note on them)."""
    folders = [path.rpartition("/")[0] for path in paths]
    count = len(set(folders))
    if group_by == "folder" or (group_by is None and count > 1):
        return [folder or "." for folder in folders], f"groups: the sub-folder ({count})"
    return list(paths), "groups: each file alone; clips of one drive or speaker should lie in one folder"


def _walk(path: Path, group_by: str | None) -> AudioSet:
    """The clips of a folder of audio."""
    if group_by not in (None, "folder", "file"):
        raise UsageError(
            f"{path} is a folder without a list, so there is no column {group_by!r}; group by folder or file, "
            "or name a list (CSV or JSON lines)"
        )
    passed_over: Counter[str] = Counter()
    items: list[Any] = list(walk_folder(path, passed_over=passed_over))
    passed = passed_over_note(passed_over)
    if not items and passed:
        raise UsageError(f"{path}: no audio in it to measure; {passed}")
    rows = [item for item in items if isinstance(item, AudioRow)]
    groups, note = _groups_of_paths([row.path for row in rows], group_by)
    clips = tuple(SetClip(row.path, group) for row, group in zip(rows, groups, strict=True))
    refused = tuple(item for item in items if isinstance(item, BadInput))
    notes = tuple(text for text in (note, passed) if text)
    return AudioSet(_absolute(path).name, _absolute(path), "folder", clips, None, notes, refused)
