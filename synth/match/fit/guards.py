"""What `fit` refuses: a test set, and a dev set that shares recordings with the training sources."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

from synth.catalog.catalog import Catalog
from synth.errors import GuardError, UsageError
from synth.match.measure.profile import Profile

_NAMED = 3


def refuse_test_set(path: Path, profile: Profile | None = None) -> None:
    """Raise UsageError where the set is, or seems to be, a test set: what was fitted to it cannot test any more."""
    advice = (
        "`fit` never looks at a test set: a recipe fitted to it makes its errors look smaller than they are; give "
        "a dev set (or rename the folder, if it is none)"
    )
    named = [path, *([Path(profile.root) / clip.path for clip in profile.clips] if profile else [])]
    for one in named:
        if "test" in [PurePath(part).stem.lower() for part in one.parts]:
            raise UsageError(f"{one} is test data by its name: {advice}")
    for clip in profile.clips if profile else ():
        if (clip.split or "").lower() == "test":
            raise UsageError(f"{path}: the split of {clip.path} is test: {advice}")


def refuse_shared_files(profile: Profile, catalogs: Sequence[Catalog]) -> None:
    """Raise GuardError where a file of dev is a file of the training sources, by its path or by its content."""
    dev = sorted({file_of(profile, clip.path) for clip in profile.clips})
    there = [path for path in dev if os.path.isfile(path)]  # noqa: PTH113 - thousands of them
    ours = sorted({os.path.realpath(catalog.file(k)) for catalog in catalogs for k in range(len(catalog))})
    shared = sorted(set(map(os.path.realpath, there)) & set(ours)) or _same_content(there, ours)
    if shared:
        shown = ", ".join(shared[:_NAMED]) + (f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else "")
        raise GuardError(
            f"{len(shared)} recordings of the dev set are also in the training sources: {shown}. What is fitted to "
            "them says nothing about new data: take them out of the speech or the noise, or give another dev set"
        )


def file_of(profile: Profile, path: str) -> str:
    """The file of a clip; a part of one is named `file#t=from,to`."""
    return os.path.join(profile.root, path.split("#t=", 1)[0])  # noqa: PTH118


def _same_content(dev: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Files of dev with the same bytes as one of ours. Only files of equal size are read."""
    by_size: dict[int, list[str]] = defaultdict(list)
    for path in ours:
        if os.path.isfile(path):  # noqa: PTH113
            by_size[os.path.getsize(path)].append(path)  # noqa: PTH202
    found = []
    for path in dev:
        rivals = by_size.get(os.path.getsize(path), [])  # noqa: PTH202
        if rivals and _digest(path) in {_digest(rival) for rival in rivals}:
            found.append(path)
    return found


def _digest(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()
