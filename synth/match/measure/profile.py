"""A profile: the features of every clip of a set, in one self-describing file.

JSON lines: a header (format, version, what was measured and in which units, where from), then a row a clip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from synth.dsp.arrays import Matrix
from synth.errors import UsageError
from synth.lists.source_text import json_object, text_lines
from synth.match.measure.features import BAND_NAMES, FEATURES, RUMBLE_NAMES, Values, matrix
from synth.paths import output_path
from synth.text import short_repr

FORMAT = "synth-profile"
VERSION = 1
_KINDS: Final = {str: "a text", int: "a whole number", dict: "an object", list: "a list"}
_MAX_HEADER: Final = 1_000_000  # bytes; a longer first line is not that of a profile
_MOST_CLIPS: Final = 10**12
_DECIBELS: Final = ("_db", "_dbfs", *BAND_NAMES, *RUMBLE_NAMES)  # ends of names
_LIMIT_DB: Final = 1000.0
_LIMIT: Final = 1e7  # Hz, seconds, shares


@dataclass(frozen=True, slots=True)
class ClipProfile:
    """One clip. `group`: clips of one group are not independent (a speaker, a session, a noise recording).

    `flags`: why estimates of this clip are not to be trusted (`trimmed`, `unsteady`, `short`, ...). `truth`: the true
    values of features where the set is ours and the manifest tells them. `split` and `condition` as in a manifest.
    """

    path: str
    group: str
    features: Values
    flags: tuple[str, ...] = ()
    truth: Mapping[str, float] | None = None
    split: str | None = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A measured set. `root`: the folder that paths are relative to. `total`: clips in the set, of which `clips` were
    measured. `sample_rates`: rate in Hz -> number of clips."""

    name: str
    root: str
    total: int
    sample_rates: Mapping[str, int]
    clips: tuple[ClipProfile, ...]
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> Matrix:
        """Shape (clips, len(FEATURES)), on the scales of comparison, NaN where not measured."""
        return matrix([clip.features for clip in self.clips])

    @property
    def groups(self) -> list[str]:
        return [clip.group for clip in self.clips]

    @property
    def group_notes(self) -> list[str]:
        """How the groups were made: what a result on held-out groups rests on."""
        return [note for note in self.notes if note.startswith("groups: ")]


def write_profile(profile: Profile, path: Path) -> None:
    """Raises UsageError, StorageError as `synth.paths.output_path.write`."""
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
    """Read a profile, and check the type and range of all that is in it.

    Raises:
        UsageError: not a profile, of another version, or damaged; it names the line and the field.
    """
    lines = text_lines(path)
    where = f"{path}:1"
    header = json_object(next(lines, ""), where)
    if header.get("format") != FORMAT:
        raise UsageError(f"{path} is not a profile; `synth profile SET --out FILE` makes one")
    if header.get("version") != VERSION:
        raise UsageError(
            f"{path} has version {short_repr(header.get('version'))}; this synth reads {VERSION}: profile it again"
        )
    clips = tuple(_clip(json_object(line, f"{path}:{k}"), f"{path}:{k}") for k, line in enumerate(lines, start=2))
    if len(clips) != header.get("clips"):
        raise UsageError(
            f"{path} has {len(clips)} clips where its header says {header.get('clips')!r}; profile it again"
        )
    rates = _numbers(header, "sample_rates", where)
    return Profile(
        name=_field(header, "name", where, str),
        root=_field(header, "root", where, str),
        total=_total(header, where),
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


def _clip(fields: Mapping[str, Any], where: str) -> ClipProfile:
    truth = _numbers(fields, "truth", where) if fields.get("truth") is not None else None
    return ClipProfile(
        path=_field(fields, "path", where, str),
        group=_field(fields, "group", where, str),
        features=_numbers(fields, "features", where),
        flags=_texts(fields, "flags", where),
        truth=None if truth is None else {name: value for name, value in truth.items() if value is not None},
        split=_field(fields, "split", where, str, optional=True),
        condition=_field(fields, "condition", where, str, optional=True),
    )


def _field(fields: Mapping[str, Any], name: str, where: str, kind: type, *, optional: bool = False) -> Any:
    value = fields.get(name)
    if value is None and optional:
        return None
    if name not in fields:
        raise UsageError(f"{where}: `{name}` is missing; profile the set again")
    if not isinstance(value, kind):
        raise UsageError(f"{where}: `{name}` is {short_repr(value)}, not {_KINDS[kind]}; profile the set again")
    return value


def _total(header: Mapping[str, Any], where: str) -> int:
    total: int = _field(header, "total", where, int)
    if not 0 <= total <= _MOST_CLIPS:
        raise UsageError(
            f"{where}: `total` is {short_repr(total)}, outside 0 to {_MOST_CLIPS:g}; profile the set again"
        )
    return total


def _texts(fields: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = _field(fields, name, where, list) if name in fields else []
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{where}: `{name}` is {short_repr(values)}, not a list of texts; profile the set again")
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
            "profile the set again"
        )
    return values


def selected(profile: Profile, indices: Sequence[int]) -> Profile:
    """Some of the clips, in this order."""
    clips = tuple(profile.clips[i] for i in indices)
    return Profile(profile.name, profile.root, profile.total, profile.sample_rates, clips, profile.notes)
