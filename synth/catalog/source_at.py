"""What a path on a command line names: a folder of audio, a list of files, or one file of audio."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from synth.catalog.folder import EXTENSIONS, UNREAD
from synth.errors import UsageError
from synth.recipe.model import Source

Kind: TypeAlias = Literal["folder", "list", "audio"]


def kind_of(path: Path) -> Kind | None:
    """What is there, None for nothing. A file without a suffix of audio is a list: reading it says what is wrong."""
    if path.is_dir():
        return "folder"
    if not path.is_file():
        return None
    return "audio" if path.suffix[1:].lower() in EXTENSIONS | UNREAD else "list"


def source_at(path: Path, *, name: str = "noise", glob: str | None = None, beside: Sequence[str] = ()) -> Source:
    """The source that a path names. `glob` chooses files of a folder; `beside`: names of lists that, where one lies
    in the folder, tell of its files.

    Raises UsageError where there is nothing, or a glob for what is no folder.
    """
    kind, whole = kind_of(path), Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    if kind is None:
        raise UsageError(f"there is no folder, list or file {path}")
    if kind == "folder":
        listed = next((whole / each for each in beside if (whole / each).is_file()), None)
        return Source(name=name, path=str(whole), glob=glob, manifest=None if listed is None else str(listed))
    if glob:
        raise UsageError(f"--glob chooses files of a folder; {path} is {'a list' if kind == 'list' else 'a file'}")
    if kind == "list":
        return Source(name=name, path=str(whole.parent), manifest=str(whole))
    return Source(name=name, path=str(whole))
