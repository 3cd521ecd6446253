"""What a fit refuses: a test set, and a dev set that has files of the training sources."""

# Thousands of paths are strings here: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

from synth.audio.file_identity import file_sha256, file_size
from synth.catalog.catalog import Catalog
from synth.errors import GuardError, UsageError
from synth.match.measure.profile import Profile
from synth.text import count_of, listed

SHARED_ADVICE = (
    "What is fitted to them says nothing about new data: remove them from the speech or the noise, or give another dev "
    "set"
)
_MAX_NAMED = 3
_TEST_ADVICE = (
    "`synth fit` never uses a test set: a recipe fitted to it makes its errors look smaller than they are. Give a dev "
    "set; if this is one, rename the folder or use --not-a-test-set"
)


def refuse_test_set(path: Path, profile: Profile | None = None) -> None:
    """Refuse a set that is or seems to be a test set, by the names of its folders and files and by its splits.

    Raises:
        UsageError: it is a test set.
    """
    clips = profile.clips if profile else ()
    for each in [path, *(Path(profile.root) / clip.path for clip in clips if profile)]:
        if "test" in [PurePath(part).stem.lower() for part in each.parts]:
            raise UsageError(f"{each} is test data by its name: {_TEST_ADVICE}")
    for clip in clips:
        if (clip.split or "").lower() == "test":
            raise UsageError(f"{path}: the split of {clip.path} is test: {_TEST_ADVICE}")


def refuse_shared_files(profile: Profile, catalogs: Sequence[Catalog]) -> None:
    """Refuse a dev set that has a file of the training sources, by its path or its content.

    Raises:
        GuardError: there are such files; the message names some.
    """
    paths = sorted({file_of(profile, clip.path) for clip in profile.clips})
    present = [path for path in paths if file_size(path) is not None]
    sources = sorted({os.path.realpath(catalog.file(k)) for catalog in catalogs for k in range(len(catalog))})
    shared = sorted(set(map(os.path.realpath, present)) & set(sources)) or _same_content(present, sources)
    if shared:
        count = count_of(len(shared), "recording")
        raise GuardError(
            f"{count} of the dev set {'is' if len(shared) == 1 else 'are'} also in the training sources: "
            f"{listed(shared, _MAX_NAMED)}. {SHARED_ADVICE}"
        )


def file_of(profile: Profile, path: str) -> str:
    """The file of a clip; a part of a file is named `file#t=from,to`."""
    return os.path.join(profile.root, path.split("#t=", 1)[0])


def _same_content(dev: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Files of dev with the same bytes as a source; only files of equal size are read."""
    by_size: dict[int, list[str]] = defaultdict(list)
    for path in sources:
        if (size := file_size(path)) is not None:
            by_size[size].append(path)
    same = []
    for path in dev:
        size = file_size(path)
        candidates = [] if size is None else by_size.get(size, [])
        if candidates and file_sha256(path) in {file_sha256(candidate) for candidate in candidates}:
            same.append(path)
    return same
