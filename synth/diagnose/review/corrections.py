"""Carries corrected labels to every clip that was made from the same source, into a new manifest of the same format."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from synth.diagnose.review.review_csv import HEAD, TAIL
from synth.errors import SynthError, UsageError
from synth.lists.label_value import truth_of
from synth.lists.root import list_root
from synth.lists.scores import COLUMNS
from synth.lists.table import TableRow, read_table
from synth.plan.unknown_labels import labels_made_unknown
from synth.recipe.load import load_recipe
from synth.recipe.saved_recipe import SAVED_NAME
from synth.text import listed

_SOURCE, _CORRECTION = "source_id", "correction"
#: Columns of a review and of a list of candidates that do not say what is true.
_IGNORED: Final = frozenset((*HEAD, *TAIL, "label", "suggested", "p_label", "p_suggested", "margin"))
#: Keys of a manifest that describe the audio; they cannot be corrected.
_STRUCTURE: Final = frozenset((
    "audio_filepath", "duration", "num_samples", "sampling_rate", "channels", "split", "condition", "case", "stage",
    "weight", "copy", "source", "speech", "room", "noise", "match_spectrum", "channel", "snr_db", "level_dbfs",
    "peak_dbfs", "headroom_gain_db", "stems", "events", "sha256", "pcm_sha256", "offset", "alignment", "labels", "path",
    "file",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Correction:
    """One line of the list of corrections."""

    where: str  # file:line
    target: str  # the clip or source it is about, such as "id drive7_03"
    values: Mapping[str, str]  # column or label -> corrected value


@dataclass(slots=True)
class SourceCorrection:
    """What the clips of one source should say."""

    where: str  # file:line of the first correction
    values: dict[str, str]
    keeps_unknown: set[str]  # labels that stay null in a clip in which they are null


@dataclass(slots=True)
class CorrectionCounts:
    """What was changed, counted while the manifest is written."""

    rows: int = 0
    clips: int = 0  # rows that were changed
    same: int = 0  # values that were right already
    kept: int = 0  # labels that were kept because an effect or an event decides them
    alignments: int = 0  # alignments of an old text, which were removed
    splits: Counter[str] = field(default_factory=Counter)  # split -> rows that were changed
    all_splits: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """What `synth errors correct` reports."""

    out: Path
    corrections: int  # lines with a correction
    sources: int  # sources that they are about
    counts: CorrectionCounts
    unknown: tuple[str, ...]  # corrections that match no clip, as "file:line: id X"
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "out": str(self.out),
            "corrections": self.corrections,
            "sources": self.sources,
            "clips": self.counts.clips,
            "rows": self.counts.rows,
            "same": self.counts.same,
            "kept": self.counts.kept,
            "alignments_dropped": self.counts.alignments,
            "splits": dict(sorted(self.counts.splits.items())),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class SourceCorrections:
    """The corrections, matched with a manifest."""

    by_source: Mapping[str, SourceCorrection]
    unknown: tuple[str, ...]  # as `CorrectionResult.unknown`
    notes: tuple[str, ...]


def read_corrections(path: Path, column: str | None = None) -> list[Correction]:
    """Read a list of corrections: a CSV with `id` or `source_id`, and `text` or names of labels.

    It may also be a review or a list of candidates; then its column `correction` holds the text, or the value of
    `column`. Empty cells are ignored.

    Raises:
        UsageError: the file has no such columns, or no correction; names the line.
    """
    table = read_table(path, json_lines=False)
    names = table.columns
    keys = [name for name in (_SOURCE, "id") if name in names]
    is_review = _CORRECTION in names
    columns = [_CORRECTION] if is_review else [name for name in names if name not in _IGNORED and name not in keys]
    if not keys or not columns:
        raise UsageError(f"{path}:1: id or source_id, and text or a label, are needed; there are {', '.join(names)}")
    if fixed := [name for name in columns if name in _STRUCTURE]:
        raise UsageError(f"{path}:1: {fixed[0]} cannot be corrected; text and labels can")
    corrections = []
    for row in table:
        cells = {name: cell.strip() for name, cell in row.fields.items()}
        values = {(column or "text") if name == _CORRECTION else name: cells[name] for name in columns if cells[name]}
        if not values or (is_review and cells.get("reference") == cells[_CORRECTION]):
            continue
        key = next((name for name in keys if cells[name]), None)
        if key is None:
            raise UsageError(f"{row.where}: a correction without {' or '.join(reversed(keys))}")
        corrections.append(Correction(row.where, f"{key} {cells[key]}", values))
    if not corrections:
        raise UsageError(f"{path}: no line has a correction")
    return corrections


def match_corrections(corrections: Sequence[Correction], manifest: Path) -> SourceCorrections:
    """Find the sources that the corrections are about; a correction by id is about all clips of the same source.

    A label that is null in some clips of a source but not in others, or that the recipe beside the manifest makes
    unknown, stays null where it is null: an effect decided it for that clip.

    Raises:
        UsageError: a correction matches clips of several sources, or two corrections of a source differ.
    """
    targets = {correction.target for correction in corrections}
    sources: dict[str, set[str]] = {target: set() for target in targets}
    known_labels: dict[str, set[str]] = {}
    for row in read_table(manifest, strict=False):
        source = _source_of(row)
        for target in (source, *(f"id {name}" for name in _clip_names(row.fields))):
            if target in targets:
                sources[target].add(source)
        labels = row.fields.get("labels")
        if isinstance(labels, Mapping):
            known_labels.setdefault(source, set()).update(name for name, v in labels.items() if v is not None)
    made_unknown, notes = _labels_made_unknown(manifest)
    by_source: dict[str, SourceCorrection] = {}
    for correction in corrections:
        matches = sources[correction.target]
        if len(matches) > 1:
            raise UsageError(
                f"{correction.where}: {correction.target} matches clips of {len(matches)} sources; give ids"
            )
        for source in matches:
            if source not in by_source:
                keeps_unknown = known_labels.get(source, set()) | made_unknown
                by_source[source] = SourceCorrection(correction.where, {}, keeps_unknown)
            merged = by_source[source]
            for name, value in correction.values.items():
                if merged.values.setdefault(name, value) != value:
                    raise UsageError(
                        f"{correction.where}: {name} of {correction.target} is {value!r}, but {merged.values[name]!r} "
                        f"at {merged.where} for the same source; keep one of them"
                    )
    unknown = tuple(f"{each.where}: {each.target}" for each in corrections if not sources[each.target])
    return SourceCorrections(by_source, unknown, notes)


def corrected_lines(
    manifest: Path, by_source: Mapping[str, SourceCorrection], counts: CorrectionCounts
) -> Iterator[str]:
    """Yield the manifest's text row by row, corrected; rows without a correction stay as they are.

    `counts` is brought up to date with each line.

    Raises:
        UsageError: the manifest has no such column or label, or a value is not of the label's kind.
    """
    table = read_table(manifest, strict=False, keep_text=True)
    yield table.header_text
    for row in table:
        split = str(row.fields.get("split") or "none")
        counts.rows += 1
        counts.all_splits.add(split)
        correction = by_source.get(_source_of(row))
        is_corrected = correction is not None and _apply(row.fields, correction, counts)
        if is_corrected:
            counts.clips += 1
            counts.splits[split] += 1
        yield row.blank_text + (table.rewritten(row) if is_corrected else row.text)
    yield table.end_text()


def correction_notes(manifest: Path, out: Path, counts: CorrectionCounts, unknown: Sequence[str]) -> list[str]:
    """Say what the user should know about the new manifest `out`."""
    notes = []
    if unknown:
        notes.append(f"no clip of {manifest} matches: {listed(unknown, 20, separator='; ')}")
    if counts.kept:
        notes.append(f"{counts.kept} labels stay as they are: an effect made them unknown, or an event sets them")
    if list_root(out) != (root := list_root(manifest)):
        notes.append(f"audio paths in {out} are relative to {root}: move the file there before you use it")
    for corrected, uncorrected in (("dev", "test"), ("test", "dev")):
        if corrected in counts.splits and uncorrected in counts.all_splits and uncorrected not in counts.splits:
            notes.append(f"{corrected} was corrected but {uncorrected} was not: review {uncorrected} by the same rule")
    return notes


def _source_of(row: TableRow) -> str:
    """Return what a correction of this clip is about: its source, or if it has none, the clip alone."""
    source = row.fields.get(_SOURCE)
    return f"{_SOURCE} {source}" if source else f"line {row.where}"


def _clip_names(row: Mapping[str, Any]) -> list[str]:
    """Return what a correction may call this clip: its id and path; without an id also the name of its file."""
    clip_id = next((str(row[name]) for name in COLUMNS["id"] if row.get(name)), None)
    path = next((str(row[name]) for name in COLUMNS["path"] if row.get(name)), None)
    names = [clip_id] if clip_id else []
    if path:
        names += [path] if clip_id else [path, PurePosixPath(path).stem]
    return names


def _labels_made_unknown(manifest: Path) -> tuple[set[str], tuple[str, ...]]:
    """Return the labels that the recipe beside a manifest makes unknown, and a note if it cannot be read."""
    recipe = manifest.parent / SAVED_NAME
    if not recipe.is_file():
        return set(), ()
    try:
        return set(labels_made_unknown(load_recipe(recipe))), ()
    except SynthError as error:
        reason = str(error).splitlines()[0]
        return set(), (f"{recipe} was ignored ({reason}): labels that it makes unknown may be set",)


def _apply(row: dict[str, Any], correction: SourceCorrection, counts: CorrectionCounts) -> bool:
    """Correct a row in place; return whether anything changed."""
    has_changed = False
    for name, text in correction.values.items():
        fields, key = _find_key(row, name, correction.where)
        if fields is row.get("labels") and _is_decided(row, key, correction):
            counts.kept += 1
            continue
        value = _typed_value(text, fields[key], name, correction.where)
        if value == fields[key] and type(value) is type(fields[key]):
            counts.same += 1
            continue
        fields[key] = value
        has_changed = True
        if key in COLUMNS["reference"] and row.get("alignment"):
            # times of the words of the old text would be wrong
            row["alignment"] = "" if isinstance(row["alignment"], str) else None
            counts.alignments += 1
    return has_changed


def _find_key(row: dict[str, Any], name: str, where: str) -> tuple[dict[str, Any], str]:
    """Return the mapping that holds the column or label `name` (the row or its labels), and the key in it."""
    if name in COLUMNS["reference"]:
        name = next((key for key in (name, *COLUMNS["reference"]) if key in row), name)
    labels = row["labels"] if isinstance(row.get("labels"), dict) else {}
    for fields in (row, labels):
        if name in fields:
            return fields, name
    keys = [key for key in row if key not in _STRUCTURE] + list(labels)
    raise UsageError(f"{where}: the manifest has no {name}; it has {', '.join(keys)}")


def _is_decided(row: Mapping[str, Any], label: str, correction: SourceCorrection) -> bool:
    """Tell whether the label is the clip's own and not its source's: made unknown by an effect, or set by an event."""
    if row["labels"][label] is None and label in correction.keeps_unknown:
        return True
    return any(isinstance(event, Mapping) and event.get("label") == label for event in row.get("events") or ())


def _typed_value(text: str, old: Any, name: str, where: str) -> Any:
    """Convert a cell to the kind of value that the manifest has."""
    is_text = name in COLUMNS["reference"]
    if text.lower() == "null":
        return "" if isinstance(old, str) and not is_text else None
    if isinstance(old, bool):
        truth = truth_of(text)
        if truth is None:
            raise UsageError(f"{where}: {name} is {text!r}; true, false or null is needed")
        return truth
    if isinstance(old, int | float):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UsageError(f"{where}: {name} is {text!r}; a number or null is needed")
        return int(number) if isinstance(old, int) and number == int(number) else number
    if old is None and text.lower() in ("true", "false") and not is_text:
        return text.lower() == "true"
    return text
