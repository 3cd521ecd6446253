"""What the audio says about the clips of a set: how long they are, and which of them share their sound.

Each file is read once; the result is cached by path, size and time of change. Of its sound only a digest and the
fingerprint (dsp/analysis/fingerprint.py, 430 bytes per second) are kept, no samples.
"""

# Paths are strings here, thousands of them: to make a Path of each costs more than the call itself.
# ruff: noqa: PTH118

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from synth import files
from synth.audio.cache import key_of, open_cache
from synth.audio.file_identity import status_of
from synth.audio.measured import ToMeasure, measure_once
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
from synth.dsp.arrays import Mask, Samples
from synth.errors import BadInput, UsageError
from synth.lists.audio_list import AudioRow
from synth.processes.pool import Pool
from synth.text import printable
from synth.units import resampled_length, seconds_to_samples

#: Called with (what is done, clips done, number of clips).
Progress: TypeAlias = Callable[[str, int, int | None], None]

VERSION: Final = 5  # of what is cached
# Two clips count as alike only if they are so in 1 s of frames at most 40 dB below their loudest 0.4 s (300 to 2000
# Hz). Between sentences many clips have the same silence of a codec: of 15 pairs found among 2,364 clips of real
# speech, 12 were alike in nothing else.
_LOUD_DB, _LOUD_SECONDS = 40.0, 1.0
_TIMEOUT_S: Final = 60.0
_SLOWEST: Final = 20 * 8000  # bytes of audio decoded per second, at least
_BYTES_PER_WORD: Final = 5  # of a fingerprint: 32 bits, and whether the frame is loud


class ClipAudio(TypedDict):
    """What a clip's file says about it."""

    sample_rate: int  # Hz
    channels: int
    num_samples: int  # of the clip
    name: str | None  # of its sound, equal for equal samples; None: not compared, or silent


