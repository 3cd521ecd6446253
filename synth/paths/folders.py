"""Which folders belong to `synth`: the user's cache, and data sets, recognized by the files in them."""

# Paths are strings here: scans ask for every folder on their way, and a Path of each costs more than the call itself.
# ruff: noqa: PTH123, PTH100, PTH113, PTH118, PTH120

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

PRIVATE: Final = ".synth"
PLAN: Final = "plan.json"
DATASET_JSON: Final = "dataset.json"
MANIFEST: Final = "manifest.jsonl"
EXPORT_JSON: Final = "export.json"
_HEAD_BYTES: Final = 1 << 20
_MARKS: Final = (PRIVATE, DATASET_JSON)


def cache_folder() -> Path:
    """The user's cache folder: `$SYNTH_CACHE`, or `synth` in the folder that the platform has for caches.

    On Linux that is `$XDG_CACHE_HOME/synth`, by default `~/.cache/synth`.
    """
    if folder := os.environ.get("SYNTH_CACHE"):
        return Path(folder)
    import platformdirs  # only here: `synth --help` does not need it

    return platformdirs.user_cache_path("synth", appauthor=False, opinion=False)


def is_data_set(folder: str | os.PathLike[str], names: Collection[str] | None = None) -> bool:
    """Whether `synth generate` has planned or finished a data set in this folder.

    A `.synth` without a plan does not count: a run that was refused, or killed before it planned, leaves no data.

    Args:
        folder: the folder to look at.
        names: of the files in the folder, if the caller has listed it already.
    """
    if names is not None and not any(mark in names for mark in _MARKS):
        return False
    path = os.fspath(folder)
    if os.path.isfile(os.path.join(path, PRIVATE, PLAN)):
        return True
    return os.path.isfile(os.path.join(path, MANIFEST)) and _is_ours(os.path.join(path, DATASET_JSON))


def _is_ours(dataset_json: str) -> bool:
    """Whether a `dataset.json` is one of ours: other tools have files of this name, too."""
    try:
        with open(dataset_json, "rb") as file:
            head = file.read(_HEAD_BYTES)  # keys are sorted, so those looked for come early
    except OSError:
        return False
    return b'"format_version"' in head and (b'"input_digests"' in head or b'"fingerprint"' in head)  # until schema 1


def is_export(folder: str | os.PathLike[str], names: Collection[str] | None = None) -> bool:
    """Whether `synth export` has begun or finished an export in this folder.

    Args:
        folder: the folder to look at.
        names: of the files in the folder, if the caller has listed it already.
    """
    if names is not None and PRIVATE not in names and EXPORT_JSON not in names:
        return False
    path = os.fspath(folder)
    if os.path.isfile(os.path.join(path, PRIVATE, EXPORT_JSON)):
        return True
    try:
        with open(os.path.join(path, EXPORT_JSON), "rb") as file:
            return b'"export_schema"' in file.read(_HEAD_BYTES)
    except OSError:
        return False


def data_set_around(path: str | os.PathLike[str], *, itself: bool = True, exports: bool = False) -> Path | None:
    """The data set that a path is in, by its name or by where its links lead; None if it is in none.

    Args:
        path: a file or folder, which need not exist.
        itself: whether the path counts if it is the folder of a data set.
        exports: also find an export, whose clips are those of a data set.
    """
    for start in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        folder = start if itself else os.path.dirname(start)
        while True:
            if is_data_set(folder) or (exports and is_export(folder)):
                return Path(folder)
            parent = os.path.dirname(folder)
            if parent == folder:
                break
            folder = parent
    return None
