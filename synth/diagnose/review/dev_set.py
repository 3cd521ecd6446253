"""The clips whose errors are looked into: predictions joined with their list, their groups, their audio."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.diagnose.ladder.predictions import Prediction, read_scores
from synth.errors import UsageError
from synth.lists.root import list_root
from synth.match.measure.audio_set import GROUP_COLUMNS
from synth.match.measure.profile import ClipProfile, Profile


@dataclass(frozen=True, slots=True)
class DevSet:
    """`clips` of one split. `root`: what the manifest's paths are relative to. `measure`: what errors are."""

    clips: tuple[Prediction, ...]
    root: Path
    measure: str
    unit: str
    split: str | None
    notes: tuple[str, ...]

    @property
    def errors(self) -> float:
        return sum(clip.errors or 0.0 for clip in self.clips)

    @property
    def words(self) -> float:
        return sum(clip.words or 0.0 for clip in self.clips)

    @property
    def error(self) -> float:
        """Sum of errors by sum of words; every clip counts, whatever its weight in training."""
        return self.errors / self.words if self.words else 0.0


def read_dev(predictions: Path, manifest: Path, *, unit: str = "word", split: str | None = None) -> DevSet:
    """The predictions of one split: of `split`, or of dev where several are there, or all.

    Raises:
        UsageError: a file cannot be read, there is no such split, or what the file has is a loss.
    """
    scores = read_scores(predictions, [manifest], unit=unit)
    if not scores.is_rate:
        raise UsageError(f"{predictions}: a loss has no wrong clips to look at; give errors, or hypotheses")
    wanted = split or _only_split(scores.predictions)
    clips = tuple(clip for clip in scores.predictions if (clip.split or "none") == wanted)
    if not clips:
        raise UsageError(f"{predictions}: no clips of the split {wanted}; {_splits(scores.predictions)}")
    notes = list(scores.notes)
    if wanted == "test":
        notes.append("test is for the last word: what is learned from its errors makes it a second dev")
    folder = _root(manifest)
    return DevSet(clips, folder, scores.measure, unit, None if wanted == "none" else wanted, tuple(notes))


def _only_split(clips: Sequence[Prediction]) -> str:
    """The split that a manifest with one split has; dev if there are several, `none` if there is none."""
    names = {clip.split for clip in clips if clip.split}
    unlisted = any(clip.split is None and clip.row for clip in clips)
    if len(names) == 1 and not unlisted:
        return names.pop()
    return "dev" if names else "none"


def _splits(clips: Sequence[Prediction]) -> str:
    """Which splits there are, and what to do, for an error."""
    counts = Counter(clip.split or "no split" for clip in clips if clip.split or clip.row)
    listed = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items())) or "none"
    strange = sum(not clip.row and not clip.split for clip in clips)
    more = f", and {_count(strange, 'prediction')} of no clip in this manifest" if strange else ""
    return f"there are {listed}{more}. Name one with --split"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word} is" if number == 1 else f"{number:,} {word}s are"


def _root(manifest: Path) -> Path:
    """What paths count from; of a folder of lists (`synth split`) as of each list in it."""
    if not manifest.is_dir():
        return list_root(manifest)
    lists = sorted((*manifest.glob("*.jsonl"), *manifest.glob("*.csv")))
    return list_root(lists[0]) if lists else manifest


def value_of(clip: Prediction, column: str) -> str | None:
    """A column of the clip, of its manifest row, or one of its labels, as text; None where it is not known."""
    if column in ("speaker", "session", "group", "source_id", "split"):
        own: str | None = getattr(clip, column)
        if own is not None:
            return own
    labels = clip.row.get("labels")
    for fields in (clip.others, clip.row, labels if isinstance(labels, Mapping) else {}):
        if fields.get(column) not in (None, ""):
            return str(fields[column])
    return None


def group_column(clips: Sequence[Prediction], asked: str | None = None) -> str | None:
    """What groups clips that are not independent: `asked`, or the first of group and sets.GROUP_COLUMNS that is there.

    Raises UsageError where no clip has `asked`.
    """
    names = (asked,) if asked else ("group", *GROUP_COLUMNS)
    found = next((name for name in names if any(value_of(clip, name) is not None for clip in clips)), None)
    if asked and found is None:
        raise UsageError(f"no clip has a {asked} to group by")
    return found


def group_of(clip: Prediction, column: str | None) -> str:
    """The clip's group; without one it is its own."""
    return (value_of(clip, column) if column else None) or clip.id


def audio_of(clip: Prediction) -> str | None:
    """Path of the clip as its manifest says, of a part of a file with `#t=from,to` in seconds (sets.SetClip.name)."""
    path = clip.row.get("audio_filepath") or clip.path
    if not path:
        return None
    start, length = _seconds(clip.row, "offset") or 0.0, _seconds(clip.row, "duration")
    if not start:
        return str(path)
    return f"{path}#t={start:g}" + ("" if length is None else f",{start + length:g}")


def _seconds(row: Mapping[str, Any], name: str) -> float | None:
    try:
        return float(row[name])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def profiled(dev: DevSet, profile: Profile) -> list[ClipProfile | None]:
    """The profile's row of each clip, by the path as written, or by where the file lies."""
    known: dict[str, ClipProfile] = {}
    for found in profile.clips:
        known.setdefault(os.path.normpath(Path(profile.root) / found.path), found)
        known.setdefault(found.path, found)
    rows = []
    for clip in dev.clips:
        path = audio_of(clip) or ""
        full = os.path.normpath(dev.root.absolute() / path)
        part = _part(clip, path)
        rows.append(known.get(full) or known.get(path) or known.get(os.path.normpath(dev.root.absolute() / part)))
    return rows


def _part(clip: Prediction, path: str) -> str:
    """The name that a clip has as the first part of its file: it starts at 0, and the rest of the file is others'."""
    length = _seconds(clip.row, "duration")
    return path if "#t=" in path or length is None else f"{path}#t=0,{length:g}"
