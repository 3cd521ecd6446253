"""A profile: the features of every clip of a set, in one self-describing file.

JSON lines: a header (format, version, what was measured and in which units, where from), then a row per clip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from synth.dsp.arrays import Matrix
from synth.errors import UsageError
from synth.lists.table import read_table
from synth.match.measure.features import BAND_NAMES, FEATURES, RUMBLE_NAMES, FeatureValues, matrix
from synth.paths import output_path
from synth.text import short_repr

FORMAT = "synth-profile"
VERSION = 2
"""Version 1 is read, too: only the names of a feature and two flags have changed since (_NAMES_OF_VERSION_1)."""
_NAMES_OF_VERSION_1: Final = {
    "level_sd_db": "fluctuation_db",
    "unsteady": "non_stationary",
    "wavering": "fluctuating",
}
_KINDS: Final = {str: "a text", int: "a whole number", dict: "an object", list: "a list"}
_MAX_HEADER: Final = 1_000_000  # bytes; a longer first line is not that of a profile
_MAX_CLIPS: Final = 10**12
_DECIBELS: Final = ("_db", "_dbfs", *BAND_NAMES, *RUMBLE_NAMES)  # ends of names
_LIMIT_DB: Final = 1000.0
_LIMIT: Final = 1e7  # Hz, seconds, shares
_AGAIN: Final = "profile the set again"


@dataclass(frozen=True, slots=True)
class ClipProfile:
    """One clip."""

    path: str  # relative to the root of the profile, or absolute; `#t=from,to` for a part of a file (seconds)
    group: str  # clips of one group are not independent: a speaker, a session, a noise recording
    features: FeatureValues
    flags: tuple[str, ...] = ()  # what of this clip is not to be trusted, see synth.match.measure.clip.FLAGS
    truth: Mapping[str, float] | None = None  # true values of features, if the manifest of a set of ours has them
    split: str | None = None  # as in the manifest
    condition: str | None = None  # as in the manifest


@dataclass(frozen=True, slots=True)
class Profile:
    """A measured set."""

    name: str
    root: str  # the folder that paths are relative to
    total: int  # clips in the set; `clips` are those that were measured
    sample_rates: Mapping[str, int]  # rate in Hz -> number of clips
    clips: tuple[ClipProfile, ...]
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> Matrix:
        """The features on their scales of comparison, shape (clips, len(FEATURES)); NaN if not measured."""
        return matrix([clip.features for clip in self.clips])

    @property
    def groups(self) -> list[str]:
        """The group of each clip."""
        return [clip.group for clip in self.clips]

    @property
    def group_notes(self) -> list[str]:
        """How the groups were formed: what a result on held-out groups rests on."""
        return [note for note in self.notes if note.startswith("groups: ")]

    def at(self, indices: Sequence[int]) -> Profile:
        """The profile of some of the clips, in this order."""
        return replace(self, clips=tuple(self.clips[i] for i in indices))


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile.

    Raises:
        UsageError, StorageError: as `synth.paths.output_path.write`.
    """
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "name": profile.name,
        "root": profile.root,
        "total": profile.total,
        "clips": len(profile.clips),
        "sample_rates": dict(profile.sample_rates),
        "notes": list(profile.notes),
        "features": [
            {"name": f.name, "shown": f.shown, "unit": f.unit, "scale": f.scale, "tolerance": f.tolerance}
            for f in FEATURES
        ],
    }
    lines = [header, *(asdict(clip) for clip in profile.clips)]
    text = "".join(json.dumps(line, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    output_path.write(path, text.encode(), "profile")


def read_profile(path: Path) -> Profile:
    """Read a profile, and check the type and range of everything in it.

    Raises:
        UsageError: not a profile, of another version, or damaged; the message names the line and the field.
    """
    rows = iter(read_table(path, json_lines=True))
    where = f"{path}:1"
    first = next(rows, None)
    header = {} if first is None else first.fields
    if header.get("format") != FORMAT:
        raise UsageError(f"{path} is not a profile; `synth profile SET --out FILE` makes one")
    version = header.get("version")
    if version not in (1, VERSION):
        raise UsageError(
            f"{path} is a profile of version {short_repr(version)}, and this synth reads up to version {VERSION}: "
            f"{_AGAIN}, or update synth"
        )
    names = _NAMES_OF_VERSION_1 if version == 1 else {}
    clips = tuple(_read_clip(row.fields, row.where, names) for row in rows)
    if len(clips) != header.get("clips"):
        raise UsageError(f"{path} has {len(clips)} clips, but its header says {header.get('clips')!r}; {_AGAIN}")
    total: int = _field(header, "total", where, int)
    if not 0 <= total <= _MAX_CLIPS:
        raise UsageError(f"{where}: `total` is {short_repr(total)}, outside 0 to {_MAX_CLIPS:g}; {_AGAIN}")
    rates = _numbers(header, "sample_rates", where)
    return Profile(
        name=_field(header, "name", where, str),
        root=_field(header, "root", where, str),
        total=total,
        sample_rates={rate: round(count) for rate, count in rates.items() if count is not None},
        clips=clips,
        notes=_texts(header, "notes", where),
    )


def is_profile(path: Path) -> bool:
    """Whether a file is a profile, by its suffix `.profile` or its first line."""
    if not path.is_file():
        return False
    if path.suffix == ".profile":
        return True
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(_MAX_HEADER))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and header.get("format") == FORMAT


def _read_clip(fields: Mapping[str, Any], where: str, names: Mapping[str, str]) -> ClipProfile:
    """A row of the file. `names`: new name of each feature and flag of an earlier version."""
    features = _numbers(fields, "features", where)
    truth = _numbers(fields, "truth", where) if fields.get("truth") is not None else None
    return ClipProfile(
        path=_field(fields, "path", where, str),
        group=_field(fields, "group", where, str),
        features={names.get(name, name): value for name, value in features.items()},
        flags=tuple(names.get(flag, flag) for flag in _texts(fields, "flags", where)),
        truth=None if truth is None else {name: value for name, value in truth.items() if value is not None},
        split=_field(fields, "split", where, str, optional=True),
        condition=_field(fields, "condition", where, str, optional=True),
    )


def _field(fields: Mapping[str, Any], name: str, where: str, kind: type, *, optional: bool = False) -> Any:
    value = fields.get(name)
    if value is None and optional:
        return None
    if name not in fields:
        raise UsageError(f"{where}: `{name}` is missing; {_AGAIN}")
    if not isinstance(value, kind):
        raise UsageError(f"{where}: `{name}` is {short_repr(value)}, not {_KINDS[kind]}; {_AGAIN}")
    return value


def _texts(fields: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = _field(fields, name, where, list) if name in fields else []
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{where}: `{name}` is {short_repr(values)}, not a list of texts; {_AGAIN}")
    return tuple(values)


def _numbers(fields: Mapping[str, Any], name: str, where: str) -> dict[str, float | None]:
    """Numbers by name, in a range that no real clip leaves and that every formula can take."""
    values: dict[str, float | None] = _field(fields, name, where, dict)
    for key, value in values.items():
        limit = _LIMIT_DB if key.endswith(_DECIBELS) else _LIMIT
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit):
            continue
        raise UsageError(
            f"{where}: `{name}.{key}` is {short_repr(value)}; a number from {-limit:g} to {limit:g} or null is needed; "
            f"{_AGAIN}"
        )
    return values
