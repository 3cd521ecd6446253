"""What a set of audio is: a data set of ours, its manifest, a list or a folder; its clips, and who belongs together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from synth.catalog.folder import passed_over_note, walk_folder
from synth.catalog.source_files import path_kind
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.manifest import GROWN_FROM, ManifestRow, read_rows
from synth.dataset.reader import MAX_LINE, DataFile, NotJson, parse_json
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow, read_audio_list
from synth.lists.root import list_root
from synth.lists.table import JSON_LINES
from synth.text import printable

GROUP_COLUMNS = ("session", "drive", "trip", "car", "recording", "speaker")
"""Columns of a list that say what belongs together, the first that is there (our own choice, from wide to narrow)."""

_OURS = frozenset(("source_id", "pcm_sha256", "noise", "speech"))  # keys that only our manifests have together


@dataclass(frozen=True, slots=True)
class SetClip:
    """A clip of a set. `path`: with forward slashes, relative to the set's root, or absolute where the list says so.

    `offset` and `duration` in seconds (None: to the end). `line`: where it stands in its list. `part`: it is one of
    several clips of its file, or does not begin with it.
    """

    path: str
    group: str
    offset: float = 0.0
    duration: float | None = None
    line: int | None = None
    split: str | None = None
    condition: str | None = None
    part: bool = False

    @property
    def name(self) -> str:
        """The path, and of a part of a file the seconds as a media fragment: `drive.wav#t=12.5,15`."""
        end = "" if self.duration is None else f",{self.offset + self.duration:g}"
        return f"{self.path}#t={self.offset:g}{end}" if self.part else self.path


@dataclass(frozen=True, slots=True)
class AudioSet:
    """A set, nothing of it opened yet. `manifest`: the list it was read from. `refused`: lines and files left out."""

    name: str
    root: Path
    kind: Literal["ours", "list", "folder"]
    clips: tuple[SetClip, ...]
    manifest: Path | None = None
    notes: tuple[str, ...] = ()
    refused: tuple[BadInput, ...] = ()


def open_set(
    path: Path, *, group_by: str | None = None, split: str | None = None, condition: str | None = None
) -> AudioSet:
    """The clips of a set, in its order.

    `path`: the folder of a data set of ours (or its `dataset.json`, or a manifest of it), a list (CSV, TSV or JSON
    lines with NeMo's keys), a folder of audio, or one file of it. Relative paths of a list count from the list's folder
    (of a list that `synth split` wrote, from the folder that it notes); absolute ones are taken as they are (a person
    names the list, and nothing but audio is opened).
    `group_by`: a column of the list, `folder`, `file` or `speaker`. `split`, `condition`: only these.

    Raises UsageError where there is no such set, nothing in it, no such column, or it is not finished.
    """
    found = _with_parts(_opened(path, group_by))
    for key, wanted in (("split", split), ("condition", condition)):
        if wanted is not None:
            found = _only(found, key, wanted)
    if not found.clips:
        raise UsageError(_nothing(path, found.refused))
    return found


def _opened(path: Path, group_by: str | None) -> AudioSet:
    if path.name == "dataset.json" and path.is_file():
        path = path.parent
    if path.is_dir():
        dataset = DatasetDir(path)
        if os.path.lexists(dataset.manifest):
            return replace(_manifest(dataset.manifest, group_by), name=_absolute(path).name)
        if dataset.plan_header.is_file():
            raise UsageError(f"{path} is a data set that is not complete; `synth generate` again, or `synth finish`")
        return _folder(path, group_by)
    kind = path_kind(path)
    if kind is None:
        raise UsageError(f"there is no folder, list or data set {path}")
    if kind == "audio":
        clip = SetClip(path.name, path.name)
        return AudioSet(path.stem, _absolute(path.parent), "folder", (clip,), None, ("groups: one file",))
    return _manifest(path, group_by)


def _manifest(path: Path, group_by: str | None) -> AudioSet:
    if path.suffix.lower() in JSON_LINES and _first_keys(path) >= _OURS:
        return _ours(path, group_by)
    return _list(path, group_by)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links stay links


def _first_keys(path: Path) -> frozenset[str]:
    """Keys of the first line; none where it is no JSON object, which in a data set is damage."""
    data = DataFile.named(path)
    with data.opened() as file:
        line = file.readline(MAX_LINE)
    if data.root is not None and line:
        return frozenset(data.object(line, 1))
    try:
        return frozenset(parse_json(line))
    except (NotJson, TypeError):
        return frozenset()


def _nothing(path: Path, refused: Sequence[BadInput]) -> str:
    lines = [f"  {error}" for error in refused[:10]]
    more = [f"  and {len(refused) - 10} more"] if len(refused) > 10 else []
    return "\n".join([f"{path}: no audio in it to measure", *lines, *more])


# ------------------------------------------------------------------------------------------------------------- ours


def _ours(manifest: Path, group_by: str | None) -> AudioSet:
    group, note = _our_group(manifest, group_by)
    clips = tuple(
        SetClip(
            row["audio_filepath"],
            group(row),
            duration=float(row["duration"]),
            line=k,
            split=row.get("split"),
            condition=row.get("condition"),
        )
        for k, row in enumerate(read_rows(manifest))
    )
    return AudioSet(manifest.stem, _absolute(manifest.parent), "ours", clips, _absolute(manifest), (note,))


def _our_group(manifest: Path, group_by: str | None) -> tuple[Callable[[ManifestRow], str], str]:
    if group_by is None:
        return speaker_and_noise, "groups: clips of the same speaker and the same noise recordings"
    if group_by == "folder":
        return lambda row: row["audio_filepath"].rpartition("/")[0] or ".", "groups: the folder"
    if group_by == "file":
        return lambda row: str(row["audio_filepath"]), "groups: each file alone"
    first = next(read_rows(manifest), {})
    known = {**(first.get("labels") or {}), **first}
    if group_by not in known:
        raise UsageError(_no_column(manifest, group_by, known))

    def value(row: ManifestRow) -> str:
        return _text({**(row.get("labels") or {}), **row}.get(group_by)) or str(row["audio_filepath"])

    return value, f"groups: the column {group_by}"


def speaker_and_noise(row: ManifestRow) -> str:
    """The group of a row of ours: its speaker (without one the source file) and its noise recordings."""
    speaker = row.get("speaker") or (row.get("source") or {}).get("path") or row["audio_filepath"]
    return " + ".join([str(speaker), *sorted({name for piece in row.get("noise") or () for name in _noise_of(piece)})])


def _noise_of(piece: Mapping[str, Any]) -> Iterator[str]:
    """The recordings of a piece of noise; of grown noise those it was grown from, of a model's its name."""
    grown = piece.get("grown") or {}
    materials = grown.get("materials") or ()
    if materials:
        yield from (str(material["recording"]) for material in materials)
    else:
        yield str(grown.get(GROWN_FROM) or piece.get("recording") or piece.get("kind"))


def truths(found: AudioSet, lines: Collection[int]) -> dict[int, dict[str, float]]:
    """Line of the manifest -> the true values that it tells, under the names of the features; of a set of ours."""
    if found.kind != "ours" or found.manifest is None:
        return {}
    wanted = set(lines)
    return {k: truth_of(row) for k, row in enumerate(read_rows(found.manifest)) if k in wanted}


def truth_of(row: ManifestRow) -> dict[str, float]:
    """What a row of ours says about the features: `snr_db` (in its band), `speech_dbfs`, `noise_dbfs`, `level_dbfs`,
    `duration_s`, and the margins `before_s` and `after_s`; only what is known.

    The speech's active level is told unweighted, where the feature is that of the SNR's band (a little less); so is
    the noise level that follows from it and the SNR. Both and the SNR are of the stems before the channel: where one
    filters or compresses, what can be measured is another number.
    """
    snr, speech = row.get("snr_db") or {}, row.get("speech") or {}
    active, band = speech.get("active_level_dbfs"), snr.get("band")
    told: dict[str, Any] = {
        "snr_db": band,
        "speech_dbfs": active,
        "noise_dbfs": None if active is None or band is None else active - band,
        "level_dbfs": (row.get("level_dbfs") or {}).get("measured"),
        "duration_s": row.get("duration"),
        **_margins(row, speech),
    }
    return {name: float(value) for name, value in told.items() if value is not None}


def _margins(row: ManifestRow, speech: Mapping[str, Any]) -> dict[str, float]:
    onset, length, rate = speech.get("onset"), speech.get("num_samples"), row.get("sampling_rate")
    if onset is None or length is None or not rate or row.get("num_samples") is None:
        return {}
    return {"before_s": onset / rate, "after_s": (row["num_samples"] - onset - length) / rate}


# ---------------------------------------------------------------------------------------------------- lists, folders


def _list(path: Path, group_by: str | None) -> AudioSet:
    items = list(read_audio_list(path))
    rows = [item for item in items if isinstance(item, AudioRow)]
    group, note = _list_group(path, rows, group_by)
    clips = tuple(
        SetClip(
            row.path.removeprefix("./"),
            group(row),
            row.offset,
            _seconds(row),
            row.line,
            _text(_column(row, "split")) or None,
            _text(_column(row, "condition")) or None,
        )
        for row in rows
    )
    refused = tuple(item for item in items if isinstance(item, BadInput))
    root = list_root(path)
    return AudioSet(path.stem, root, "list", clips, _absolute(path), (note,), refused)


def _seconds(row: AudioRow) -> float | None:
    if row.duration is None and row.num_samples and row.sample_rate:
        return row.num_samples / row.sample_rate
    return row.duration


def _column(row: AudioRow, name: str) -> object:
    labels = row.detail.get("labels")
    return row.detail.get(name) if name in row.detail else labels.get(name) if isinstance(labels, dict) else None


def _columns(row: AudioRow) -> dict[str, object]:
    labels = row.detail.get("labels")
    return {**(labels if isinstance(labels, dict) else {}), **{k: v for k, v in row.detail.items() if k != "labels"}}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _list_group(path: Path, rows: Sequence[AudioRow], group_by: str | None) -> tuple[Callable[[AudioRow], str], str]:
    if group_by in ("folder", "file"):
        return _path_group([row.path for row in rows], group_by)
    there = Counter(name for row in rows for name, value in _columns(row).items() if _text(value))
    column = group_by or next((name for name in GROUP_COLUMNS if there[name]), None)
    if column is None:
        group, note = _path_group([row.path for row in rows], None)
        return group, f"{note} (the list has no column {', '.join(GROUP_COLUMNS)}; --group-by names one)"
    if not there[column]:
        raise UsageError(_no_column(path, column, there))
    missing = len(rows) - there[column]
    note = f"groups: the column {column}" + (f" ({missing} clips have none: each alone)" if missing else "")
    return lambda row: _text(_column(row, column)) or row.path, note


def _no_column(path: Path, column: str, there: Collection[str]) -> str:
    return f"{path}: no column {column!r} to group by; there are: {', '.join(sorted(there)) or 'none'}, folder, file"


def _path_group(paths: Sequence[str], group_by: str | None) -> tuple[Callable[[Any], str], str]:
    """By sub-folder where there are several, or by file."""
    folders = {path.rpartition("/")[0] for path in paths}
    if group_by == "folder" or (group_by is None and len(folders) > 1):
        return lambda row: row.path.rpartition("/")[0] or ".", f"groups: the sub-folder ({len(folders)})"
    return lambda row: str(row.path), "groups: each file alone; clips of one drive or speaker should lie in one folder"


def _folder(path: Path, group_by: str | None) -> AudioSet:
    if group_by not in (None, "folder", "file"):
        raise UsageError(
            f"{path} is a folder without a list, so there is no column {group_by!r}; group by folder or file, "
            "or name a list (CSV or JSON lines)"
        )
    passed_over: Counter[str] = Counter()
    items = list(walk_folder(path, passed_over=passed_over))
    passed = passed_over_note(passed_over)
    if not items and passed:
        raise UsageError(f"{path}: no audio in it to measure; {passed}")
    rows = [item for item in items if isinstance(item, AudioRow)]
    group, note = _path_group([row.path for row in rows], group_by)
    clips = tuple(SetClip(row.path, group(row)) for row in rows)
    refused = tuple(item for item in items if isinstance(item, BadInput))
    notes = tuple(text for text in (note, passed) if text)
    return AudioSet(_absolute(path).name, _absolute(path), "folder", clips, None, notes, refused)


def _with_parts(found: AudioSet) -> AudioSet:
    """Clips that share their file, or do not begin with it, are marked as parts."""
    often = Counter(clip.path for clip in found.clips)
    if not any(clip.offset > 0 or often[clip.path] > 1 for clip in found.clips):
        return found
    clips = (replace(c, part=c.offset > 0 or often[c.path] > 1) for c in found.clips)
    return replace(found, clips=tuple(dict.fromkeys(clips)))


def _only(found: AudioSet, key: str, wanted: str) -> AudioSet:
    values = Counter(_text(getattr(clip, key)) or "none" for clip in found.clips)
    if wanted not in values:
        there = ", ".join(f"{name} ({count})" for name, count in sorted(values.items()))
        raise UsageError(f"{found.name}: no clip has the {key} {wanted!r}; there are: {there}")
    clips = tuple(clip for clip in found.clips if (_text(getattr(clip, key)) or "none") == wanted)
    return replace(found, clips=clips, notes=(*found.notes, f"only the {key} {wanted}"))


def sampled(clips: Sequence[SetClip], most: int) -> list[SetClip]:
    """At most `most` clips, by a hash of their names, evenly by group: the first of each group, then the second of each
    (and so on). In the order of the set; another clip in the set changes few of them."""
    if len(clips) <= most:
        return list(clips)
    ranks: Counter[str] = Counter()
    order = []
    for mark, index in sorted((_mark(clip.name), i) for i, clip in enumerate(clips)):
        group = clips[index].group
        order.append((ranks[group], mark, index))
        ranks[group] += 1
    return [clips[i] for i in sorted(index for _, _, index in sorted(order)[:most])]


def _mark(text: str) -> bytes:
    return blake2b(printable(text).encode(), digest_size=8).digest()
