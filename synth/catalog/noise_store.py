"""All noise of a recipe, decoded once: int16 at the rate of the data set, memory-mapped by every worker.

A recording is normalised to its peak, so that int16 is enough however quiet it is; `scale` brings it back. Files lie in
the user's cache folder under a hash of content and settings, so that other recipes find them again.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116, PTH100

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import cache_folder, key_of, open_cache
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
from synth.catalog.probe import Place
from synth.catalog.recording import Refusal
from synth.catalog.scan import Progress
from synth.dsp.analysis.fingerprint import Words, num_words
from synth.dsp.analysis.power_table import HOP, Table
from synth.errors import BadInput, UsageError
from synth.processes.isolate import Pool
from synth.recipe.model import Limits
from synth.text import printable

_log = logging.getLogger(__name__)

_OPEN_AT_ONCE = 256
_SLOWEST_READ = 10e6  # bytes per second
_TRANSIENT = frozenset(("timeout", "decode_crash", "missing", "changed_during_run"))
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
        """Length of each recording in samples at the store's rate; 0 where it was refused."""
        return np.array([entry["num_samples"] if entry else 0 for entry in self._decoded], np.int64)

    @functools.cached_property
    def hashes(self) -> npt.NDArray[np.uint8]:
        """SHA-256 of each recording's source file, shape (n, 32); zeros where it was refused."""
        texts = (entry["sha256"] if entry else "00" * 32 for entry in self._decoded)
        return np.frombuffer(bytes.fromhex("".join(texts)), np.uint8).reshape(-1, 32)

    @functools.cached_property
    def digest(self) -> str:
        """Over the samples and the usable stretches of all recordings."""
        parts = [[d["pcm_digest"], d["stretches"]] if d else None for d in self._decoded]
        return hashlib.sha256(json.dumps([self.sample_rate, parts]).encode()).hexdigest()

    def samples(self, index: int) -> npt.NDArray[np.int16]:
        """The recording, shape (n,), int16, read-only, memory-mapped. Raises UsageError where the cache has lost it."""
        entry = self._entry(index)
        with self._in_cache():
            path = stored_file(self.folder, entry["name"])
            return _mapped(path, entry["num_samples"], entry["digests"][".s16"])

    def file(self, index: int) -> str:
        """Where the samples lie: int16, little-endian, with no header."""
        return stored_file(self.folder, self._entry(index)["name"])

    def power_table(self, index: int) -> Table:
        """The running energy of the int16 samples (dsp/power_table.py), memory-mapped. Raises UsageError as
        `samples`."""
        entry = self._entry(index)
        with self._in_cache():
            path, rows = power_file(self.folder, entry["name"]), -(-entry["num_samples"] // HOP) + 1
            return _mapped_table(path, rows, entry["digests"][".power"])

    def fingerprint(self, index: int) -> Words:
        """What tells the recording again under gain, equaliser and codec (dsp/fingerprint.py), shape (m,). Raises
        UsageError as `samples`."""
        entry = self._entry(index)
        with self._in_cache():
            path = bits_file(self.folder, entry["name"])
            _check_intact(path, entry["digests"][".bits"])
            words = np.fromfile(path, "<u4").astype(np.uint32, copy=False)
            if len(words) != num_words(entry["num_samples"], self.sample_rate):
                raise ValueError("not whole")
            return words

    @functools.cached_property
    def _pairs(self) -> tuple[Pair, ...]:
        return near_duplicates(self)

    def near_duplicates(self) -> tuple[Pair, ...]:
        """Pairs of recordings that share sound (catalog/near_duplicates.py). Raises UsageError as `samples`."""
        return self._pairs

    @contextlib.contextmanager
    def _in_cache(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            text = f"decoded noise is gone from the cache {self.folder}, or damaged; plan again to rebuild it"
            raise UsageError(text) from None

    def scale(self, index: int) -> float:
        """What to multiply the int16 samples by to get the recording at full scale 1.0."""
        return self._entry(index)["scale"]

    def stretches(self, index: int) -> tuple[tuple[int, int], ...]:
        """(start, length) of what is neither dead nor clipped, in samples; () where the recording was refused."""
        entry = self._decoded[index]
        return tuple((start, length) for start, length in entry["stretches"]) if entry else ()

    def unusable(self, index: int) -> tuple[int, int]:
        """(dead, clipped) samples."""
        entry = self._entry(index)
        return entry["dead"], entry["clipped"]

    def pcm_digest(self, index: int) -> str:
        """SHA-256 over the scale and the samples: equal for the same sound under another name."""
        return self._entry(index)["pcm_digest"]

    def missing(self) -> list[int]:
        """Recordings whose file is no longer in the cache as it should be."""
        return [i for i, entry in enumerate(self._decoded) if entry and not self._is_there(entry)]

    def _is_there(self, entry: Decoded) -> bool:
        return _is_stored(self.folder, entry)

    def _entry(self, index: int) -> Decoded:
        entry = self._decoded[index]
        if entry is None:
            raise IndexError(f"noise recording {index} was refused")
        return entry

    def save(self, path: Path) -> None:
        """Write the index (not the samples). Raises synth.files.StorageError."""
        index = {
            "folder": self.folder,
            "sample_rate": self.sample_rate,
            "decoded": self._decoded,
            "refused": [[r.path, r.code, r.stage, r.message] for r in self.refused],
        }
        files.write_file(path, json.dumps(index).encode())

    @classmethod
    def load(cls, path: Path) -> NoiseStore:
        """Open an index. Raises UsageError where it cannot be read."""
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


def prepare(
    catalog: Catalog,
    *,
    sample_rate: int,
    cache: Path | None = None,
    jobs: int = 1,
    limits: Limits,
    progress: Progress | None = None,
) -> NoiseStore:
    """Decode every recording of a noise catalog that is not in the cache yet (`cache_folder()` where `cache` is None).

    A file that crashes or hangs its decoder, is silent, not finite or otherwise unusable, is in `store.refused`.
    Raises synth.files.StorageError where the cache cannot be written.
    """
    base = cache_folder() if cache is None else cache
    folder = os.path.abspath(base / "noise")
    found: dict[int, Decoded | BadInput] = {}
    with contextlib.closing(open_cache(base)) as known:
        keys = {i: key for i in range(len(catalog)) if (key := _key(catalog, i, sample_rate, folder)) is not None}
        answers = known.get(list(keys.values()))
        for i, key in keys.items():
            if (answer := _recalled(catalog, i, answers.get(key), folder)) is not None:
                found[i] = answer
                if progress is not None:
                    progress("checking decoded noise", len(found), len(catalog))
        fresh = _decode_rest(
            catalog, found, sample_rate=sample_rate, folder=folder, jobs=jobs, limits=limits, progress=progress
        )
        known.put({keys[i]: _memory(fresh[i]) for i in fresh if i in keys and _lasting(fresh[i])})
    found.update(fresh)
    decoded = [None if isinstance(entry := found[i], BadInput) else entry for i in range(len(catalog))]
    refused = [_refusal(catalog, i, e) for i in range(len(catalog)) if isinstance(e := found[i], BadInput)]
    return NoiseStore(folder, sample_rate, decoded, refused)


def _refusal(catalog: Catalog, index: int, error: BadInput) -> Refusal:
    return Refusal(printable(catalog.path(index)), error.code, "plan", error.message)


def _key(catalog: Catalog, index: int, sample_rate: int, folder: str) -> bytes | None:
    path, recording = catalog.file(index), catalog[index]
    try:
        status = os.stat(path)
    except OSError:
        return None
    state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    what = (path, *state, recording.offset, recording.num_samples)
    return key_of("noise", FORMAT, *what, catalog.source(index).channels, sample_rate, folder)


def _recalled(catalog: Catalog, index: int, answer: Any, folder: str) -> Decoded | BadInput | None:
    if answer is None:
        return None
    if "refused" in answer:
        return BadInput(answer["refused"][0], catalog.path(index), answer["refused"][1], "plan")
    decoded: Decoded = answer
    if catalog.sha256(index) not in (None, decoded["sha256"]):
        return None  # the file was changed in a way that left its size and times as they were
    if _is_stored(folder, decoded):
        return decoded
    _log.info("decoded noise of %s is gone from the cache, or damaged: it is decoded again", catalog.path(index))
    return None


def _lasting(answer: Decoded | BadInput) -> bool:
    return not (isinstance(answer, BadInput) and answer.code in _TRANSIENT)


def _memory(answer: Decoded | BadInput) -> object:
    return {"refused": [answer.code, answer.message]} if isinstance(answer, BadInput) else answer


def _decode_rest(
    catalog: Catalog,
    found: dict[int, Decoded | BadInput],
    *,
    sample_rate: int,
    folder: str,
    jobs: int,
    limits: Limits,
    progress: Progress | None,
) -> dict[int, Decoded | BadInput]:
    rest = [i for i in range(len(catalog)) if i not in found]
    tasks, patience = [], []
    for i in rest:
        r, source = catalog[i], catalog.source(i)
        place = Place(source.root, r.offset, r.num_samples, source.channels)
        tasks.append((catalog.file(i), place, sample_rate, folder, r.identity))
        # Decoding takes a hundredth of the sound's time or less, and the whole file is hashed, however short the
        # segment is; a limit in seconds must not forbid long files.
        size = r.identity.size if r.identity else 0
        patience.append(limits.timeout_s + r.seconds / 20 + size / _SLOWEST_READ)
    fresh: dict[int, Decoded | BadInput] = {}
    with Pool(jobs) as pool:
        for k, answer in pool.map(_DECODE, tasks, timeout_s=patience, batch=8):
            fresh[rest[k]] = answer
            if progress is not None:
                progress("decoding noise", len(fresh), len(rest))
    return fresh
