"""The header of the plan on disk, `.synth/plan.json`: what is being made.

It is created once. A later run (a resume, another part) must have the same one, or it is refused with a diff: no data
set is ever a mixture of two recipes, two sets of inputs, or two versions of the libraries that make its bytes.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from synth import files
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.json_types import count, fault, length, list_of, mapping, mapping_of, object_of, positive, text
from synth.dataset.reader import DataFile
from synth.errors import UsageError
from synth.paths import output_path
from synth.plan.plan import FORMAT_VERSION
from synth.version import __version__

_LIBRARIES: Final = ("numpy", "scipy", "soundfile", "soxr", "librosa", "audiomentations", "python-stretch")
_MOST_SHOWN: Final = 20
_ABSENT: Final = "(absent)"
_HEADER: Final = object_of(
    {
        "fingerprint": text,
        "recipe": mapping,
        "recipe_text": text,
        "digests": mapping_of(text),
        "clips": count,
        "shard_size": positive,
        "sample_rate": positive,
        "splits": list_of(text),
        "inputs": count,
        "max_bad": length,
        "stages": list_of(text),
        "refused": list_of(object_of({"code": text, "path": text})),
        "roots": mapping_of(text),
        "recipe_folder": text,
        "planned": mapping,
        "versions": mapping_of(text),
        "format_version": count,
    }
)


def library_versions() -> dict[str, str]:
    """Versions of all that makes bytes: the libraries, and the codecs inside libsndfile."""
    import soundfile

    found = {"synth": __version__, "libsndfile": str(soundfile.__libsndfile_version__)}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = _ABSENT
    return found


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a data set is made from. Everything in it decides bytes, but the texts, the folders and `planned`.

    `recipe` is the resolved recipe as JSON values; `digests` are `Plan.fingerprints`; `inputs` counts the recordings
    that were looked at, and `refused` are the quarantine lines of those that the scan refused. `stages` are those of
    training in their order. `roots` are the absolute folders of the sources on the machine that planned. `planned` is
    the ledger of the plan.
    """

    fingerprint: str
    recipe: Mapping[str, Any]
    recipe_text: str
    digests: Mapping[str, str]
    clips: int
    shard_size: int
    sample_rate: int
    splits: tuple[str, ...]
    inputs: int
    max_bad: float
    stages: tuple[str, ...] = ()
    refused: tuple[Mapping[str, Any], ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    recipe_folder: str = ""
    planned: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=library_versions)
    format_version: int = FORMAT_VERSION

    @property
    def shards(self) -> int:
        return -(-self.clips // self.shard_size)

    def shard_clips(self, shard: int) -> range:
        """The clip indices of a shard."""
        return range(shard * self.shard_size, min((shard + 1) * self.shard_size, self.clips))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def read_plan_header(dataset: DatasetDir) -> PlanHeader:
    """The header of the plan in a data set's directory.

    Raises:
        UsageError: nothing was ever planned there, or by a version of synth with another format.
        DamagedDataset: the header is damaged.
    """
    if not os.path.lexists(dataset.plan_header):
        raise UsageError(_why_no_plan(dataset))
    file = DataFile(dataset.plan_header, dataset.path)
    values = file.json()
    version = values.get("format_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version != FORMAT_VERSION:
        raise UsageError(
            f"{dataset.path} was begun by a version of synth with format {version}, this one has format "
            f"{FORMAT_VERSION}: go on with that version, or make a new directory"
        )
    wrong = fault(_HEADER, values)
    if wrong is not None:
        raise file.error(wrong)
    known = {name: values[name] for name in (f.name for f in fields(PlanHeader))}
    known |= {name: tuple(known[name]) for name in ("splits", "stages", "refused")}
    return PlanHeader(**known)


def _why_no_plan(dataset: DatasetDir) -> str:
    if os.path.lexists(dataset.dataset_json):
        return (
            f"{dataset.path} is a finished data set without its folder .synth, so there is no plan and no state of a "
            f"run to read; `synth verify {dataset.path}` checks its files"
        )
    return f"{dataset.path} is not a data set of synth: {dataset.plan_header} is missing"


def publish_plan_header(dataset: DatasetDir, header: PlanHeader) -> bool:
    """Make `header` the plan of this directory. True when it is new there, False when the directory has it already.

    The plan's data must be in place: who finds the header may start to work.

    Raises:
        UsageError: the directory holds the plan of something else (with a diff), or holds files but no plan.
    """
    if dataset.plan_header.exists():
        check_same_plan(read_plan_header(dataset), header, dataset)
        return False
    check_fresh(dataset)
    files.create_file(dataset.plan_header, header.to_json().encode(), temp_folder=dataset.temp)
    return True


def check_fresh(dataset: DatasetDir) -> None:
    """A new data set gets a new directory, or an empty one. Raises UsageError."""
    output_path.check_data_set(dataset.path)


def check_same_plan(old: PlanHeader, new: PlanHeader, dataset: DatasetDir) -> None:
    """Raises UsageError with both values of whatever differs, where the two would not give the same data set."""
    lines = list(differences(old, new))
    if not lines:
        return
    more = [f"  ... and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
    shown = "\n".join([*(f"  {line}" for line in lines[:_MOST_SHOWN]), *more])
    raise UsageError(
        f"{dataset.path} holds another data set; these have changed since it was begun (then -> now):\n{shown}\n"
        "Run with the old settings to resume, or choose another --out."
    )


def has_same_recipe(old: PlanHeader, new: PlanHeader) -> bool:
    """Whether both plans are of the same recipe, so that any difference lies in their inputs or libraries."""
    return next(_diff("", old.recipe, new.recipe), None) is None


_INPUTS: Final = {
    "format": "format of the plan",
    "speech": "speech recordings",
    "noise": "noise recordings",
    "noise_pools": "division of the noise into pools",
    "rooms": "rooms",
    "cases": "cases of the conditions",
}


def differences(old: PlanHeader, new: PlanHeader) -> Iterator[str]:
    """What differs between two plans, one line each, `key: then -> now`; nothing when they give the same data set."""
    settings = list(_diff("", old.recipe, new.recipe))
    yield from settings
    for name in sorted({*old.digests, *new.digests}):
        if old.digests.get(name) == new.digests.get(name) or (name == "recipe" and settings):
            continue
        yield f"{_INPUTS.get(name, name)} (digest): {_short(old.digests.get(name))} -> {_short(new.digests.get(name))}"
    yield from _diff("version of ", old.versions, new.versions)
    if old.fingerprint != new.fingerprint and not settings:
        yield f"fingerprint of the plan: {_short(old.fingerprint)} -> {_short(new.fingerprint)}"


def _short(digest: object) -> str:
    return str(digest)[:12]


def _diff(prefix: str, old: Any, new: Any) -> Iterator[str]:
    """Leaves that differ between two JSON values, with their dotted keys."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _diff(_joined(prefix, name), old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for position, (then, now) in enumerate(zip(old, new, strict=True)):
            yield from _diff(_joined(prefix, str(position)), then, now)
    elif old != new:
        yield f"{prefix}: {_value(old)} -> {_value(new)}"


def _joined(prefix: str, name: str) -> str:
    return prefix + name if not prefix or prefix.endswith(" ") else f"{prefix}.{name}"


def _value(value: Any) -> str:
    return value if value == _ABSENT else json.dumps(value, sort_keys=True, ensure_ascii=False, default=list)