def measure_clips(
    rows: Sequence[AudioRow],
    root: str,
    *,
    cache: Path,
    fingerprints: bool,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[ClipAudio | BadInput]:
    """Measure the files of clips, in their order; a clip that cannot be used is refused.

    Args:
        rows: the clips.
        root: folder that their paths count from.
        cache: folder of what is remembered of files.
        fingerprints: also decode the sound and store its fingerprint; otherwise only headers are read.
        jobs: worker processes.
        progress: called with (what, clips done, number of clips).
    """
    folder = _fingerprint_folder(cache) if fingerprints else None
    answers: dict[int, Any] = {}
    items: dict[int, ToMeasure] = {}
    for index, row in enumerate(rows):
        path = os.path.join(root, row.path)
        try:
            state = status_of(path)
        except OSError as error:
            text = f"it cannot be found: {error.strerror}"
            answers[index] = BadInput("missing", printable(row.path), text, "scan")
            continue
        identity = (path, state.st_size, state.st_mtime_ns)
        key = key_of("target", VERSION, *identity, row.offset, row.duration, row.num_samples, row.sample_rate, folder)
        arguments = (path, row.offset, row.duration, row.num_samples, row.sample_rate, folder)
        patience_s = _TIMEOUT_S + state.st_size / _SLOWEST
        items[index] = ToMeasure(printable(row.path), key, arguments, patience_s, state.st_mtime_ns)

    def is_usable(_: int, audio: ClipAudio) -> bool:
        if folder is None or audio["name"] is None:
            return True
        try:
            size = _fingerprint_file(folder, audio["name"]).stat().st_size
        except OSError:
            return False
        return size == _BYTES_PER_WORD * count_words(audio["num_samples"], audio["sample_rate"])

    def report(count: int) -> None:
        if progress is not None:
            progress("comparing sounds" if folder else "reading headers", count, len(items))

    with contextlib.closing(open_cache(cache)) as answer_cache, Pool(jobs) as pool:
        measured = measure_once(
            items,
            f"{__name__}:measure_clip",
            pool=pool,
            cache=answer_cache,
            batch=16,
            is_usable=is_usable,
            progress=report,
        )
    answers.update(measured)
    return [answers[index] for index in range(len(rows))]


def measure_clip(
    path: str,
    offset: float,
    duration: float | None,
    num_samples: int | None,
    sample_rate: int | None,
    folder: str | None,
) -> ClipAudio:
    """Measure one clip, in a worker process.

    Args:
        path: the file.
        offset: start of the clip, s.
        duration: s; None: to the end of the file.
        num_samples: length as the list has it, in samples; it takes precedence over `duration`.
        sample_rate: as the list has it, Hz.
        folder: where the fingerprint is stored; None: only the header is read.

    Raises:
        BadInput: the file cannot be decoded, or the clip is not in it.
    """
    with opened(path) as file:
        head = file.header if file.header.exact else count_samples(path)
        start, count = _segment_of(path, head, offset, duration, num_samples, sample_rate)
        audio: ClipAudio = {
            "sample_rate": head.sample_rate,
            "channels": head.channels,
            "num_samples": count,
            "name": None,
        }
        if folder is not None:
            audio["name"] = _store_fingerprint(file, start, count, folder)
        return audio


def _segment_of(
    path: str, head: Header, offset: float, duration: float | None, num_samples: int | None, sample_rate: int | None
) -> tuple[int, int]:
    """Return the start and the length of a clip in its file, in samples."""
    rate = head.sample_rate
    if sample_rate not in (None, rate):
        raise BadInput("bad_row", path, f"the list says {sample_rate} Hz, the file has {rate} Hz", "scan")
    start = seconds_to_samples(offset, rate)
    available = head.num_samples - start
    count = available
    if num_samples is not None:
        count = num_samples
    elif duration is not None:
        count = seconds_to_samples(duration, rate)
    if available <= 0 or count - available > ROUNDING_SECONDS * rate:
        end, length = offset + count / rate, head.num_samples / rate
        text = f"the clip from {offset:g} s to {end:g} s is not within the file of {length:g} s"
        raise BadInput("bad_row", path, text, "scan")
    if min(count, available) <= 0:
        raise BadInput("empty", path, "it holds no samples", "scan")
    return start, min(count, available)


def _store_fingerprint(file: AudioFile, start: int, count: int, folder: str) -> str | None:
    """Store the fingerprint of a segment (samples), and return the name of the sound; None for silence."""
    rate = file.header.sample_rate
    digest, peak, loudness = hashlib.sha256(f"{VERSION} {rate} ".encode()), 0.0, _Loudness(rate)

    def blocks() -> Iterator[Samples]:
        nonlocal peak
        for block in read_blocks(file, offset=start, num_samples=count):
            mono = mix_channels(block, "mean", file.path)
            check_finite(file, mono, "scan")
            mono = mono * 32768
            peak = max(peak, float(np.abs(mono).max(initial=0.0)))
            digest.update(np.rint(np.clip(mono, -32768, 32767)).astype("<i2").tobytes())
            loudness.add(mono)
            yield mono

    parts = list(compute_fingerprint(blocks(), sample_rate=rate))
    words = np.concatenate([np.zeros(0, np.uint32), *parts]).astype("<u4")
    if peak < 1:
        return None
    name = digest.hexdigest()
    target = _fingerprint_file(folder, name)
    if not target.is_file() or target.stat().st_size != _BYTES_PER_WORD * len(words):
        files.write_file(target, words.tobytes() + loudness.is_loud(len(words)).astype(np.uint8).tobytes())
    return name


class _Loudness:
    """The energy of a clip between 300 and 2000 Hz, in steps of 10 ms."""

    def __init__(self, sample_rate: int) -> None:
        from scipy.signal import butter

        self._step = max(1, sample_rate // 100)
        self._step_s = self._step / sample_rate
        self._rest = np.zeros(0)  # samples of an incomplete step
        self._energies: list[Samples] = [np.zeros(1)]
        self._filter = butter(2, [300, min(2000.0, 0.45 * sample_rate)], "bandpass", fs=sample_rate, output="sos")
        self._state = np.zeros((len(self._filter), 2))

    def add(self, samples: Samples) -> None:
        from scipy.signal import sosfilt

        in_band, self._state = sosfilt(self._filter, samples, zi=self._state)
        joined = np.concatenate([self._rest, in_band])
        complete = len(joined) // self._step * self._step
        self._energies.append(np.square(joined[:complete].reshape(-1, self._step)).sum(axis=1))
        self._rest = joined[complete:]

    def is_loud(self, words: int) -> Mask:
        """Return which of the first `words` frames of the fingerprint are not far below the loudest, shape (words,)."""
        total = np.cumsum(np.concatenate(self._energies))
        starts = np.arange(words) * HOP_SECONDS
        times = np.arange(len(total)) * self._step_s
        power = np.interp(starts + FRAME_SECONDS, times, total) - np.interp(starts, times, total)
        return np.asarray(power > power.max(initial=0.0) * 10 ** (-_LOUD_DB / 10))


def _fingerprint_folder(cache: Path) -> str:
    return str(cache.absolute() / "prints")


def _fingerprint_file(folder: str, name: str) -> Path:
    return Path(folder) / name[:2] / f"{name}.bits"


class StoredFingerprints:
    """The fingerprints of clips, as catalog/near_duplicates.py needs them; lengths are in samples at RATE."""

    sample_rate = RATE

    def __init__(self, clips: Sequence[ClipAudio], cache: Path) -> None:
        self._folder = _fingerprint_folder(cache)
        self._clips = clips

    @property
    def folder(self) -> str:
        """Where the fingerprints are."""
        return self._folder

    @property
    def num_samples(self) -> npt.NDArray[np.int64]:
        """Length of each clip, shape (clips,); 0 if it has no sound."""
        lengths = []
        for clip in self._clips:
            length = max(1, resampled_length(clip["num_samples"], clip["sample_rate"], RATE))
            lengths.append(length if clip["name"] else 0)
        return np.array(lengths, np.int64)

    def pcm_digest(self, index: int) -> str:
        """Return the name of the clip's sound."""
        return self._clips[index]["name"] or ""

    def audio_fingerprint(self, index: int) -> Words:
        """Return a clip's fingerprint, uint32, shape (frames,). Raises UsageError if the cache has lost it."""
        return self._read(index)[0]

    def _read(self, index: int) -> tuple[Words, Mask]:
        """Return the fingerprint, and which of its frames are loud."""
        try:
            data = _fingerprint_file(self._folder, self.pcm_digest(index)).read_bytes()
        except OSError:
            raise UsageError(f"{self._folder}: a fingerprint is missing from the cache; run it again") from None
        count = len(data) // _BYTES_PER_WORD
        words = np.frombuffer(data, "<u4", count).astype(np.uint32, copy=False)
        return words, np.frombuffer(data, np.uint8, count, 4 * count).astype(bool)

    def is_same_sound(self, pair: Pair) -> bool:
        """Return whether two clips are alike where they are loud, not only in their silence."""
        if self.pcm_digest(pair.first) == self.pcm_digest(pair.second):
            return True
        lag = round(pair.lag_s / HOP_SECONDS)
        (first, first_loud), (second, second_loud) = self._read(pair.first), self._read(pair.second)
        first, first_loud = first[max(0, lag) :], first_loud[max(0, lag) :]
        second, second_loud = second[max(0, -lag) :], second_loud[max(0, -lag) :]
        count = min(len(first), len(second))
        errors, has_sound = wrong_bits(first[:count], second[:count])
        counts = has_sound & first_loud[:count] & second_loud[:count]
        return _longest_agreement(errors[counts]) * HOP_SECONDS >= _LOUD_SECONDS


def _longest_agreement(errors: npt.NDArray[np.int64]) -> int:
    """Return the length of the stretch of frames that is most likely the same sound, as dsp's `compare` does.

    Args:
        errors: wrong bits of each frame, shape (frames,).
    """
    sums = np.concatenate([[0], np.cumsum(68 - 5 * errors)])
    end = int(np.argmax(sums - np.minimum.accumulate(sums)))
    begin = int(np.argmin(sums[: end + 1]))
    agrees = end > begin and errors[begin:end].sum() < MAX_ERRORS * 32 * (end - begin)
    return end - begin if agrees else 0


def find_same_sound(clips: Sequence[ClipAudio], cache: Path) -> tuple[Pair, ...]:
    """Return pairs of clips that share 3.3 s of sound or more, at any offset, or that have equal samples."""
    fingerprints = StoredFingerprints(clips, cache)
    return tuple(pair for pair in near_duplicates(fingerprints) if fingerprints.is_same_sound(pair))
