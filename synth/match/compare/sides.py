"""Profiles of the two sides of a comparison: read where they were measured before, else measured now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from synth.dataset.dataset_dir import DatasetDir
from synth.errors import SynthError, UsageError
from synth.match.measure.audio_set import AudioSet, SetClip
from synth.match.measure.profile import FORMAT, Profile, read_profile, selected
from synth.plan.unchanged import unchanged_recordings

_MOST_HEADER = 1_000_000
_MOST_CLEAN = 300


def profile_of(
    path: Path,
    *,
    split: str | None = None,
    condition: str | None = None,
    max_clips: int = 2000,
    jobs: int = 1,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Profile:
    """A profile's file, or a set (folder, list, data set of ours), of which at most `max_clips` are then measured.

    `split`, `condition`: only these clips. Raises UsageError where there is no such file or set, or no such clip in it.
    """
    if not path.exists():
        raise UsageError(f"there is no {path}: name a profile (`synth profile SET --out FILE` makes one) or a set")
    if _is_profile(path):
        return _only(read_profile(path), path, split=split, condition=condition)
    from synth.match.measure.profile_set import profile_set

    return profile_set(path, max_clips=max_clips, jobs=jobs, progress=progress, split=split, condition=condition)


def clean_of(
    training: Profile, *, jobs: int = 1, progress: Callable[[str, int, int | None], None] | None = None
) -> Profile | None:
    """The speech that a data set of ours was made of, as it came: how far a training set without noise would be.

    At most 300 of its recordings. None where the set is not ours, or its plan or its speech is no longer there.
    """
    from synth.match.measure.profile_set import measure_set

    try:
        found = _sources(Path(training.root))
        return measure_set(found, max_clips=_MOST_CLEAN, jobs=jobs, progress=progress).profile if found else None
    except SynthError:
        return None  # a reference that cannot be had is left out; nothing else depends on it


def _sources(folder: Path) -> AudioSet | None:
    from synth.dataset.saved_plan import open_plan

    dataset = DatasetDir(folder)
    if not dataset.plan_data.is_dir():
        return None
    plan = open_plan(dataset).plan
    roots = {source.name: Path(source.root) for source in plan.speech.sources}
    clips = tuple(
        SetClip(
            str(roots[one.source] / one.path),
            one.speaker or one.path,
            one.offset / one.sample_rate,
            one.seconds,
            part=one.offset > 0,
        )
        for one, kept in zip(plan.speech, unchanged_recordings(plan.recipe, plan.speech), strict=True)
        if not kept
    )
    return AudioSet("clean sources", folder, "list", clips) if clips else None


def _is_profile(path: Path) -> bool:
    """By the name, or by what its first line says."""
    if not path.is_file():
        return False
    if path.suffix == ".profile":
        return True
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(_MOST_HEADER))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and header.get("format") == FORMAT


def _only(profile: Profile, path: Path, *, split: str | None, condition: str | None) -> Profile:
    for key, wanted in (("split", split), ("condition", condition)):
        if wanted is None:
            continue
        kept = [i for i, clip in enumerate(profile.clips) if getattr(clip, key) == wanted]
        if not kept:
            there = sorted({str(getattr(clip, key)) for clip in profile.clips} - {"None"})
            raise UsageError(
                f"{path}: no clip of the {key} {wanted!r}; there "
                + (f"are {', '.join(there)}" if there else "are none")
            )
        profile = selected(profile, kept)
    return profile
