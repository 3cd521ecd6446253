"""What the audio itself says of the clips to be divided: how long they are, and which of them share their sound.

Each file is heard once and remembered by path, size and time of change. Of its sound only a digest and the fingerprint
(dsp/fingerprint.py, 430 bytes a second) are kept, no samples.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH116, PTH118

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import key_of, open_cache
from synth.audio.read import (
    ROUNDING_SECONDS,
    AudioFile,
    Header,
    check_finite,
    count_samples,
    mix_channels,
    opened,
    read_blocks,
)
from synth.catalog.near_duplicates import Pair, near_duplicates
from synth.dsp.analysis.fingerprint import (
    FRAME_SECONDS,
    HOP_SECONDS,
    MAX_ERRORS,
    RATE,
    Words,
    compute_fingerprint,
    count_words,
    wrong_bits,
)
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.processes.pool import Pool
from synth.text import printable
from synth.units import resampled_length, seconds_to_samples

Progress: TypeAlias = Callable[[str, int, int | None], None]

VERSION = 5
_LOUD_DB, _LOUD_SECONDS = 40.0, 1.0
"""Two clips are alike only where they are so in a second of what is at most 40 dB below their loudest 0.4 s (300 to
2000 Hz). Between sentences many clips have the same silence of a codec: of 15 pairs found among 2,364 clips of real
speech 12 were alike in nothing else."""
_TIMEOUT_S, _SLOWEST = 60.0, 20 * 8000  # bytes of audio a second that are decoded at the least
_FRESH_NS = 2_000_000_000  # a file changed so lately may change again within the same tick of its clock
_TRANSIENT = frozenset(("timeout", "decode_crash", "missing", "changed_during_run"))


class Heard(TypedDict):
    """A clip. `name`: what its sound is called, equal for equal samples; None where it was not listened to, or is
    silent."""

    sample_rate: int
    channels: int
    num_samples: int
    name: str | None


def hear(
    rows: Sequence[AudioRow],
    root: str,
    *,
    cache: Path,
    prints: bool,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Heard | BadInput]:
    """What the files say of the clips, in their order; `prints`: listen to them, else only read the headers."""
    folder = str(cache.absolute() / "prints") if prints else None
    found: dict[int, Heard | BadInput] = {}
    keys: dict[int, bytes] = {}
    patience: dict[int, float] = {}
    fresh_from = time.time_ns() - _FRESH_NS
    lasting: set[int] = set()
    for index, row in enumerate(rows):
        try:
            state = os.stat(os.path.join(root, row.path))
        except OSError as error:
            text = f"it cannot be found: {error.strerror}"
            found[index] = BadInput("missing", printable(row.path), text, "scan")
            continue
        what = (os.path.join(root, row.path), state.st_size, state.st_mtime_ns, row.offset, row.duration)
        keys[index] = key_of("target", VERSION, *what, row.num_samples, row.sample_rate, folder)
        patience[index] = _TIMEOUT_S + state.st_size / _SLOWEST
        lasting |= {index} if state.st_mtime_ns < fresh_from else set()
    with contextlib.closing(open_cache(cache)) as known:
        answers = known.get(list(keys.values()))
        found.update(
            (index, answer)
            for index, key in keys.items()
            if (answer := _recalled(rows[index].path, answers.get(key), folder)) is not None
        )
        rest = [index for index in keys if index not in found]
        fresh = _fresh(rows, root, rest, patience, folder, jobs, progress)
        known.put({keys[k]: _memory(one) for k, one in fresh.items() if k in lasting and _keeps(one)})
    found.update(fresh)
    return [found[index] for index in range(len(rows))]


def _fresh(
    rows: Sequence[AudioRow],
    root: str,
    rest: Sequence[int],
    patience: dict[int, float],
    folder: str | None,
    jobs: int,
    progress: Progress | None,
) -> dict[int, Heard | BadInput]:
    fresh: dict[int, Heard | BadInput] = {}
    tasks = [_task(rows[index], root, folder) for index in rest]
    with Pool(jobs) as pool:
        for k, answer in pool.map(f"{__name__}:listen", tasks, timeout_s=[patience[i] for i in rest], batch=16):
            fresh[rest[k]] = _named(answer, rows[rest[k]].path)
            if progress is not None:
                progress("listening" if folder else "reading headers", len(fresh), len(rest))
    return fresh


def _task(row: AudioRow, root: str, folder: str | None) -> tuple[Any, ...]:
    return os.path.join(root, row.path), row.offset, row.duration, row.num_samples, row.sample_rate, folder


def _named(answer: Any, path: str) -> Heard | BadInput:
    """A refusal names the clip as the list does."""
    if isinstance(answer, BadInput):
        return BadInput(answer.code, printable(path), answer.message, "scan")
    heard: Heard = answer
    return heard


def _keeps(answer: Heard | BadInput) -> bool:
    return not (isinstance(answer, BadInput) and answer.code in _TRANSIENT)


def _memory(answer: Heard | BadInput) -> object:
    return {"refused": [answer.code, answer.message]} if isinstance(answer, BadInput) else answer


def _recalled(path: str, answer: Any, folder: str | None) -> Heard | BadInput | None:
    if answer is None:
        return None
    if "refused" in answer:
        return BadInput(answer["refused"][0], printable(path), answer["refused"][1], "scan")
    heard: Heard = answer
    if folder is None or heard["name"] is None or _is_stored(folder, heard):
        return heard
    return None


# ----------------------------------------------------------------------------------------------- in a worker process


def listen(
    path: str,
    offset: float,
    duration: float | None,
    num_samples: int | None,
    sample_rate: int | None,
    folder: str | None,
) -> Heard:
    """One clip (seconds; None to the end of the file). Raises BadInput: those of `opened` and `read_blocks`; bad_row,
    empty, nonfinite."""
    with opened(path) as file:
        head = file.header if file.header.exact else count_samples(path)
        start, count = _segment(path, head, offset, duration, num_samples, sample_rate)
        heard: Heard = {
            "sample_rate": head.sample_rate,
            "channels": head.channels,
            "num_samples": count,
            "name": None,
        }
        if folder is not None:
            heard["name"] = _print(file, start, count, heard, folder)
        return heard


def _segment(
    path: str, head: Header, offset: float, duration: float | None, num_samples: int | None, sample_rate: int | None
) -> tuple[int, int]:
    if sample_rate not in (None, head.sample_rate):
        raise BadInput("bad_row", path, f"the list says {sample_rate} Hz, the file has {head.sample_rate} Hz", "scan")
    start = seconds_to_samples(offset, head.sample_rate)
    left = head.num_samples - start
    count = num_samples if num_samples is not None else left
    if num_samples is None and duration is not None:
        count = seconds_to_samples(duration, head.sample_rate)
    if left <= 0 or count - left > ROUNDING_SECONDS * head.sample_rate:
        end = f"{offset + count / head.sample_rate:g}"
        whole = f"{head.num_samples / head.sample_rate:g}"
        text = f"the clip from {offset:g} s to {end} s does not lie in the file of {whole} s"
        raise BadInput("bad_row", path, text, "scan")
    if min(count, left) <= 0:
        raise BadInput("empty", path, "it holds no samples", "scan")
    return start, min(count, left)


def _print(file: AudioFile, start: int, count: int, heard: Heard, folder: str) -> str | None:
    """Store the fingerprint; the name of the sound, None for silence."""
    digest, peak = hashlib.sha256(f"{VERSION} {heard['sample_rate']} ".encode()), 0.0
    loudness = _Loudness(heard["sample_rate"])

    def steps() -> Iterator[npt.NDArray[np.float64]]:
        nonlocal peak
        for block in read_blocks(file, offset=start, num_samples=count):
            mono = mix_channels(block, "mean", file.path)
            check_finite(file, mono, "scan")
            mono = mono * 32768
            peak = max(peak, float(np.abs(mono).max(initial=0.0)))
            digest.update(np.rint(np.clip(mono, -32768, 32767)).astype("<i2").tobytes())
            loudness.add(mono)
            yield mono

    pieces = list(compute_fingerprint(steps(), sample_rate=heard["sample_rate"]))
    words = np.concatenate([np.zeros(0, np.uint32), *pieces]).astype("<u4")
    if peak < 1:
        return None
    name = digest.hexdigest()
    target = _stored(folder, name)
    if not target.is_file() or target.stat().st_size != 5 * len(words):
        files.write_file(target, words.tobytes() + loudness.loud(len(words)).astype(np.uint8).tobytes())
    return name


class _Loudness:
    """The running energy of a clip between 300 and 2000 Hz, in steps of 10 ms."""

    def __init__(self, sample_rate: int) -> None:
        from scipy.signal import butter

        self._step = max(1, sample_rate // 100)
        self._seconds = self._step / sample_rate
        self._left = np.zeros(0)
        self._sums: list[npt.NDArray[np.float64]] = [np.zeros(1)]
        self._filter = butter(2, [300, min(2000.0, 0.45 * sample_rate)], "bandpass", fs=sample_rate, output="sos")
        self._state = np.zeros((len(self._filter), 2))

    def add(self, samples: npt.NDArray[np.float64]) -> None:
        from scipy.signal import sosfilt

        inside, self._state = sosfilt(self._filter, samples, zi=self._state)
        joined = np.concatenate([self._left, inside])
        whole = len(joined) // self._step * self._step
        self._sums.append(np.square(joined[:whole].reshape(-1, self._step)).sum(axis=1))
        self._left = joined[whole:]

    def loud(self, words: int) -> npt.NDArray[np.bool_]:
        """Which of the first words of the fingerprint are of frames not far below the loudest."""
        total = np.cumsum(np.concatenate(self._sums))
        at = np.arange(words) * HOP_SECONDS
        times = np.arange(len(total)) * self._seconds
        power = np.interp(at + FRAME_SECONDS, times, total) - np.interp(at, times, total)
        return np.asarray(power > power.max(initial=0.0) * 10 ** (-_LOUD_DB / 10))


def _stored(folder: str, name: str) -> Path:
    return Path(folder) / name[:2] / f"{name}.bits"


def _is_stored(folder: str, heard: Heard) -> bool:
    try:
        size = _stored(folder, heard["name"] or "").stat().st_size
    except OSError:
        return False
    return size == 5 * count_words(heard["num_samples"], heard["sample_rate"])


# ------------------------------------------------------------------------------------------------- near-duplicates


class Prints:
    """The fingerprints of clips, as catalog/near_duplicates.py wants them; it counts in samples at RATE."""

    sample_rate = RATE

    def __init__(self, heard: Sequence[Heard], cache: Path) -> None:
        self.folder = str(cache.absolute() / "prints")
        self._heard = heard

    @property
    def num_samples(self) -> npt.NDArray[np.int64]:
        """Of each clip; 0 where it has no sound."""
        lengths = [
            max(1, resampled_length(one["num_samples"], one["sample_rate"], RATE)) if one["name"] else 0
            for one in self._heard
        ]
        return np.array(lengths, np.int64)

    def pcm_digest(self, index: int) -> str:
        return self._heard[index]["name"] or ""

    def audio_fingerprint(self, index: int) -> Words:
        """Shape (m,). Raises UsageError where the cache has lost it."""
        return self._read(index)[0]

    def _read(self, index: int) -> tuple[Words, npt.NDArray[np.bool_]]:
        try:
            data = _stored(self.folder, self.pcm_digest(index)).read_bytes()
        except OSError:
            raise UsageError(f"a fingerprint is gone from the cache {self.folder}; run again") from None
        count = len(data) // 5
        words = np.frombuffer(data, "<u4", count).astype(np.uint32, copy=False)
        return words, np.frombuffer(data, np.uint8, count, 4 * count).astype(bool)

    def alike(self, pair: Pair) -> bool:
        """Whether the two are one sound where they are loud, not in their silence alone."""
        if self.pcm_digest(pair.first) == self.pcm_digest(pair.second):
            return True
        lag = round(pair.lag_s / HOP_SECONDS)
        start, other = max(0, lag), max(0, -lag)
        (one, loud), (two, too) = self._read(pair.first), self._read(pair.second)
        count = min(len(one) - start, len(two) - other)
        wrong, heard = wrong_bits(one[start : start + count], two[other : other + count])
        counts = heard & loud[start : start + count] & too[other : other + count]
        return _longest_alike(wrong[counts]) * HOP_SECONDS >= _LOUD_SECONDS


def _longest_alike(wrong: npt.NDArray[np.int64]) -> int:
    """Words in the stretch that speaks most for one sound, as in dsp/fingerprint.compare."""
    sums = np.concatenate([[0], np.cumsum(68 - 5 * wrong)])
    end = int(np.argmax(sums - np.minimum.accumulate(sums)))
    begin = int(np.argmin(sums[: end + 1]))
    alike = end > begin and wrong[begin:end].sum() < MAX_ERRORS * 32 * (end - begin)
    return end - begin if alike else 0


def same_sound(heard: Sequence[Heard], cache: Path) -> tuple[Pair, ...]:
    """Pairs of clips that share 3.3 s of sound or more at any offset, or have equal samples."""
    prints = Prints(heard, cache)
    return tuple(pair for pair in near_duplicates(prints) if prints.alike(pair))
