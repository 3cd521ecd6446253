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
from synth.dataset.json_checks import count, fault, length, list_of, mapping, mapping_of, object_of, positive, text
from synth.dataset.old_formats import PLAN_KEYS, RENAMED_SINCE, refuse_format
from synth.dataset.reader import DataFile
from synth.errors import UsageError
from synth.paths import output_path
from synth.plan.plan import FORMAT_VERSION
from synth.text import listed
from synth.version import __version__

_LIBRARIES: Final = ("numpy", "scipy", "soundfile", "soxr", "librosa", "audiomentations", "python-stretch")
_MOST_SHOWN: Final = 20
_NEW_LINE: Final = "\n  "
_ABSENT: Final = "(absent)"
_HEADER: Final = object_of(
    {
        "plan_digest": text,
        "recipe": mapping,
        "recipe_text": text,
        "input_digests": mapping_of(text),
        "clips": count,
        "shard_size": positive,
        "sample_rate": positive,
        "splits": list_of(text),
        "num_inputs": count,
        "max_bad": length,
        "stages": list_of(text),
        "refused": list_of(object_of({"code": text, "path": text})),
        "roots": mapping_of(text),
        "recipe_folder": text,
        "ledger": mapping,
        "versions": mapping_of(text),
        "format_version": count,
    }
)


def library_versions() -> dict[str, str]:
    """Versions of all that makes bytes: the libraries, and the codecs inside libsndfile."""
    import soundfile

    versions = {"synth": __version__, "libsndfile": str(soundfile.__libsndfile_version__)}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = _ABSENT
    return versions


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """What a data set is made from. All of it decides bytes, except the texts, the folders and the ledger."""

    plan_digest: str
    recipe: Mapping[str, Any]  # the resolved recipe as JSON values
    recipe_text: str  # the same as YAML
    input_digests: Mapping[str, str]  # `Plan.part_digests`
    clips: int
    shard_size: int  # clips
    sample_rate: int  # Hz
    splits: tuple[str, ...]
    num_inputs: int  # recordings that were looked at
    max_bad: float  # of the inputs: a share if below 1, else a count
    stages: tuple[str, ...] = ()  # of training, in their order
    refused: tuple[Mapping[str, Any], ...] = ()  # quarantine rows of the inputs that the scan refused
    roots: Mapping[str, str] = field(default_factory=dict)  # source -> absolute folder on the machine that planned
    recipe_folder: str = ""
    ledger: Mapping[str, Any] = field(default_factory=dict)  # use of the noise by the plan (plan/noise_use.py)
    versions: Mapping[str, str] = field(default_factory=library_versions)
    format_version: int = FORMAT_VERSION

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.clips // self.shard_size)

    def to_json(self) -> str:
        """The text of `plan.json`."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def read_plan_header(dataset: DatasetDir) -> PlanHeader:
    """The header of the plan in a data set's directory.

    Raises:
        UsageError: nothing was ever planned there, or by a version of synth with another format.
        DamagedDataset: the header is damaged.
    """
    if not os.path.lexists(dataset.plan_header):
        if os.path.lexists(dataset.dataset_json):
            raise UsageError(
                f"{dataset.path} is a finished data set without its folder .synth, so there is no plan and no state of "
                f"a run to read; `synth verify {dataset.path}` checks its files"
            )
        raise UsageError(f"{dataset.path} is not a data set of synth: {dataset.plan_header} is missing")
    file = DataFile(dataset.plan_header, dataset.path)
    values = file.json()
    version = values.get("format_version") if isinstance(values, dict) else None
    if isinstance(version, int):
        renamed = PLAN_KEYS if version < RENAMED_SINCE else {}
        refuse_format(dataset.plan_header, "format_version", version, FORMAT_VERSION, renamed)
    problem = fault(_HEADER, values)
    if problem is not None:
        raise file.error(problem)
    header = {name: values[name] for name in (f.name for f in fields(PlanHeader))}
    header |= {name: tuple(header[name]) for name in ("splits", "stages", "refused")}
    return PlanHeader(**header)


def publish_plan_header(dataset: DatasetDir, header: PlanHeader) -> bool:
    """Make `header` the plan of this directory.

    The plan's data must be in place: whoever reads the header may start to work.

    Returns:
        Whether it is new there; False if the directory has it already.

    Raises:
        UsageError: the directory holds the plan of something else (with a diff), or holds files but no plan.
    """
    if dataset.plan_header.exists():
        check_same_plan(read_plan_header(dataset), header, dataset)
        return False
    output_path.check_data_set(dataset.path)
    files.create_file(dataset.plan_header, header.to_json().encode(), temp_folder=dataset.temp)
    return True


def check_same_plan(old: PlanHeader, new: PlanHeader, dataset: DatasetDir) -> None:
    """Raise UsageError, with both values of whatever differs, if two plans would not give the same data set."""
    lines = list(differences(old, new))
    if lines:
        raise UsageError(
            f"{dataset.path} holds another data set; these have changed since it was begun (then -> now):\n"
            f"  {listed(lines, _MOST_SHOWN, separator=_NEW_LINE)}\n"
            "Run with the old settings to resume, or choose another --out."
        )


def has_same_recipe(old: PlanHeader, new: PlanHeader) -> bool:
    """Whether both plans are of the same recipe, so that any difference lies in their inputs or libraries."""
    return next(_diff("", old.recipe, new.recipe), None) is None


_INPUT_NAMES: Final = {
    "format": "format of the plan",
    "speech": "speech recordings",
    "noise": "noise recordings",
    "noise_pools": "division of the noise into pools",
    "rooms": "rooms",
    "cases": "cases of the conditions",
}


def differences(old: PlanHeader, new: PlanHeader) -> Iterator[str]:
    """What differs between two plans, one line each, `key: then -> now`; nothing if they give the same data set."""
    settings = list(_diff("", old.recipe, new.recipe))
    yield from settings
    for name in sorted({*old.input_digests, *new.input_digests}):
        then, now = (header.input_digests.get(name, _ABSENT) for header in (old, new))
        if then != now and not (name == "recipe" and settings):
            yield f"{_INPUT_NAMES.get(name, name)} (digest): {then[:12]} -> {now[:12]}"
    yield from _diff("version of ", old.versions, new.versions)
    if old.plan_digest != new.plan_digest and not settings:
        yield f"digest of the plan: {old.plan_digest[:12]} -> {new.plan_digest[:12]}"


def _diff(prefix: str, old: Any, new: Any) -> Iterator[str]:
    """Leaves that differ between two JSON values, `dotted.key: then -> now`, with `prefix` in front of each key."""
    if isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        old, new = (dict(zip(map(str, range(len(old))), values, strict=True)) for values in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        dot = "" if not prefix or prefix.endswith(" ") else "."
        for name in sorted({*old, *new}, key=lambda name: (len(name), name) if name.isdecimal() else (0, name)):
            yield from _diff(f"{prefix}{dot}{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif old != new:
        then, now = (
            value if value == _ABSENT else json.dumps(value, sort_keys=True, ensure_ascii=False, default=list)
            for value in (old, new)
        )
        yield f"{prefix}: {then} -> {now}"
