"""Where the files of a source are: a folder, a list of files, or one file; and an error with its place if not."""

# Paths are strings here: a link in a path must stay a link.
# ruff: noqa: PTH100, PTH112, PTH113

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from synth.audio.file_names import EXTENSIONS, UNREAD
from synth.errors import RecipeError, SynthError, UsageError
from synth.lists.formats.registry import detect_format
from synth.lists.table import JSON_LINES
from synth.recipe.model import Source

_LIST_SUFFIXES: Final = frozenset((".csv", ".tsv", *JSON_LINES))

PathKind: TypeAlias = Literal["folder", "list", "audio"]


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What the keys `path` and `manifest` of a source name."""

    root: str  #: absolute path of the folder that the paths of recordings are relative to
    listed: Path | None = None  #: the list
    file: str | None = None  #: the name of the only file; None: those of the list, or all of the folder
    format: str | None = None  #: of the list, a key of lists/formats/registry.py; None: an ordinary list


def locate(source: Source, folder: Path) -> SourceFiles:
    """The folder, list or file of a source, whose paths are relative to `folder`.

    Raises:
        RecipeError: there is no such folder, file or list, and the source is from a recipe.
        UsageError: the same for a source that is not.
    """
    root = os.path.abspath(folder / source.path)
    if source.manifest is not None:
        if not os.path.isdir(root):
            raise source_error(source, "path", f"there is no folder {root}", folder)
        listed = Path(os.path.abspath(folder / source.manifest))
        name = source.format or detect_format(listed)
        if not listed.is_file() and not (name and listed.is_dir()):
            raise source_error(source, "manifest", f"there is no list {listed}", folder)
        return SourceFiles(root, listed, format=name)
    name = source.format or (detect_format(root) if source.glob is None or os.path.isfile(root) else None)
    if name and os.path.isdir(root):
        return SourceFiles(root, Path(root), format=name)
    if name and os.path.isfile(root):
        return SourceFiles(os.path.dirname(root), Path(root), format=name)  # noqa: PTH120
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
    """Check that the folders, files and lists of a recipe exist. Raises RecipeError that names all that do not."""
    mistakes: list[str] = []
    for source in sources:
        try:
            locate(source, folder)
        except RecipeError as error:
            mistakes += error.mistakes
    if mistakes:
        raise RecipeError(mistakes)


def source_error(source: Source, key: str, text: str, folder: Path | None = None) -> SynthError:
    """An error about a source: at the place of `key` in its recipe, if it is from one.

    Args:
        source: what the error is about.
        key: of the source in the recipe.
        text: what is wrong.
        folder: the recipe's, if the text names a path that is relative to it.
    """
    place = source.positions.get(key) or source.positions.get("")
    if place is None:
        return UsageError(f"source {source.name!r}: {text}")
    if folder is not None:
        text += f"; paths are relative to the recipe's folder, {folder}"
    return RecipeError([str(place.mistake(text))])


def path_kind(path: Path) -> PathKind | None:
    """What a path on the command line is; None if nothing is there.

    A file without a suffix of audio is a list: reading it says what is wrong with it.
    """
    if path.is_dir():
        return "folder"
    if not path.is_file():
        return None
    return "audio" if path.suffix[1:].lower() in EXTENSIONS | UNREAD else "list"


LIST_NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "manifest.jsonl", "manifest.json", "manifest.csv")
"""Names of a list that describes the files of the folder in which it is found."""


def source_from_path(
    path: Path, *, name: str = "noise", glob: str | None = None, list_names: Sequence[str] = ()
) -> Source:
    """The source that a path on the command line means.

    Args:
        path: a folder of audio, a list of files, or one file of audio.
        name: of the source.
        glob: chooses files of a folder.
        list_names: a list of one of these names in the folder describes its files.

    Raises:
        UsageError: nothing is there, or there is a glob but no folder.
    """
    kind, absolute = path_kind(path), Path(os.path.abspath(path))
    if kind is None:
        raise UsageError(f"there is no folder, list or file {path}")
    if kind == "folder":
        listed = next((absolute / each for each in list_names if (absolute / each).is_file()), None)
        return Source(name=name, path=str(absolute), glob=glob, manifest=None if listed is None else str(listed))
    if not glob and detect_format(absolute):
        return Source(name=name, path=str(absolute))
    if glob:
        what = "a list" if kind == "list" else "a file"
        raise UsageError(f"--glob chooses files of a folder, but {path} is {what}")
    if kind == "list":
        return Source(name=name, path=str(absolute.parent), manifest=str(absolute))
    return Source(name=name, path=str(absolute))
