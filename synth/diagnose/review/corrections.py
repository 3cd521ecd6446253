"""Corrected labels, carried to every clip that was made from the same source; a new manifest of the same format."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Final

from synth.diagnose.review.review_csv import HEAD, TAIL
from synth.errors import UsageError
from synth.lists.root import list_root
from synth.lists.scores import COLUMNS
from synth.lists.source_text import json_object, text_lines
from synth.paths import output_path
from synth.text import CsvReader, csv_line

_JSON: Final = (".json", ".jsonl", ".ndjson")
_SOURCE, _CORRECTION = "source_id", "correction"
_CARRIED: Final = frozenset((*HEAD, *TAIL, "label", "suggested", "p_label", "p_suggested", "margin"))
"""Columns of a review and of a list of candidates, which say nothing about what is true."""
_STRUCTURE: Final = frozenset((
    "audio_filepath", "duration", "num_samples", "sampling_rate", "channels", "split", "condition", "case", "stage",
    "weight", "copy", "source", "speech", "room", "noise", "match_spectrum", "channel", "snr_db", "level_dbfs",
    "peak_dbfs", "headroom_gain_db", "stems", "events", "sha256", "pcm_sha256", "offset", "alignment", "labels", "path",
    "file",
))  # fmt: skip
"""Keys of a manifest that say what the audio is, and are not corrected."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """`corrections`: lines that say something. `sources`: how many sources they are about. `clips`: changed clips,
    `splits`: by split; `same`: clips that had it already; `kept_unknown`: clips whose label an effect or event decides
    and which keep it; `alignments`: words with times that are no longer true, set to null."""

    out: Path
    corrections: int
    sources: int
    clips: int
    rows: int
    same: int
    kept: int
    alignments: int
    splits: Mapping[str, int]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "corrections": self.corrections,
            "sources": self.sources,
            "clips": self.clips,
            "rows": self.rows,
            "same": self.same,
            "kept": self.kept,
            "alignments_dropped": self.alignments,
            "splits": dict(self.splits),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Change:
    """What a source's clips should say. `known`: labels that another of its clips knows, or that the
    recipe makes unknown: a clip in which they are null keeps that."""

    where: str
    name: str
    values: dict[str, str]
    known: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Counts:
    clips: int = 0
    rows: int = 0
    same: int = 0
    kept: int = 0
    alignments: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    all_splits: set[str] = field(default_factory=set)


def correct(corrections: Path, manifest: Path, out: Path, *, column: str | None = None) -> Corrected:
    """Write `manifest` to `out` with the corrections, line for line; lines without one stay as they are.

    `corrections`: CSV with `id` or `source_id`, and `text` or names of labels; or a review or a list of candidates,
    whose column `correction` is meant for the text, or for `column`. Empty cells say nothing; `null` is unknown.
    A correction by id goes to all clips with the same `source_id`. A clip whose label is unknown while other clips of
    its source know it, or which the recipe beside the manifest makes unknown, keeps that; so does one whose event sets
    it.

    Raises:
        UsageError: names the line: no such column, two corrections of one source that differ, a value that is not of
            the label's kind; or `out` must not be written (synth/paths/output_path.py).
    """
    output_path.check_file(out, "corrected manifest", inputs=(corrections, manifest))
    if manifest.is_dir():
        manifest = manifest / "manifest.jsonl"
    told = _read_corrections(corrections, column)
    changes, unknown = _by_source(told, manifest)
    counts = _Counts()
    with output_path.writing(out, "corrected manifest") as held:
        for text in _corrected(manifest, changes, counts):
            held.write(text.encode())
    sources = len({id(change) for change in changes.values()})
    return Corrected(
        out=out,
        corrections=len(told),
        sources=sources,
        clips=counts.clips,
        rows=counts.rows,
        same=counts.same,
        kept=counts.kept,
        alignments=counts.alignments,
        splits=dict(sorted(counts.splits.items())),
        unknown=tuple(unknown),
        notes=tuple(_notes(manifest, out, counts, unknown)),
    )


# --- the corrections --------------------------------------------------------------------------------------------------


def _read_corrections(path: Path, column: str | None) -> list[_Change]:
    rows = list(_csv_rows(path))
    if len(rows) < 2:
        raise UsageError(f"{path}: no corrections; columns id or source_id, and text or a label, are needed")
    names = [name.strip() for name in rows[0][1]]
    keys = [name for name in ("id", _SOURCE) if name in names]
    review = _CORRECTION in names
    wanted = [_CORRECTION] if review else [n for n in names if n not in _CARRIED and n not in keys]
    if not keys or not wanted:
        raise UsageError(f"{path}:1: id or source_id, and text or a label, are needed; there are {', '.join(names)}")
    wrong = [name for name in wanted if name in _STRUCTURE]
    if wrong:
        raise UsageError(f"{path}:1: {wrong[0]} cannot be corrected; text and labels can")
    found = []
    for where, cells in rows[1:]:
        if len(cells) != len(names):
            raise UsageError(f"{where}: {len(cells)} cells, the header has {len(names)} columns")
        row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        values = {(column or "text") if name == _CORRECTION else name: row[name] for name in wanted if row[name]}
        if review and row.get("reference") == row[_CORRECTION]:
            values = {}
        key = next((name for name in (_SOURCE, "id") if row.get(name)), None)
        if values and key is None:
            raise UsageError(f"{where}: no {' or '.join(keys)}")
        if values and key:
            found.append(_Change(where, f"{key} {row[key]}", values))
    if not found:
        raise UsageError(f"{path}: no line has a correction")
    return found


def _csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        text = text_lines(path)
        first = next(text, "")
        lines = CsvReader(chain([first], text), delimiter=max(",;\t", key=first.count))
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield f"{path}:{lines.line_num}", cells
    except csv.Error as error:
        raise UsageError(f"{path}:{lines.line_num}: not a CSV file: {error}") from None


# --- the manifest -----------------------------------------------------------------------------------------------------


def _rows(manifest: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(file:line, the line as it stands, its fields); of a CSV the header line comes first, without fields."""
    text = text_lines(manifest, keep_mark=True)
    if manifest.suffix.lower() in _JSON:
        for number, line in enumerate(text, start=1):
            where = f"{manifest}:{number}"
            yield where, line, json_object(line.lstrip("\ufeff"), where) if line.strip() else {}
        return
    kept: list[str] = []
    lines = CsvReader(_keeping(text, kept), delimiter=_delimiter(manifest), strict=False)
    try:
        header = [name.strip().lstrip("\ufeff") for name in next(lines, [])]
        yield f"{manifest}:1", "".join(kept), {}
        kept.clear()
        for cells in lines:
            if len(cells) != len(header):
                raise UsageError(f"{manifest}:{lines.line_num}: {len(cells)} cells, the header has {len(header)}")
            yield f"{manifest}:{lines.line_num}", "".join(kept), dict(zip(header, cells, strict=True))
            kept.clear()
    except csv.Error as error:
        raise UsageError(f"{manifest}:{lines.line_num}: not a CSV file: {error}") from None


