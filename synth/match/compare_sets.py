"""Profiles of the two sides of a comparison: read where they were measured before, else measured now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from synth.errors import UsageError
from synth.match.profile import FORMAT, Profile, read_profile, selected

_MOST_HEADER = 1_000_000


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
    from synth.match.profiling import profile_set

    return profile_set(path, max_clips=max_clips, jobs=jobs, progress=progress, split=split, condition=condition)


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
