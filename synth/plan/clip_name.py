"""Which clip a person means: by its id, the beginning of its id, or the path of its file."""

from __future__ import annotations

import heapq
import os
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Protocol

from synth.audio.formats import FORMATS
from synth.errors import UsageError
from synth.text import listed

_AUDIO = tuple(f".{name}" for name in FORMATS)
_COMPARED = 20_000  # ids that are compared letter by letter; if there are more, those that begin most alike


class ClipIds(Protocol):
    """What a plan offers about its clips."""

    def __len__(self) -> int: ...

    def clip_id(self, index: int) -> str:
        """The id of a clip."""
        ...

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id."""
        ...


def find_clip(clips: ClipIds, name: str, folder: Path) -> int:
    """The index of a clip.

    Args:
        clips: the clips of the data set.
        name: an id, the beginning of only one id, or the path of an audio file or stem of the clip (relative to the
            data set, relative to the working folder, or absolute), also of one in a tar file.
        folder: the data set's folder.

    Raises:
        UsageError: no clip, or several clips, have this name; or the file is outside the data set.
    """
    identifier, is_path = name, "/" in name or name.endswith(_AUDIO)
    if is_path:
        path = Path(name)
        is_there = path.exists() or path.parent.is_file()  # or a member of a tar file
        if is_there and Path(os.path.realpath(folder)) not in Path(os.path.realpath(path)).parents:
            raise UsageError(f"{name} is not a file of the data set {folder}; give a clip of this data set")
        # ids have no dots, but the name of a stem ends with `.noise.flac`
        identifier = PurePosixPath(name).name.split(".", 1)[0]
    index = clips.find(identifier)
    if index is not None:
        return index
    ids = [clips.clip_id(index) for index in range(len(clips))]
    matching = [index for index, clip_id in enumerate(ids) if identifier and clip_id.startswith(identifier)]
    if len(matching) == 1 and not is_path:
        return matching[0]
    if matching:
        shown = listed([ids[index] for index in matching])
        raise UsageError(f"{folder}: {len(matching)} clips begin with {name!r}: {shown}; give more of the id")
    raise UsageError(f"{folder} has no clip {name!r}; the closest ids are {', '.join(_closest_ids(identifier, ids))}")


def _closest_ids(name: str, ids: list[str]) -> list[str]:
    """The ids most like the name, the likeliest first; those that begin most like it if none is alike."""

    def length_in_common(clip_id: str) -> int:
        return next(
            (k for k, (a, b) in enumerate(zip(clip_id, name, strict=False)) if a != b), min(len(clip_id), len(name))
        )

    compared = ids if len(ids) <= _COMPARED else heapq.nlargest(_COMPARED, ids, key=length_in_common)
    return get_close_matches(name, compared, n=3, cutoff=0.3) or heapq.nlargest(3, compared, key=length_in_common)
