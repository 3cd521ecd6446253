"""Sources that are folders: every file with an audio extension, or those that a glob names."""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from synth.audio.file_names import EXTENSIONS, UNREAD, extension, glob_matcher, unread_message
from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.paths.folders import is_data_set, is_export
from synth.text import count_of, printable

_KINDS_SHOWN: Final = 8


def walk_folder(
    root: Path, *, glob: str | None = None, passed_over: Counter[str] | None = None, data_sets: bool = False
) -> Iterator[AudioRow | BadInput]:
    """Find the audio files below a folder.

    Names that begin with a dot are skipped. Links to folders are refused, not followed: they may lead out of the root,
    or round in a circle.

    Args:
        root: the folder.
        glob: chooses files; None: all with a known extension (in any case). Audio that is not read here is refused.
        passed_over: counts the other files by their kind, if there is no glob.
        data_sets: also take the clips of data sets of `synth`. Otherwise such folders are refused: their clips are
            mixtures, not recordings.

    Yields:
        Files and refusals, in the order of their names within each folder.
    """
    if glob is not None:
        return _walk(str(root), "", glob_matcher(glob), None, data_sets)
    counts = Counter() if passed_over is None else passed_over
    return _walk(str(root), "", lambda path: extension(path) in EXTENSIONS, counts, data_sets)


def passed_over_note(passed_over: Mapping[str, int]) -> str | None:
    """`7 files skipped: 5 .txt, 2 hidden`; None if there are none."""
    if not passed_over:
        return None
    total = sum(passed_over.values())
    kinds = sorted(passed_over.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [f"{count} {kind}" for kind, count in kinds[:_KINDS_SHOWN]]
    if num_others := sum(count for _, count in kinds[_KINDS_SHOWN:]):
        shown.append(f"{num_others} others")
    return f"{count_of(total, 'file')} skipped: {', '.join(shown)}"


def _walk(
    folder: str, prefix: str, matches: Callable[[str], object], passed_over: Counter[str] | None, data_sets: bool
) -> Iterator[AudioRow | BadInput]:
    """`passed_over` is None if a glob chooses the files: the others are left out on purpose."""
    try:
        with os.scandir(folder) as entries:
            listing = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield BadInput("missing", printable(prefix or folder), f"the folder cannot be read: {error.strerror}", "scan")
        return
    names = {entry.name for entry in listing}
    if prefix and not data_sets and (is_data_set(folder, names) or is_export(folder, names)):
        what = "a data set that synth made" if is_data_set(folder, names) else "an export of a data set that synth made"
        text = f"{what}: its clips are mixtures, and are not read as recordings"
        yield BadInput("data_set", printable(prefix.rstrip("/")), text, "scan")
        return
    for entry in listing:
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
        elif passed_over is not None and extension(path) in UNREAD:
            yield BadInput("unsupported", printable(path), unread_message(path), "scan")
        elif passed_over is not None:
            passed_over[f".{extension(path)}" if "." in entry.name else "without extension"] += 1
