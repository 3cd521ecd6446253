"""The clips whose errors are analyzed: predictions joined with their list, their groups, and their audio."""

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
from synth.text import count_of


@dataclass(frozen=True, slots=True)
class DevSet:
    """The predictions for one split."""

    clips: tuple[Prediction, ...]
    root: Path  # folder that the paths of the manifest count from
    measure: str  # what an error is, such as "word error rate"
    unit: str  # of an error between reference and hypothesis: word, character or clip
    split: str | None  # None: the manifest has no splits
    notes: tuple[str, ...]

    @property
    def errors(self) -> float:
        """Sum of the clips' errors, whatever their weights in training."""
        return sum(clip.errors or 0.0 for clip in self.clips)

    @property
    def words(self) -> float:
        """Sum of the clips' lengths in words (or characters, or clips)."""
        return sum(clip.words or 0.0 for clip in self.clips)


def read_dev(predictions: Path, manifest: Path, *, unit: str = "word", split: str | None = None) -> DevSet:
    """Read the predictions for one split: `split`, or dev if there are several splits, or all clips.

    Raises:
        UsageError: a file cannot be read, there is no such split, or the scores are losses.
    """
    scores = read_scores(predictions, [manifest], unit=unit)
    if not scores.is_rate:
        raise UsageError(f"{predictions}: a loss does not say which clips are wrong; give errors, or hypotheses")
    name = split
    if name is None:
        names = {clip.split for clip in scores.predictions if clip.split}
        has_unlisted = any(clip.split is None and clip.row for clip in scores.predictions)
        name = "dev" if names else "none"
        if len(names) == 1 and not has_unlisted:
            name = names.pop()
    clips = tuple(clip for clip in scores.predictions if (clip.split or "none") == name)
    if not clips:
        counts = Counter(clip.split or "no split" for clip in scores.predictions if clip.split or clip.row)
        splits = ", ".join(f"{each} ({count:,})" for each, count in sorted(counts.items())) or "none"
        unlisted = sum(not clip.row and not clip.split for clip in scores.predictions)
        if unlisted:
            splits += f", and {count_of(unlisted, 'prediction')} without a clip in this manifest"
        raise UsageError(f"{predictions}: no clips of the split {name}; there are {splits}. Choose one with --split")
    notes = list(scores.notes)
    if name == "test":
        notes.append("this is the test set: if you learn from its errors, it becomes a second dev set")
    root = list_root(manifest)
    if manifest.is_dir():
        lists = sorted((*manifest.glob("*.jsonl"), *manifest.glob("*.csv")))  # a folder of `synth split`
        root = list_root(lists[0]) if lists else manifest
    return DevSet(clips, root, scores.measure, unit, None if name == "none" else name, tuple(notes))


def value_of(clip: Prediction, column: str) -> str | None:
    """Return a column of the clip, of its manifest row, or one of its labels, as text; None if it is unknown."""
    if column in ("speaker", "session", "group", "source_id", "split"):
        own: str | None = getattr(clip, column)
        if own is not None:
            return own
    labels = clip.row.get("labels")
    for fields in (clip.others, clip.row, labels if isinstance(labels, Mapping) else {}):
        if fields.get(column) not in (None, ""):
            return str(fields[column])
    return None


def group_column(clips: Sequence[Prediction], name: str | None = None) -> str | None:
    """Return the column whose values dependent clips share: `name`, or the first usual one that some clip has.

    Raises:
        UsageError: no clip has a column `name`.
    """
    candidates = (name,) if name else ("group", *GROUP_COLUMNS)
    column = next((each for each in candidates if any(value_of(clip, each) is not None for clip in clips)), None)
    if name and column is None:
        raise UsageError(f"--group-by {name}: no clip has this column or label")
    return column


def group_of(clip: Prediction, column: str | None) -> str:
    """Return the clip's group; without a value in `column` the clip is a group of its own."""
    return (value_of(clip, column) if column else None) or clip.id


def audio_of(clip: Prediction) -> str | None:
    """Return the clip's path as in its manifest; for a part of a file with `#t=from,to` in seconds, as profiles do."""
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
    """Return the profile's row of each clip: by the path as written, or by the place of the file."""
    by_path: dict[str, ClipProfile] = {}
    for row in profile.clips:
        by_path.setdefault(os.path.normpath(Path(profile.root) / row.path), row)
        by_path.setdefault(row.path, row)
    root = dev.root.absolute()
    rows = []
    for clip in dev.clips:
        path = audio_of(clip) or ""
        length = _seconds(clip.row, "duration")
        # the profile names a clip at the start of a longer file `#t=0,to`, the manifest gives it no offset
        as_part = path if "#t=" in path or length is None else f"{path}#t=0,{length:g}"
        names = (os.path.normpath(root / path), path, os.path.normpath(root / as_part))
        rows.append(next((by_path[name] for name in names if name in by_path), None))
    return rows
