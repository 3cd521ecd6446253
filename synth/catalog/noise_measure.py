"""Measure the decoded recordings of a store, in parallel, and remember what was found by what was listened to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.cache import key_of, open_cache
from synth.catalog.catalog import Catalog
from synth.catalog.noise_store import NoiseStore
from synth.catalog.scan import Progress
from synth.dsp.analysis.features import VERSION, NoiseFeatures, measure
from synth.dsp.analysis.spectrum import Bandwidth, Line, Stretch
from synth.dsp.analysis.speech_in_noise import Speech
from synth.errors import BadInput
from synth.processes.isolate import Pool
from synth.recipe.model import Limits


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The samples of a decoded recording, read piece by piece: no memory, nor address space, for the whole of it."""

    path: str

    def __getitem__(self, piece: slice) -> npt.NDArray[np.int16]:
        found = np.fromfile(self.path, "<i2", count=piece.stop - piece.start, offset=2 * piece.start)
        return found.astype(np.int16, copy=False)


def measure_all(
    store: NoiseStore,
    catalog: Catalog,
    indices: Sequence[int],
    *,
    cache: Path,
    jobs: int,
    limits: Limits,
    progress: Progress | None = None,
) -> list[NoiseFeatures]:
    """The features of these recordings, in their order: from the cache, or measured by `jobs` processes.

    Raises UsageError where the cache has lost the samples, BadInput where a measurement does not end.
    """
    keys = {i: key_of("noise features", VERSION, store.sample_rate, *_heard(store, i)) for i in indices}
    found: dict[int, Mapping[str, Any]] = {}
    with contextlib.closing(open_cache(cache)) as known:
        answers = known.get(list(keys.values()))
        found.update((i, answers[key]) for i, key in keys.items() if key in answers)
        rest = [i for i in indices if i not in found]
        tasks = [_task(store, catalog, i) for i in rest]
        patience = [limits.timeout_s + float(catalog[i].seconds) / 20 for i in rest]
        with Pool(jobs) as pool:
            for k, answer in pool.map(f"{__name__}:measure_stored", tasks, timeout_s=patience, batch=8):
                if isinstance(answer, BadInput):
                    raise answer
                found[rest[k]] = answer
                if progress is not None:
                    progress("measuring noise", len(found), len(indices))
        known.put({keys[i]: found[i] for i in rest})
    return [_features(found[i]) for i in indices]


def _heard(store: NoiseStore, index: int) -> tuple[str, Sequence[Stretch]]:
    return store.pcm_digest(index), store.stretches(index)


def _task(store: NoiseStore, catalog: Catalog, index: int) -> tuple[str, str, Sequence[Stretch], float, int]:
    return catalog.file(index), store.file(index), store.stretches(index), store.scale(index), store.sample_rate


def measure_stored(
    path: str, stored: str, stretches: Sequence[Stretch], scale: float, sample_rate: int
) -> dict[str, Any]:
    """What a worker does with one recording; `path` is for messages. JSON values."""
    return asdict(measure(OnDisk(stored), stretches, scale=scale, sample_rate=sample_rate))


def _features(answer: Mapping[str, Any]) -> NoiseFeatures:
    return NoiseFeatures(
        level_dbfs=answer["level_dbfs"],
        level_sd_db=answer["level_sd_db"],
        bands_dbfs=tuple(answer["bands_dbfs"]),
        lines=tuple(Line(**line) for line in answer["lines"]),
        bandwidth=Bandwidth(**answer["bandwidth"]),
        speech=Speech(**answer["speech"]),
    )
