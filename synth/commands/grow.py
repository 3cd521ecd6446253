"""Synthesize noise to files, by the methods of a recipe's `grow`: to listen to, or as a source: `synth grow`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth import files
from synth.audio.encode import encode, quantize
from synth.catalog.scan import Progress
from synth.catalog.synthesized_noise import COLUMNS, NOISE_LIST, join_names
from synth.commands.scanned_noise import ScannedNoise, scan_noise
from synth.dataset.manifest import parameters_of
from synth.draws import clip_draws, integer_seed
from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Material
from synth.dsp.segments import Circle, read_circle
from synth.errors import UsageError
from synth.paths import output_path
from synth.plan.noise_choice import car_name, material_span
from synth.plan.schedule import NoiseRecording, Rotation
from synth.recipe.growing import read_grow_method
from synth.recipe.model import GrowMethod
from synth.text import csv_line, printable
from synth.units import db_to_gain, seconds_to_samples

__all__ = ["GrownFolder", "NoiseFile", "grow"]

_KIND = "file of synthesized noise"
_PEAK_DBFS = -1.0
_CROSSFADE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class NoiseFile:
    """A file of synthesized noise."""

    path: str  # relative to its folder
    seconds: float
    recording: str  # the recordings that it was synthesized from, or the virtual car
    parameters: dict[str, Any]  # of the method, as drawn


@dataclass(frozen=True, slots=True)
class GrownFolder:
    """A folder of synthesized noise."""

    folder: Path
    listed: Path  # a list that a recipe's source takes, with `recording_column: recording`
    method: str
    sample_rate: int  # Hz
    files: tuple[NoiseFile, ...]
    refused: tuple[str, ...]  # recordings that could not be used

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
    """Synthesize noise from recordings or from a model of a car, and write it to a new folder.

    The recordings take turns. If files of `file_seconds` would be fewer than the recordings, files are shorter, so that
    every recording has one of at least a second. The same arguments give the same bytes.

    Args:
        source: recordings: a folder, a list or a file; None for a method that uses none.
        out: the new folder, or an earlier result, which is replaced.
        method: one of those of `grow` in a recipe.
        minutes: length of all files together.
        file_seconds: length of a file; the last one is shorter.
        seed: random seed for the noise.
        sample_rate: Hz, of the files.
        settings: `KEY=VALUE` texts for the parameters of the method.
        jobs: worker processes.
        progress: called with (what, number of files, number of all).
        message: called with lines for a person.

    Raises:
        RecipeError: a parameter that the method does not have, or out of range.
        UsageError: no recordings, no source for a method that needs one, a source for one that uses none, or a folder
            that must not be written to (synth/paths/output_path.py).
        StorageError: the disk is full, or broken.
    """
    growth = read_grow_method(method, settings)
    output_path.check_folder(out, _KIND, inputs=(source,))
    uses_recordings = bool(growth.choice.kind().sources())
    if uses_recordings and source is None:
        raise UsageError(f"{method} synthesizes noise from recordings; name a folder, a list or a file of them")
    if source is not None and not uses_recordings:
        raise UsageError(
            f"{source}: {method} is a model of a car and uses no recordings. Omit SOURCE, or choose quilt, shaped or "
            "separate"
        )
    noise = None if source is None else scan_noise(source, sample_rate=sample_rate, jobs=jobs, progress=progress)
    synthesizer = _Synthesizer.of(growth, noise, sample_rate, seed)
    lengths = _file_lengths(minutes, file_seconds, sample_rate, recordings=len(synthesizer.circles))
    if message is not None and method == "separate":
        message("loading what separates tones from the rest; the first time on a machine this takes up to a minute")
    written = []
    for number, num_samples in enumerate(lengths):
        samples, file = synthesizer.synthesize(number, num_samples)
        output_path.write(out / file.path, _encode(samples, sample_rate), _KIND)
        written.append(file)
        if progress is not None:
            progress("synthesizing", number + 1, len(lengths))
    rows = [
        (f.path, f"{f.seconds:.6f}", sample_rate, f.recording, method, json.dumps(f.parameters, sort_keys=True))
        for f in written
    ]
    table = "".join(csv_line(row) for row in (COLUMNS, *rows))
    output_path.write(out / NOISE_LIST, table.encode("utf-8", "surrogateescape"), _KIND)
    # An earlier result may have had more files; `check_folder` has made sure that all of them are ours.
    names = {NOISE_LIST, *(file.path for file in written)}
    for path in sorted(out.iterdir()):
        if path.name not in names and output_path.is_unchanged(path, _KIND):
            files.remove_file(path)
    refused = () if noise is None else tuple(f"{r.path}: {r.code}: {r.message}" for r in noise.refused)
    return GrownFolder(out, out / NOISE_LIST, method, sample_rate, tuple(written), refused)


def _file_lengths(minutes: float, file_seconds: float, sample_rate: int, *, recordings: int) -> list[int]:
    """Samples of each file: shorter than `file_seconds` if that gives each recording a file of at least a second."""
    total, longest = seconds_to_samples(minutes * 60, sample_rate), seconds_to_samples(file_seconds, sample_rate)
    count = min(recordings, total // sample_rate)
    if count > -(-total // longest):
        longest = -(-total // count)
    return [min(longest, total - start) for start in range(0, total, longest)]


@dataclass(frozen=True, slots=True)
class _Synthesizer:
    """A method with its recordings, if it uses some."""

    growth: GrowMethod
    noise: ScannedNoise | None
    rotation: Rotation | None  # hands out the recordings in turn
    circles: dict[int, Circle]  # the usable sound of each recording, as a circle
    sample_rate: int  # Hz
    seed: int

    @classmethod
    def of(cls, growth: GrowMethod, noise: ScannedNoise | None, sample_rate: int, seed: int) -> _Synthesizer:
        """Prepare the usable sound of the recordings."""
        if noise is None:
            return cls(growth, None, None, {}, sample_rate, seed)
        fade = seconds_to_samples(_CROSSFADE_SECONDS, sample_rate)
        circles = {index: Circle.of(noise.store.stretches(index), crossfade=fade) for index in noise.usable}
        recordings = [NoiseRecording(i, noise.catalog.id(i), c.circumference) for i, c in circles.items()]
        rotation = Rotation(recordings, balance="recordings", sample_rate=sample_rate, seed=seed, name="grow")
        return cls(growth, noise, rotation, circles, sample_rate, seed)

    def synthesize(self, number: int, num_samples: int) -> tuple[Samples, NoiseFile]:
        """Synthesize file `number`.

        Returns:
            The samples, float64, shape (num_samples,), at the level of their recording; and what they are.
        """
        growth, key = self.growth, self.growth.choice.key
        draws = clip_draws(self.seed, f"{growth.name}-{number}")
        generator: Any = growth.choice.draw(draws)
        materials: list[Material] = []
        if self.noise is None or self.rotation is None:
            car = int(draws("car") * growth.cars)
            generator = replace(generator, car=car, car_seed=integer_seed(self.seed, key, "cars"))
            name = car_name(car)
        else:
            use = self.rotation.next_use(num_samples, endless=True)
            spans = [(use.recording, use.offset)]
            if generator.sources() > 1:  # some methods mix a second recording in
                others = [i for i in self.circles if i != use.recording] or [use.recording]
                second = others[int(draws(key + ".other") * len(others))]
                spans.append((second, int(draws(key + ".other_at") * self.circles[second].circumference)))
            name = join_names(printable(self.noise.catalog.path(i)) for i, _ in spans)
            materials = [self._material(self.noise, *span) for span in spans]
        samples = generator(num_samples, sample_rate=self.sample_rate, materials=materials)
        path = f"{growth.name}_{number:05}.flac"
        return samples, NoiseFile(path, num_samples / self.sample_rate, name, parameters_of(generator))

    def _material(self, noise: ScannedNoise, index: int, offset: int) -> Material:
        """What noise is synthesized from: sound of a recording from `offset` (samples on its circle) on."""
        circle = self.circles[index]
        start, count = material_span(circle, offset, self.sample_rate)
        joined = read_circle(noise.store.samples(index), circle, offset=start, num_samples=count)
        samples = np.rint(joined).clip(-32768, 32767).astype(np.int16)
        return Material(samples, scale=noise.store.scale(index), sample_rate=self.sample_rate)


def _encode(samples: Samples, sample_rate: int) -> bytes:
    """Encode samples as FLAC, turned down if they would clip."""
    peak = max(float(samples.max()), -float(samples.min()))
    gain = min(1.0, float(f"{db_to_gain(_PEAK_DBFS) / peak:.6g}")) if peak > 0 else 1.0
    return encode(quantize(samples * gain), sample_rate, "flac")
