"""The noise that a path on the command line means, decoded: what `synth noise` and `synth grow` begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synth.audio.cache import cache_folder
from synth.catalog.catalog import Catalog
from synth.catalog.recording import Refusal
from synth.catalog.scan import Progress, scan
from synth.catalog.source_files import source_from_path
from synth.errors import UsageError
from synth.recipe.model import Limits
from synth.text import listed

if TYPE_CHECKING:
    from synth.catalog.noise_store import NoiseStore


@dataclass(frozen=True, slots=True)
class ScannedNoise:
    """Recordings of noise, decoded at the sample rate that they are used at."""

    catalog: Catalog
    store: NoiseStore
    usable: tuple[int, ...]  # indices of the recordings that have usable sound
    refused: tuple[Refusal, ...]


def scan_noise(
    path: Path, *, sample_rate: int, glob: str | None = None, jobs: int = 1, progress: Progress | None = None
) -> ScannedNoise:
    """Scan and decode the noise of a folder, a list or a file.

    Args:
        path: the folder, list (CSV or JSON lines) or file.
        sample_rate: Hz, at which the noise is used.
        glob: use only files of the folder that match.
        jobs: worker processes.
        progress: called with (what, number of files, number of all).

    Raises:
        UsageError: there is no such folder, list or file, or nothing in it can be used.
        StorageError: the cache cannot be written.
    """
    from synth.catalog.noise_store import prepare_noise  # brings soxr, which `--help` does not need

    limits, cache = Limits(), cache_folder()
    source = source_from_path(path, glob=glob)
    catalog = scan([source], folder=Path.cwd(), kind="noise", limits=limits, cache=cache, jobs=jobs, progress=progress)
    store = prepare_noise(catalog, sample_rate=sample_rate, limits=limits, cache=cache, jobs=jobs, progress=progress)
    usable = tuple(index for index in range(len(store)) if store.stretches(index))
    refused = (*catalog.refused, *store.refused)
    if not usable:
        reasons = [f"{refusal.path}: {refusal.code}: {refusal.message}" for refusal in refused]
        lines = [f"{path}: no usable audio in it", listed(reasons, 10, separator="\n  ")]
        raise UsageError("\n  ".join(lines).rstrip())
    return ScannedNoise(catalog, store, usable, refused)
