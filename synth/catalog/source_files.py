"""Where the files of a source are, and the errors if they are not there: at their place in the recipe."""

# Paths are strings here: a link in a path must stay a link.
# ruff: noqa: PTH100, PTH112, PTH113

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from synth.catalog.folder import EXTENSIONS
from synth.errors import RecipeError, SynthError, UsageError
from synth.recipe.model import Source

_LIST_SUFFIXES = frozenset((".csv", ".tsv", ".json", ".jsonl", ".ndjson"))
_RELATIVE = "paths are relative to the recipe's folder"


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What the keys `path` and `manifest` of a source name."""

    root: str  #: absolute path of the folder that the paths of recordings are relative to
    listed: Path | None = None  #: the list
    file: str | None = None  #: the name of the only file; None: those of the list, or all of the folder


def locate(source: Source, folder: Path) -> SourceFiles:
    """The folder, list or file of a source, whose paths are relative to `folder`.

    Raises:
        RecipeError: there is no such folder, file or list; it has a place in a recipe.
        UsageError: the same of a source without a place.
    """
    root = os.path.abspath(folder / source.path)
    if source.manifest is not None:
        if not os.path.isdir(root):
            raise source_error(source, "path", f"there is no folder {root}", folder)
        listed = Path(os.path.abspath(folder / source.manifest))
        if not listed.is_file():
            raise source_error(source, "manifest", f"there is no list {listed}", folder)
        return SourceFiles(root, listed)
    if os.path.isdir(root):
        return SourceFiles(root)
    if not os.path.isfile(root):
        what = "file" if Path(root).suffix[1:].lower() in EXTENSIONS else "folder"
        raise source_error(source, "path", f"there is no {what} {root}", folder)
    if Path(root).suffix.lower() in _LIST_SUFFIXES:
        raise source_error(source, "path", f"{root} is a list of files; give it as `manifest`")
    if source.glob is not None:
        raise source_error(source, "glob", f"glob chooses files of a folder, but {root} is a file; remove it")
    return SourceFiles(os.path.dirname(root), file=os.path.basename(root))  # noqa: PTH119, PTH120


def refuse_missing(sources: Iterable[Source], folder: Path) -> None:
    """Raise RecipeError with all folders, files and lists of a recipe that are not there."""
    mistakes: list[str] = []
    for source in sources:
        try:
            locate(source, folder)
        except RecipeError as error:
            mistakes += error.mistakes
    if mistakes:
        raise RecipeError(mistakes)


def source_error(source: Source, key: str, text: str, folder: Path | None = None) -> SynthError:
    """An error about a source, at the place of `key` in its recipe if it is from one.

    `folder`: the recipe's, if the text names a path that is relative to it.
    """
    place = source.places.get(key) or source.places.get("")
    if place is None:
        return UsageError(f"source {source.name!r}: {text}")
    return RecipeError([str(place.mistake(f"{text}; {_RELATIVE}, {folder}" if folder is not None else text))])
