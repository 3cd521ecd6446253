"""Sources that are folders: every file with an audio extension, or those that a glob names."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.paths.folders import is_data_set
from synth.text import printable

EXTENSIONS = frozenset(
    ("wav", "wave", "rf64", "w64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf")
)
UNREAD = frozenset(
    ("m4a", "m4b", "aac", "adts", "wma", "webm", "weba", "amr", "awb", "3ga", "ac3", "eac3", "alac", "ape", "wv", "tta",
     "spx", "sph", "nist", "gsm", "ra", "ram", "mka", "mpc", "dsf", "dff", "mp2", "qcp", "voc", "8svx")
)  # fmt: skip
"""Extensions of audio that is not read here: such files are refused by name, never passed over in silence."""

_KINDS_SHOWN = 8


def walk_folder(
    root: Path, *, glob: str | None = None, passed_over: Counter[str] | None = None, data_sets: bool = False
) -> Iterator[AudioRow | BadInput]:
    """Files below `root` and refusals, in the order of their names within each folder.

    Without a glob those with a known extension (in any case); audio that is not read here is refused, and all other
    files are counted in `passed_over` by their kind. Names that begin with a dot are passed over. Links to folders are
    not followed, but refused by name: they may lead out of the root, or round in a circle. So is a folder below the
    root that is a data set of `synth`, unless `data_sets`: its clips are mixtures, not recordings.
    """
    if glob is None:
        return _walk(str(root), "", _has_known_extension, Counter() if passed_over is None else passed_over, data_sets)
    return _walk(str(root), "", glob_matcher(glob), None, data_sets)


def passed_over_note(passed_over: Mapping[str, int]) -> str | None:
    """`7 files passed over: 5 .txt, 2 hidden`; None where there are none."""
    if not passed_over:
        return None
    total = sum(passed_over.values())
    kinds = sorted(passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [f"{count} {kind}" for kind, count in kinds[:_KINDS_SHOWN]]
    others = sum(count for _, count in kinds[_KINDS_SHOWN:])
    shown += [f"{others} others"] if others else []
    return f"{total} file{'' if total == 1 else 's'} passed over: {', '.join(shown)}"


def _walk(
    folder: str, prefix: str, matches: Callable[[str], object], passed_over: Counter[str] | None, data_sets: bool
) -> Iterator[AudioRow | BadInput]:
    """`passed_over` is None where a glob chooses the files: the others are left out on purpose."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield BadInput("missing", printable(prefix or folder), f"the folder cannot be read: {error.strerror}", "scan")
        return
    if prefix and not data_sets and is_data_set(folder, {entry.name for entry in found}):
        text = "a data set that synth made: its clips are mixtures, and are not read as recordings"
        yield BadInput("data_set", printable(prefix.rstrip("/")), text, "scan")
        return
    for entry in found:
        path = prefix + entry.name
        if entry.name.startswith("."):
            if passed_over is not None:
                passed_over["hidden"] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, path + "/", matches, passed_over, data_sets)
        elif entry.is_symlink() and entry.is_dir():
            text = "a link to a folder; name that folder as a source"
            yield BadInput("forbidden_path", printable(path), text, "scan")
        elif matches(path):
            yield AudioRow(path)
        elif passed_over is not None and _extension(path) in UNREAD:
            yield BadInput("unsupported", printable(path), unread_message(path), "scan")
        elif passed_over is not None:
            passed_over[_kind(path)] += 1


def _extension(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def _has_known_extension(path: str) -> bool:
    return _extension(path) in EXTENSIONS


def unread_message(path: str) -> str:
    """Why a file of audio that is not read here is refused, and what to do."""
    return f"audio of the kind .{_extension(path)} is not read; convert it to FLAC or WAV"


def _kind(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{_extension(name)}" if "." in name else "without extension"


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
