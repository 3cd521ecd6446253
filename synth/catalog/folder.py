"""Sources that are folders: every file with an audio extension, or those that a glob names."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from synth.catalog.list_row import Row
from synth.errors import BadInput
from synth.text import printable

EXTENSIONS = frozenset(
    ("wav", "wave", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf")
)


def walk_folder(root: Path, *, pattern: str | None = None) -> Iterator[Row | BadInput]:
    """Files below `root` and refusals, in the order of their names within each folder.

    Without a pattern those with a known extension (in any case). Names that begin with a dot are passed over. Links to
    folders are not followed, but refused by name: they may lead out of the root, or round in a circle.
    """
    return _walk(str(root), "", _has_known_extension if pattern is None else glob_matcher(pattern))


def _walk(folder: str, prefix: str, matches: Callable[[str], object]) -> Iterator[Row | BadInput]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield BadInput("missing", printable(prefix or folder), f"the folder cannot be read: {error.strerror}", "scan")
        return
    for entry in found:
        path = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, path + "/", matches)
        elif entry.is_symlink() and entry.is_dir():
            text = "a link to a folder; name that folder as a source"
            yield BadInput("forbidden_path", printable(path), text, "scan")
        elif matches(path):
            yield Row(path)


def _has_known_extension(path: str) -> bool:
    return path.rpartition(".")[2].lower() in EXTENSIONS


def glob_matcher(pattern: str) -> Callable[[str], object]:
    """A test for relative paths: `*` and `?` stay within one name, `**/` is any number of folders, `[ab]` a choice."""
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", pattern.removeprefix("./"), re.DOTALL):
        parts.append(_GLOB.get(token) or _literal(token))
    return re.compile("".join(parts), re.DOTALL).fullmatch


_GLOB = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def _literal(token: str) -> str:
    if len(token) == 1:
        return re.escape(token)
    inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
    return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
