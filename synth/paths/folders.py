"""Folders that belong to `synth`: the user's cache, and data sets, recognized by the files in them."""

# Paths are strings here: scans ask for every folder on their way, and a Path of each costs more than the call itself.
# ruff: noqa: PTH123, PTH100, PTH113, PTH118, PTH120

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

PRIVATE: Final = ".synth"
PLAN: Final = "plan.json"
DATASET_JSON: Final = "dataset.json"
MANIFEST: Final = "manifest.jsonl"
_HEAD_BYTES: Final = 1 << 20
_MARKS: Final = (PRIVATE, DATASET_JSON)


def cache_folder() -> Path:
    """`$SYNTH_CACHE`, or `synth` in the folder that the platform has for caches."""
    if given := os.environ.get("SYNTH_CACHE"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "synth"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "synth"


def is_data_set(folder: str | os.PathLike[str], names: Collection[str] | None = None) -> bool:
    """Whether `synth generate` has planned or finished a data set in this folder.

    A `.synth` without a plan is none: a run that was refused, or killed before it planned, leaves no data.

    Args:
        folder: the folder to look at.
        names: what lies in the folder, if the caller has listed it already.
    """
    if names is not None and not any(mark in names for mark in _MARKS):
        return False
    path = os.fspath(folder)
    if os.path.isfile(os.path.join(path, PRIVATE, PLAN)):
        return True
    return os.path.isfile(os.path.join(path, MANIFEST)) and _is_ours(os.path.join(path, DATASET_JSON))


def _is_ours(dataset_json: str) -> bool:
    """Other tools have files of this name, too. The keys stand in the order of the alphabet, so these come early."""
    try:
        with open(dataset_json, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"fingerprint"' in head and b'"format_version"' in head


def data_set_around(path: str | os.PathLike[str], *, itself: bool = True) -> Path | None:
    """The data set that a path lies in, by its name or by where its links lead; None if there is none.

    Args:
        path: a file or folder, which need not exist.
        itself: whether the path counts if it is the folder of a data set.
    """
    for start in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        for folder in _upward(start if itself else os.path.dirname(start)):
            if is_data_set(folder):
                return Path(folder)
    return None


def _upward(folder: str) -> Iterator[str]:
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent
