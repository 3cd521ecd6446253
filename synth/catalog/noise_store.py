"""All noise of a recipe, decoded once: int16 at the rate of the data set, memory-mapped by every worker.

A recording is normalized to its peak, so that int16 is enough however quiet it is; `scale` brings it back. Files are in
the user's cache folder under a hash of content and settings, so that other recipes find them again.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH100

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import cache_folder, key_of, open_cache
from synth.audio.file_identity import status_of
from synth.audio.measured import ToMeasure, measure_once
from synth.catalog.catalog import Catalog
from synth.catalog.near_duplicates import Pair, near_duplicates
from synth.catalog.noise_decode import (
    FORMAT,
    Decoded,
    bits_file,
    decode_noise,
    is_intact,
    is_stored,
    power_file,
    stored_file,
)
from synth.catalog.probe import AudioSegment
from synth.catalog.recording import Refusal
from synth.catalog.scan import Progress
from synth.dsp.analysis.fingerprint import Words, count_words
from synth.dsp.analysis.power_table import HOP, Table
from synth.errors import BadInput, UsageError
from synth.processes.pool import Pool, shared_pool
from synth.recipe.model import Limits
from synth.text import printable

_log = logging.getLogger(__name__)

_OPEN_AT_ONCE = 256
_SLOWEST_READ = 10e6  # bytes per second
_DECODE = f"{decode_noise.__module__}:{decode_noise.__name__}"


class NoiseStore:
    """The decoded recordings of a noise catalog, by the same indices. A refused one has no samples and no stretches."""

    def __init__(
        self, folder: str, sample_rate: int, decoded: Sequence[Decoded | None], refused: Sequence[Refusal]
    ) -> None:
        self.folder = folder
        self.sample_rate = sample_rate
        self.refused = tuple(refused)
        self._decoded = tuple(decoded)

    def __len__(self) -> int:
        return len(self._decoded)

    @functools.cached_property
    def num_samples(self) -> npt.NDArray[np.int64]:
        """Length of each recording, shape (n,), in samples at the store's rate; 0 if it was refused."""
        return np.array([entry["num_samples"] if entry else 0 for entry in self._decoded], np.int64)

    @functools.cached_property
    def hashes(self) -> npt.NDArray[np.uint8]:
        """SHA-256 of each recording's source file, shape (n, 32); zeros if it was refused."""
        texts = (entry["sha256"] if entry else "00" * 32 for entry in self._decoded)
        return np.frombuffer(bytes.fromhex("".join(texts)), np.uint8).reshape(-1, 32)

    @functools.cached_property
    def digest(self) -> str:
        """Over the samples and the usable stretches of all recordings."""
        parts = [[d["pcm_digest"], d["stretches"]] if d else None for d in self._decoded]
        return hashlib.sha256(json.dumps([self.sample_rate, parts]).encode()).hexdigest()

    def samples(self, index: int) -> npt.NDArray[np.int16]:
        """The recording, shape (n,), int16, read-only, memory-mapped. Raises UsageError if the cache has lost it."""
        entry = self._entry(index)
        with self._in_cache():
            path = stored_file(self.folder, entry["name"])
            return _mapped(path, entry["num_samples"], entry["digests"][".s16"])

    def file(self, index: int) -> str:
        """The file with the samples: int16, little-endian, no header."""
        return stored_file(self.folder, self._entry(index)["name"])

    def power_table(self, index: int) -> Table:
        """The running energy of the int16 samples (dsp/analysis/power_table.py), memory-mapped. Raises as `samples`."""
        entry = self._entry(index)
        with self._in_cache():
            path, rows = power_file(self.folder, entry["name"]), -(-entry["num_samples"] // HOP) + 1
            return _mapped_table(path, rows, entry["digests"][".power"])

    def audio_fingerprint(self, index: int) -> Words:
        """Recognizes the recording after gain, equalizer and codec; shape (words,). Raises as `samples`."""
        entry = self._entry(index)
        with self._in_cache():
            path = bits_file(self.folder, entry["name"])
            _check_intact(path, entry["digests"][".bits"])
            words = np.fromfile(path, "<u4").astype(np.uint32, copy=False)
            if len(words) != count_words(entry["num_samples"], self.sample_rate):
                raise ValueError("incomplete")
            return words

    @functools.cached_property
    def _pairs(self) -> tuple[Pair, ...]:
        return near_duplicates(self)

    def near_duplicates(self) -> tuple[Pair, ...]:
        """Pairs of recordings that share sound (catalog/near_duplicates.py). Raises as `samples`."""
        return self._pairs

    @contextlib.contextmanager
    def _in_cache(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            text = f"decoded noise is gone from the cache {self.folder}, or damaged; plan again to rebuild it"
            raise UsageError(text) from None

    def scale(self, index: int) -> float:
        """The factor from int16 samples to the recording at full scale 1.0."""
        return self._entry(index)["scale"]

    def stretches(self, index: int) -> tuple[tuple[int, int], ...]:
        """(start, length) of each stretch that is neither dead nor clipped, samples; () if it was refused."""
        entry = self._decoded[index]
        return tuple((start, length) for start, length in entry["stretches"]) if entry else ()

    def unusable(self, index: int) -> tuple[int, int]:
        """Number of dead and of clipped samples."""
        entry = self._entry(index)
        return entry["dead"], entry["clipped"]

    def pcm_digest(self, index: int) -> str:
        """SHA-256 over the scale and the samples: equal for the same sound under another name."""
        return self._entry(index)["pcm_digest"]

    def missing(self) -> list[int]:
        """Indices of recordings whose files are no longer in the cache, or damaged."""
        return [i for i, entry in enumerate(self._decoded) if entry and not _is_stored(self.folder, entry)]

    def _entry(self, index: int) -> Decoded:
        entry = self._decoded[index]
        if entry is None:
            raise IndexError(f"noise recording {index} was refused")
        return entry

    def save(self, path: Path) -> None:
        """Write the index, without the samples. Raises StorageError."""
        index = {
            "folder": self.folder,
            "sample_rate": self.sample_rate,
            "decoded": self._decoded,
            "refused": [[r.path, r.code, r.step, r.message] for r in self.refused],
        }
        files.write_file(path, json.dumps(index).encode())

    @classmethod
    def load(cls, path: Path) -> NoiseStore:
        """Open an index. Raises UsageError if it cannot be read."""
        try:
            index = json.loads(Path(path).read_bytes())
            refused = [Refusal(*fields) for fields in index["refused"]]
            entries = [entry for entry in index["decoded"] if entry is not None]
            if not all(isinstance(entry, dict) and entry.keys() >= Decoded.__annotations__.keys() for entry in entries):
                raise ValueError("an entry is not a decoded recording")
            return cls(index["folder"], index["sample_rate"], index["decoded"], refused)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is not an index of decoded noise: {error}") from error


@functools.lru_cache(maxsize=_OPEN_AT_ONCE)
def _mapped(path: str, num_samples: int, sha256: str) -> npt.NDArray[np.int16]:
    _check_intact(path, sha256)
    # plain ndarray: slicing the memmap class costs a Python call each time
    return np.memmap(path, dtype="<i2", mode="r", shape=(num_samples,)).view(np.ndarray)


@functools.lru_cache(maxsize=_OPEN_AT_ONCE)
def _mapped_table(path: str, rows: int, sha256: str) -> Table:
    _check_intact(path, sha256)
    return np.memmap(path, dtype="<f8", mode="r", shape=(rows, 3)).view(np.ndarray)


def _check_intact(path: str, sha256: str) -> None:
    if not is_intact(path, sha256):
        raise ValueError("damaged")


def _is_stored(folder: str, entry: Decoded) -> bool:
    with contextlib.suppress(OSError, BadInput):
        return is_stored(Path(stored_file(folder, entry["name"])), entry)
    return False


def prepare_noise(
    catalog: Catalog,
    *,
    sample_rate: int,
    cache: Path | None = None,
    jobs: int = 1,
    limits: Limits,
    progress: Progress | None = None,
    pool: Pool | None = None,
) -> NoiseStore:
    """Decode every recording of a noise catalog that is not in the cache yet.

    A file that crashes or hangs its decoder, is silent, not finite or otherwise unusable, is in `store.refused`.

    Args:
        catalog: the recordings.
        sample_rate: of the store, Hz.
        cache: folder for the decoded noise; None: the user's cache folder.
        jobs: worker processes.
        limits: of patience.
        progress: called now and then.
        pool: worker processes that somebody else starts and ends; None: start `jobs` of them if they are needed.

    Raises:
        StorageError: the cache cannot be written.
    """
    base = cache_folder() if cache is None else cache
    folder = os.path.abspath(base / "noise")
    num_checked = 0

    def is_usable(index: int, decoded: Decoded) -> bool:
        nonlocal num_checked
        num_checked += 1
        if progress is not None:
            progress("checking decoded noise", num_checked, len(catalog))
        if catalog.sha256(index) not in (None, decoded["sha256"]):
            return False  # the file was changed in a way that left its size and times as they were
        if _is_stored(folder, decoded):
            return True
        _log.info("decoded noise of %s is gone from the cache, or damaged: it is decoded again", catalog.path(index))
        return False

    def report(count: int) -> None:
        if progress is not None:
            progress("decoding noise", count, len(catalog))

    items = {index: _to_measure(catalog, index, sample_rate, folder, limits) for index in range(len(catalog))}
    with contextlib.closing(open_cache(base)) as answers, shared_pool(pool, jobs) as workers:
        decoded = measure_once(
            items, _DECODE, pool=workers, cache=answers, step="plan", batch=8, is_usable=is_usable, progress=report
        )
    in_order = [decoded[index] for index in range(len(catalog))]
    refused = [
        Refusal(printable(error.path), error.code, "plan", error.message)
        for error in in_order
        if isinstance(error, BadInput)
    ]
    return NoiseStore(folder, sample_rate, [None if isinstance(d, BadInput) else d for d in in_order], refused)


def _to_measure(catalog: Catalog, index: int, sample_rate: int, folder: str, limits: Limits) -> ToMeasure:
    path, recording, source = catalog.file(index), catalog[index], catalog.source(index)
    key = None
    with contextlib.suppress(OSError):
        status = status_of(path)
        state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        what = (path, *state, recording.offset, recording.num_samples, source.channels, sample_rate, folder)
        key = key_of("noise", FORMAT, *what)
    segment = AudioSegment(source.root, recording.offset, recording.num_samples, source.channels)
    # Decoding takes a hundredth of the sound's time or less, and the whole file is hashed, however short the segment
    # is; a limit in seconds must not forbid long files.
    size = recording.identity.size if recording.identity else 0
    patience = limits.timeout_s + recording.seconds / 20 + size / _SLOWEST_READ
    arguments = (path, segment, sample_rate, folder, recording.identity)
    return ToMeasure(catalog.path(index), key, arguments, patience)
