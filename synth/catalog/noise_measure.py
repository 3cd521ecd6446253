"""Measure the decoded recordings of a noise store, in parallel, and remember the results by their samples."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.cache import key_of, open_cache
from synth.audio.measured import ToMeasure, measure_once
from synth.catalog.catalog import Catalog
from synth.catalog.noise_store import NoiseStore
from synth.catalog.scan import Progress
from synth.dsp.analysis.features import VERSION, NoiseFeatures, measure_recording
from synth.dsp.analysis.spectrum import Bandwidth, TonalLine
from synth.dsp.analysis.speech_in_noise import SpeechFinding
from synth.dsp.segments import Stretch
from synth.errors import BadInput
from synth.processes.pool import Pool
from synth.recipe.model import Limits


@dataclass(frozen=True, slots=True)
class StoredSamples:
    """The samples of a decoded recording, read in segments: no memory, nor address space, for all of it."""

    path: str  #: of the store's file: int16, little-endian

    def __getitem__(self, span: slice) -> npt.NDArray[np.int16]:
        """The samples of a span with start and stop, shape (stop - start,), int16."""
        samples = np.fromfile(self.path, "<i2", count=span.stop - span.start, offset=2 * span.start)
        return samples.astype(np.int16, copy=False)


def measure_noise(
    store: NoiseStore,
    catalog: Catalog,
    indices: Sequence[int],
    *,
    cache: Path,
    jobs: int,
    limits: Limits,
    progress: Progress | None = None,
) -> list[NoiseFeatures]:
    """The features of some recordings, in their order: from the cache, or measured by `jobs` processes.

    Raises:
        UsageError: the cache has lost the samples.
        BadInput: a measurement does not end.
    """
    items: dict[int, ToMeasure] = {}
    for index in indices:
        stretches = store.stretches(index)
        key = key_of("noise features", VERSION, store.sample_rate, store.pcm_digest(index), stretches)
        path = catalog.file(index)
        arguments = (path, store.file(index), stretches, store.scale(index), store.sample_rate)
        items[index] = ToMeasure(path, key, arguments, limits.timeout_s + catalog[index].seconds / 20)

    def report(count: int) -> None:
        if progress is not None:
            progress("measuring noise", count, len(indices))

    with contextlib.closing(open_cache(cache)) as answers_by_key, Pool(jobs) as pool:
        answers = measure_once(
            items, f"{__name__}:measure_stored", pool=pool, cache=answers_by_key, batch=8, progress=report
        )
    for answer in answers.values():
        if isinstance(answer, BadInput):
            raise answer
    return [_features(answers[index]) for index in indices]


def measure_stored(
    path: str, stored: str, stretches: Sequence[Stretch], scale: float, sample_rate: int
) -> dict[str, Any]:
    """What a worker does with one recording: its features as JSON has them. `path` is for messages alone."""
    return asdict(measure_recording(StoredSamples(stored), stretches, scale=scale, sample_rate=sample_rate))


def _features(answer: Mapping[str, Any]) -> NoiseFeatures:
    return NoiseFeatures(
        level_dbfs=answer["level_dbfs"],
        level_sd_db=answer["level_sd_db"],
        bands_dbfs=tuple(answer["bands_dbfs"]),
        lines=tuple(TonalLine(**line) for line in answer["lines"]),
        bandwidth=Bandwidth(**answer["bandwidth"]),
        speech=SpeechFinding(**answer["speech"]),
    )