def _keeping(lines: Iterable[str], kept: list[str]) -> Iterator[str]:
    """The lines, each noted in `kept` as it goes by: a cell may hold ends of lines."""
    for line in lines:
        kept.append(line)
        yield line


def _delimiter(manifest: Path) -> str:
    return "\t" if manifest.suffix.lower() in (".tsv", ".tab") else ","


def _names(row: Mapping[str, Any]) -> list[str]:
    """What a correction may call this clip: its id; its path; or, without an id, the name of its file."""
    own = next((str(row[name]) for name in COLUMNS["id"] if row.get(name)), None)
    path = next((str(row[name]) for name in COLUMNS["path"] if row.get(name)), None)
    names = [own] if own else []
    if path:
        names += [path] if own else [path, PurePosixPath(path).stem]
    return names


def _source(row: Mapping[str, Any], where: str) -> str:
    """What a correction of this clip is about: its source, or without one the clip alone."""
    return f"{_SOURCE} {row[_SOURCE]}" if row.get(_SOURCE) else f"line {where}"


def _by_source(told: Sequence[_Change], manifest: Path) -> tuple[dict[str, _Change], list[str]]:
    """Source -> its correction, and the corrections that no clip fits."""
    wanted = {change.name for change in told}
    sources: dict[str, set[str]] = {name: set() for name in wanted}
    known: dict[str, set[str]] = {}
    decided = _made_unknown(manifest)
    for where, _, row in _rows(manifest):
        if not row:
            continue
        source = _source(row, where)
        for name in (source, *(f"id {name}" for name in _names(row))):
            if name in wanted:
                sources[name].add(source)
        labels = row.get("labels")
        if isinstance(labels, Mapping):
            known.setdefault(source, set()).update(name for name, value in labels.items() if value is not None)
    changes: dict[str, _Change] = {}
    for change in told:
        if len(sources[change.name]) > 1:
            raise UsageError(
                f"{change.where}: {change.name} fits clips of {len(sources[change.name])} sources; give ids"
            )
        for source in sources[change.name]:
            changes[source] = _merged(changes.get(source), change)
            changes[source].known = known.get(source, set()) | decided
    return changes, [f"{change.where}: {change.name}" for change in told if not sources[change.name]]


