"""Noise grown to files: the generators of a recipe's `grow`, to listen to, or to be used as a source of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synth import files
from synth.audio.cache import cache_folder
from synth.audio.encode import encode, quantise
from synth.catalog.catalog import Catalog
from synth.catalog.scan import Progress, scan
from synth.catalog.source_files import source_from_path
from synth.catalog.synthesized_noise import COLUMNS, NOISE_LIST, join_names
from synth.dataset.manifest import values_of
from synth.draws import clip_draws, integer_seed
from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Material
from synth.dsp.segments import Circle, read_circle
from synth.errors import UsageError
from synth.paths import output_path
from synth.plan.noise_choice import car_name, material_span
from synth.plan.schedule import NoiseRecording, Rotation
from synth.recipe.growing import read_growth
from synth.recipe.model import GrowMethod, Limits
from synth.text import csv_line, printable
from synth.units import db_to_gain, seconds_to_samples

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore

_KIND = "file of synthesized noise"
_PEAK_DBFS = -1.0
_CROSSFADE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class SynthesizedFile:
    """One file: where, how long, from which recording (or by which virtual car), with what parameters."""

    path: str
    seconds: float
    recording: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GrownFolder:
    """What `grow` has written. `listed` is a list that a recipe's source takes, with `recording_column: recording`."""

    folder: Path
    listed: Path
    method: str
    sample_rate: int
    files: tuple[SynthesizedFile, ...]
    refused: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Seconds of all files together."""
        return sum(file.seconds for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """What was written, as JSON values."""
        return {
            "out": str(self.folder),
            "list": str(self.listed),
            "method": self.method,
            "sampling_rate": self.sample_rate,
            "seconds": round(self.seconds, 6),
            "files": [asdict(file) for file in self.files],
            "refused": list(self.refused),
        }


def grow(
    source: Path | None,
    out: Path,
    *,
    method: str,
    minutes: float,
    file_seconds: float = 60.0,
    seed: int = 0,
    sample_rate: int = 16000,
    settings: Sequence[str] = (),
    jobs: int = 1,
    progress: Progress | None = None,
    message: Callable[[str], None] | None = None,
) -> GrownFolder:
    """Grow noise from the recordings of a folder, a list or one file, and write it to a new folder.

    `settings` are `KEY=VALUE` texts for the method's parameters. Files of `file_seconds`, the last one shorter, each
    from another recording in turn. If that makes fewer files than there are recordings, files are shorter, so that
    every recording has one of at least a second. The same arguments give the same bytes.

    Raises:
        RecipeError: a parameter that the method does not have, or out of range.
        UsageError: no recordings, no source where the method needs one, a source where it uses none, or a folder that
            must not be written to (synth/paths/output_path.py).
        StorageError: the disk is full, or broken.
    """
    growth = read_growth(method, settings)
    output_path.check_folder(out, _KIND, inputs=(source,))
    uses_recordings = bool(growth.choice.kind().sources())
    if uses_recordings and source is None:
        raise UsageError(f"{method} grows noise from recordings; name a folder, a list or a file of them")
    if source is not None and not uses_recordings:
        raise UsageError(
            f"{source}: {method} is a model of a car and uses no recordings. Omit SOURCE, or choose quilt, shaped or "
            "separate"
        )
    sources = _Sources.none(sample_rate) if source is None else _Sources.of(source, sample_rate, jobs, progress)
    made = []
    turns = None if source is None else sources.rotation(seed)
    lengths = _lengths(minutes, file_seconds, sample_rate, recordings=len(sources.circles))
    if message is not None and method == "separate":
        message("loading what separates tones from the rest; the first time on a machine this takes up to a minute")
    for k, count in enumerate(lengths):
        samples, file = _one(growth, sources, turns, k, count, seed)
        output_path.write(out / file.path, _encoded(samples, sample_rate), _KIND)
        made.append(file)
        if progress is not None:
            progress("growing", k + 1, len(lengths))
    listed = out / NOISE_LIST
    output_path.write(listed, _table(made, method, sample_rate), _KIND)
    _remove_others(out, {listed.name, *(file.path for file in made)})
    return GrownFolder(out, listed, method, sample_rate, tuple(made), sources.refused)


def _remove_others(out: Path, names: set[str]) -> None:
    """Remove what an earlier call wrote to the folder under other names; `check_folder` has seen that all is ours."""
    for path in sorted(out.iterdir()):
        if path.name not in names and output_path.is_unchanged(path, _KIND):
            files.remove_file(path)


def _lengths(minutes: float, file_seconds: float, sample_rate: int, *, recordings: int) -> list[int]:
    """Samples of each file: shorter files than asked for if that gives each recording one of at least a second."""
    total, each = seconds_to_samples(minutes * 60, sample_rate), seconds_to_samples(file_seconds, sample_rate)
    count = min(recordings, total // sample_rate)
    if count > -(-total // each):
        each = -(-total // count)
    return [min(each, total - start) for start in range(0, total, each)]


@dataclass(frozen=True, slots=True)
class _Sources:
    """The recordings that noise is grown from, decoded, each a circle of its usable sound."""

    sample_rate: int
    catalog: Catalog | None
    store: NoiseStore | None
    circles: dict[int, Circle]
    refused: tuple[str, ...]

    @classmethod
    def none(cls, sample_rate: int) -> _Sources:
        return cls(sample_rate, None, None, {}, ())

    @classmethod
    def of(cls, path: Path, sample_rate: int, jobs: int, progress: Progress | None) -> _Sources:
        from synth.catalog.noise_store import prepare_noise  # brings soxr

        cache, limits = cache_folder(), Limits()
        shared: dict[str, Any] = {"limits": limits, "cache": cache, "jobs": jobs, "progress": progress}
        catalog = scan([source_from_path(path)], folder=Path.cwd(), kind="noise", **shared)
        store = prepare_noise(catalog, sample_rate=sample_rate, **shared)
        fade = seconds_to_samples(_CROSSFADE_SECONDS, sample_rate)
        usable = {i: stretches for i in range(len(catalog)) if (stretches := store.stretches(i))}
        refused = tuple(f"{r.path}: {r.code}: {r.message}" for r in (*catalog.refused, *store.refused))
        if not usable:
            raise UsageError("\n".join([f"{path}: no usable audio in it", *(f"  {text}" for text in refused[:10])]))
        circles = {i: Circle.of(stretches, crossfade=fade) for i, stretches in usable.items()}
        return cls(sample_rate, catalog, store, circles, refused)

    def name(self, index: int) -> str:
        assert self.catalog is not None
        return printable(self.catalog.path(index))

    def rotation(self, seed: int) -> Rotation:
        assert self.catalog is not None
        recordings = [NoiseRecording(i, self.catalog.id(i), c.circumference) for i, c in self.circles.items()]
        return Rotation(recordings, balance="recordings", sample_rate=self.sample_rate, seed=seed, name="grow")

    def material(self, index: int, offset: int) -> Material:
        assert self.store is not None
        start, count = material_span(self.circles[index], offset, self.sample_rate)
        joined = read_circle(self.store.samples(index), self.circles[index], offset=start, num_samples=count)
        whole = np.rint(joined).clip(-32768, 32767).astype(np.int16)
        return Material(whole, scale=self.store.scale(index), sample_rate=self.sample_rate)


def _one(
    growth: GrowMethod, sources: _Sources, turns: Rotation | None, number: int, num_samples: int, seed: int
) -> tuple[Samples, SynthesizedFile]:
    """File `number`: samples, shape (num_samples,), at the level of their recording, and what they are."""
    rate, key = sources.sample_rate, growth.choice.key
    draws = clip_draws(seed, f"{growth.name}-{number}")
    generator: Any = growth.choice.draw(draws)
    places: list[tuple[int, int]] = []
    if turns is None:
        car = int(draws("car") * growth.cars)
        generator = replace(generator, car=car, car_seed=integer_seed(seed, key, "cars"))
        name = car_name(car)
    else:
        places.append(turns.next_use(num_samples, endless=True)[:2])
        if generator.sources() > 1:
            others = [i for i in sources.circles if i != places[0][0]] or [places[0][0]]
            other = others[int(draws(key + ".other") * len(others))]
            places.append((other, int(draws(key + ".other_at") * sources.circles[other].circumference)))
        name = join_names(sources.name(index) for index, _ in places)
    materials = [sources.material(*place) for place in places]
    samples = generator(num_samples, sample_rate=rate, materials=materials)
    path = f"{growth.name}_{number:05}.flac"
    return samples, SynthesizedFile(path, num_samples / rate, name, values_of(generator))


def _encoded(samples: Samples, sample_rate: int) -> bytes:
    """As FLAC, turned down where it would clip."""
    peak = max(float(samples.max()), -float(samples.min()))
    gain = min(1.0, float(f"{db_to_gain(_PEAK_DBFS) / peak:.6g}")) if peak > 0 else 1.0
    return encode(quantise(samples * gain), sample_rate, "flac")


def _table(made: Sequence[SynthesizedFile], method: str, sample_rate: int) -> bytes:
    lines = [csv_line(COLUMNS)]
    for file in made:
        parameters = json.dumps(file.parameters, sort_keys=True)
        lines.append(csv_line((file.path, f"{file.seconds:.6f}", sample_rate, file.recording, method, parameters)))
    return "".join(lines).encode("utf-8", "surrogateescape")
