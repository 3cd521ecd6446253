"""A profile: the features of every clip of a set, in one self-describing file.

JSON lines: a header (format, version, what was measured and in which units, where from), then a row a clip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synth import files
from synth.errors import UsageError
from synth.list_text import json_object, text_lines
from synth.match.features import FEATURES, Matrix, Values, matrix

FORMAT = "synth-profile"
VERSION = 1


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
    """Raises synth.files.StorageError."""
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
    files.write_file(path, text.encode())


def read_profile(path: Path) -> Profile:
    """Raises UsageError where it is no profile, of another version, or damaged; it names the line."""
    lines = text_lines(path)
    header = json_object(next(lines, ""), f"{path}:1")
    if header.get("format") != FORMAT:
        raise UsageError(f"{path} is not a profile; `synth profile SET --out FILE` makes one")
    if header.get("version") != VERSION:
        raise UsageError(f"{path} has version {header.get('version')!r}; this synth reads {VERSION}: profile it anew")
    clips = [_clip(json_object(line, f"{path}:{k}"), f"{path}:{k}") for k, line in enumerate(lines, start=2)]
    if len(clips) != header.get("clips"):
        raise UsageError(f"{path} has {len(clips)} clips where its header says {header.get('clips')}; profile it anew")
    rates = header.get("sample_rates", {})
    return Profile(header["name"], header["root"], header["total"], rates, tuple(clips), tuple(header.get("notes", ())))


def _clip(fields: Mapping[str, Any], where: str) -> ClipProfile:
    try:
        return ClipProfile(
            path=fields["path"],
            group=fields["group"],
            features=fields["features"],
            flags=tuple(fields.get("flags", ())),
            truth=fields.get("truth"),
            split=fields.get("split"),
            condition=fields.get("condition"),
        )
    except KeyError as error:
        raise UsageError(f"{where}: {error.args[0]} is missing") from None


def selected(profile: Profile, indices: Sequence[int]) -> Profile:
    """Some of the clips, in this order."""
    clips = tuple(profile.clips[i] for i in indices)
    return Profile(profile.name, profile.root, profile.total, profile.sample_rates, clips, profile.notes)