def _made_unknown(manifest: Path) -> set[str]:
    """Labels that the recipe beside a manifest of ours makes unknown: where they are null they have to stay so."""
    recipe = manifest.parent / "recipe.yaml"
    if not recipe.is_file():
        return set()
    import yaml

    try:
        return set(_named_unknown(yaml.safe_load(recipe.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return set()  # not ours


def _named_unknown(value: Any) -> Iterator[str]:
    """What stands under `makes_unknown`, anywhere."""
    if isinstance(value, dict):
        for key, part in value.items():
            names = [part] if isinstance(part, str) else part or ()
            yield from map(str, names) if key == "makes_unknown" else _named_unknown(part)
    elif isinstance(value, list):
        for part in value:
            yield from _named_unknown(part)


def _merged(before: _Change | None, change: _Change) -> _Change:
    if before is None:
        return _Change(change.where, change.name, dict(change.values))
    for name, value in change.values.items():
        if before.values.setdefault(name, value) != value:
            raise UsageError(
                f"{change.where}: {name} of {change.name} is {value!r}, but {before.values[name]!r} at {before.where} "
                "for the same source; keep one"
            )
    return before


def _corrected(manifest: Path, changes: Mapping[str, _Change], counts: _Counts) -> Iterator[str]:
    for where, line, row in _rows(manifest):
        if not row:
            yield line
            continue
        counts.rows += 1
        split = str(row.get("split") or "none")
        counts.all_splits.add(split)
        change = changes.get(_source(row, where))
        if change is None or not _apply(row, change, counts):
            yield line
            continue
        counts.clips += 1
        counts.splits[split] += 1
        yield _written(row, manifest, line)


def _apply(row: dict[str, Any], change: _Change, counts: _Counts) -> bool:
    """Correct the row in place; was anything changed?"""
    changed = False
    for name, text in change.values.items():
        fields, key = _place(row, name, change)
        if fields is row.get("labels") and _decided(row, key, change):
            counts.kept += 1
            continue
        value = _value(text, fields[key], change, name)
        if value == fields[key] and type(value) is type(fields[key]):
            counts.same += 1
            continue
        fields[key], changed = value, True
        if key in COLUMNS["reference"] and row.get("alignment"):
            row["alignment"] = "" if isinstance(row["alignment"], str) else None
            counts.alignments += 1
    return changed


def _place(row: dict[str, Any], name: str, change: _Change) -> tuple[dict[str, Any], str]:
    if name in COLUMNS["reference"]:
        name = next((known for known in (name, *COLUMNS["reference"]) if known in row), name)
    labels = row.get("labels")
    for fields in (row, labels if isinstance(labels, dict) else {}):
        if name in fields:
            return fields, name
    there = [key for key in row if key not in _STRUCTURE] + list(labels if isinstance(labels, dict) else ())
    raise UsageError(f"{change.where}: the manifest has no {name}; it has {', '.join(there)}")


def _decided(row: Mapping[str, Any], label: str, change: _Change) -> bool:
    """Is the label the clip's own: unknown here while other clips of the source know it, or set by an event?"""
    if row["labels"][label] is None and label in change.known:
        return True
    return any(isinstance(event, Mapping) and event.get("label") == label for event in row.get("events") or ())


def _value(text: str, before: Any, change: _Change, name: str) -> Any:
    """The cell as a value of the kind that stands there."""
    if text.lower() == "null":
        return "" if isinstance(before, str) and name not in COLUMNS["reference"] else None
    if isinstance(before, bool):
        said = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower())
        if said is None:
            raise UsageError(f"{change.where}: {name} is {text!r}; true, false or null is needed")
        return said
    if isinstance(before, int | float):
        try:
            number = float(text)
        except ValueError:
            raise UsageError(f"{change.where}: {name} is {text!r}; a number or null is needed") from None
        return int(number) if isinstance(before, int) and number == int(number) else number
    if before is None and text.lower() in ("true", "false") and name not in COLUMNS["reference"]:
        return text.lower() == "true"
    return text


def _written(row: Mapping[str, Any], manifest: Path, line: str) -> str:
    """As its format has it, with the end of the line that was there."""
    end = line[len(line.rstrip("\r\n")) :]
    if manifest.suffix.lower() in _JSON:
        return json.dumps(row, ensure_ascii=False) + end
    return csv_line(row.values(), delimiter=_delimiter(manifest), end=end)


def _notes(manifest: Path, out: Path, counts: _Counts, unknown: Sequence[str]) -> list[str]:
    notes = [f"no clip of {manifest} fits {text}" for text in unknown[:20]]
    if len(unknown) > 20:
        notes.append(f"and {len(unknown) - 20} more")
    if counts.kept:
        notes.append(f"{counts.kept} labels stay as they are: an effect made them unknown, or an event sets them")
    if list_root(out) != (root := list_root(manifest)):
        notes.append(f"audio paths in {out} count from {root}: move it there before it is used")
    touched, there = set(counts.splits), counts.all_splits
    for one, other in (("dev", "test"), ("test", "dev")):
        if one in touched and other in there and other not in touched:
            notes.append(f"{one} was corrected and {other} was not: look {other} through by the same rule, alike")
    return notes
