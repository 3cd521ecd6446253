"""Which clip a person means: by its id, the beginning of its id, or the path of its file."""

from __future__ import annotations

import heapq
import os
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Protocol

from synth.errors import UsageError

_AUDIO = (".flac", ".wav")
_SHOWN = 5
_COMPARED = 20_000  # ids that are compared letter by letter; of more, those that begin most alike


class Clips(Protocol):
    """What a plan knows about its clips."""

    def __len__(self) -> int: ...

    def clip_id(self, index: int) -> str: ...


def find_clip(clips: Clips, name: str, folder: Path) -> int:
    """The index of a clip.

    Args:
        clips: the clips of the data set.
        name: an id, the beginning of one id only, or the path of an audio file or stem of the clip (relative to the
            data set, relative to the working folder, or absolute).
        folder: the data set's folder.

    Raises:
        UsageError: no clip, or several clips, have this name; or the file lies outside the data set.
    """
    identifier = _id_of_path(name, folder) if _is_path(name) else name
    ids = [clips.clip_id(index) for index in range(len(clips))]
    if identifier in ids:
        return ids.index(identifier)
    starting = [index for index, one in enumerate(ids) if identifier and one.startswith(identifier)]
    if len(starting) == 1 and not _is_path(name):
        return starting[0]
    if starting:
        shown = ", ".join(ids[index] for index in starting[:_SHOWN])
        more = f" and {len(starting) - _SHOWN} more" if len(starting) > _SHOWN else ""
        raise UsageError(f"{folder}: {len(starting)} clips begin with {name!r}: {shown}{more}; give more of the id")
    raise UsageError(f"{folder} has no clip {name!r}; the closest ids are {', '.join(_closest(identifier, ids))}")


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(_AUDIO)


def _id_of_path(name: str, folder: Path) -> str:
    """The id in the name of a clip's file. Ids have no dots, so that a stem's name ends with `.noise.flac`."""
    path = Path(name)
    if path.exists() and Path(os.path.realpath(folder)) not in Path(os.path.realpath(path)).parents:
        raise UsageError(f"{name} is not a file of the data set {folder}; give a clip of this data set")
    return PurePosixPath(name).name.split(".", 1)[0]


def _closest(name: str, ids: list[str]) -> list[str]:
    """The ids most like the name, the likeliest first; those that begin most like it if none is alike."""

    def in_common(one: str) -> int:
        return next((k for k, (a, b) in enumerate(zip(one, name, strict=False)) if a != b), min(len(one), len(name)))

    some = ids if len(ids) <= _COMPARED else heapq.nlargest(_COMPARED, ids, key=in_common)
    return get_close_matches(name, some, n=3, cutoff=0.3) or heapq.nlargest(3, some, key=in_common)
