"""Decode one noise recording to int16 at the rate of the data set, once, and find what of it is usable.

Runs in a worker process. Everything is done in blocks: an hour costs no more memory than a minute.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypedDict

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from synth import files
from synth.audio.file_identity import FileIdentity, file_sha256
from synth.audio.read import (
    ROUNDING_SECONDS,
    AudioFile,
    Channels,
    check_finite,
    check_identity,
    mix_channels,
    opened,
    read_blocks,
)
from synth.audio.scratch import scratch_file, storage_errors
from synth.catalog.probe import AudioSegment
from synth.dsp.analysis.fingerprint import compute_fingerprint
from synth.dsp.analysis.power_table import energy_rows
from synth.dsp.arrays import Mask, Samples
from synth.errors import BadInput
from synth.units import resampled_length

FORMAT = f"5 soxr {soxr.__version__} {sf.__libsndfile_version__}"
"""Goes into the name of each file in the store: another decoder or resampler may give other samples."""

DEAD_DB = 25.0
"""A 0.1-s frame is dead when it is that much below the level that a tenth of the frames exceed.

Not the median: a horn may sound for less than half of its recording. Of 27 real recordings of car, road, rain and
wind, nothing is left out at 25 dB but pauses of a siren and the silence after a horn.
"""
CLIPPED_SHARE = 0.01
"""A 0.1-s frame is clipped when that share of its samples lies in runs of three or more at full scale."""
MIN_STRETCH_SECONDS = 0.25

_STEPS, _STEPS_IN_FRAME = 100, 10  # steps of 10 ms, ten of which are a frame
_ZERO_STEPS = 4  # a run of digital zero of 50 ms covers at least four whole steps
_SILENT_PEAK = 1e-7
_SILENT_POWER = 0.05  # in squared steps of int16: nothing but the rounding of silence
_BLOCK_SECONDS = 10
_CHUNK = 1 << 18
_RAILS = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
_RAIL = 0.9999


class Decoded(TypedDict):
    """What is known of a recording in the store. Samples are at the store's rate."""

    name: str
    num_samples: int
    scale: float  # int16 times this is the recording at its own level
    stretches: list[list[int]]  # [start, length], usable
    dead: int  # samples
    clipped: int
    pcm_digest: str
    digests: dict[str, str]  # SHA-256 of each file of the store, by its ending
    sha256: str  # of the source file


_intact: dict[tuple[str, int, int, int], str] = {}
"""What this process (or the one that it was forked from) has read whole: (path, inode, size, mtime_ns) -> SHA-256."""


def is_intact(path: str | Path, sha256: str) -> bool:
    """Whether a file of the store holds what was put there; read whole once for each state of the file.

    Raises OSError where it is missing, StorageError where the disk fails.
    """
    with files.reading(path):
        status = Path(path).stat()
    state = str(path), status.st_ino, status.st_size, status.st_mtime_ns
    if _intact.get(state) != sha256:
        if file_sha256(path, anew=True) != sha256:
            return False
        _intact[state] = sha256
    return True


def stored_file(folder: str, name: str) -> str:
    """Where the samples of a recording lie."""
    return f"{folder}/{name[:2]}/{name}.s16"


def power_file(folder: str, name: str) -> str:
    """Where its power table (dsp/power_table.py) lies."""
    return f"{folder}/{name[:2]}/{name}.power"


def bits_file(folder: str, name: str) -> str:
    """Where its fingerprint (dsp/fingerprint.py) lies."""
    return f"{folder}/{name[:2]}/{name}.bits"


def decode_noise(
    path: str, place: AudioSegment, sample_rate: int, folder: str, identity: FileIdentity | None = None
) -> Decoded:
    """Put a recording into the store in `folder`, or find it there by its content.

    Raises BadInput (those of `opened` and `read_blocks`; nonfinite, silent, too_short; changed_during_run if the file
    is not that of `identity`).
    """
    with opened(path, root=place.root) as file:
        check_identity(file, identity)
        sha256 = file_sha256(path, anew=True)
        what = [FORMAT, sha256, place.offset, place.num_samples, place.channels, sample_rate]
        name = hashlib.blake2b(json.dumps(what).encode(), digest_size=20).hexdigest()
        target = Path(stored_file(folder, name))
        return _known(target) or _decode(file, target, place, sample_rate, sha256)


def is_stored(target: Path, decoded: Decoded) -> bool:
    """Whether samples, power table and fingerprint are in the store as they were put there. Raises as `is_intact`."""
    return all(is_intact(target.with_suffix(ending), sha256) for ending, sha256 in decoded["digests"].items())


def _known(target: Path) -> Decoded | None:
    try:
        line, seal = target.with_suffix(".json").read_text(encoding="utf-8").split("\n")
        decoded: Decoded = json.loads(line)
        if seal == _seal(line) and is_stored(target, decoded):
            return decoded
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        pass
    return None


def _seal(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _decode(file: AudioFile, target: Path, place: AudioSegment, sample_rate: int, sha256: str) -> Decoded:
    files.make_folder(target.parent)
    with scratch_file(target.parent) as spill, storage_errors(target.parent):
        length, peak, clipped = _spill(file, spill, place, sample_rate)
        if peak < _SILENT_PEAK:
            raise BadInput("silent", file.path, _silence(file, place.channels), "plan")
        scale = peak / 32767
        steps, digest, digests = _store(spill, target, scale, sample_rate)
    if not has_signal(steps):
        raise BadInput("silent", file.path, _silence(file, place.channels), "plan")
    dead = dead_frames(steps, clipped)
    stretches = usable_stretches(~(dead | clipped), length, sample_rate)
    if not stretches:
        text = f"no {MIN_STRETCH_SECONDS} s in a row that are neither dead nor clipped"
        raise BadInput("too_short", file.path, text, "plan")
    decoded: Decoded = {
        "name": target.stem,
        "num_samples": length,
        "scale": scale,
        "stretches": stretches,
        "dead": _samples_in(dead, length, sample_rate),
        "clipped": _samples_in(clipped, length, sample_rate),
        "pcm_digest": digest,
        "digests": digests,
        "sha256": sha256,
    }
    line = json.dumps(decoded)
    files.write_file(target.with_suffix(".json"), f"{line}\n{_seal(line)}".encode())
    return decoded


def _silence(file: AudioFile, channels: Channels) -> str:
    if channels == "mean" and file.header.channels > 1:
        return f"no signal in the mean of its {file.header.channels} channels; `channels: first` takes one of them"
    return "no signal"


# first pass: decode and resample


def _spill(file: AudioFile, spill: IO[bytes], place: AudioSegment, sample_rate: int) -> tuple[int, float, Mask]:
    """Write the recording as float32 at the target rate; (its length, its peak, clipped frames)."""
    clipping = _Clipping(file.sound.subtype, file.header.sample_rate, place.channels)
    counted = _Counted()
    blocks = read_blocks(
        file, offset=place.offset, num_samples=place.num_samples, block=max(1, _CHUNK // file.header.channels)
    )

    def checked() -> Iterator[Samples]:
        for block in counted.through(clipping.through(blocks)):
            mono = mix_channels(block, place.channels, file.path)
            check_finite(file, mono, "plan")
            yield mono

    written, peak = 0, 0.0
    for chunk in resampled(checked(), file.header.sample_rate, sample_rate):
        low, high = float(chunk.min(initial=0.0)), float(chunk.max(initial=0.0))
        peak = max(peak, -low, high)
        spill.write(chunk.astype(np.float32).tobytes())
        written += len(chunk)
    if place.num_samples - counted.total > ROUNDING_SECONDS * file.header.sample_rate:
        text = f"{counted.total} samples came, {place.num_samples} were promised"
        raise BadInput("truncated", file.path, text, "plan")
    length = resampled_length(counted.total, file.header.sample_rate, sample_rate)
    spill.seek(4 * min(length, written))
    spill.truncate()
    spill.write(b"\0\0\0\0" * max(0, length - written))
    return length, float(np.float32(peak)), clipping.frames(length, sample_rate)


def resampled(blocks: Iterator[Samples], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """A stream of mono blocks at another rate (soxr HQ, float64)."""
    if rate_in == rate_out:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float64", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0), last=True)


class _Counted:
    """Counts samples on their way."""

    def __init__(self) -> None:
        self.total = 0

    def through(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self.total += len(block)
            yield block


class _Clipping:
    """Counts samples in runs of three or more at full scale, by frames of 0.1 s of the source."""

    def __init__(self, subtype: str, sample_rate: int, channels: Channels) -> None:
        self._rail = _RAILS.get(subtype, _RAIL)
        self._must_be_flat = subtype in ("FLOAT", "DOUBLE")  # full scale is no limit there
        self._rate = sample_rate
        self._channels = channels
        self._position = 0
        self._counts: list[tuple[int, npt.NDArray[np.int64]]] = []

    def through(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            heard = block if self._channels == "mean" else mix_channels(block, self._channels, "")[:, None]
            at = np.flatnonzero(clipped_samples(heard, self._rail, must_be_flat=self._must_be_flat))
            first = self._position * 10 // self._rate
            if len(at):
                self._counts.append((first, np.bincount((at + self._position) * 10 // self._rate - first)))
            self._position += len(block)
            yield block

    def frames(self, length: int, sample_rate: int) -> Mask:
        """Which frames are clipped; as many as the resampled recording has."""
        count = _frame_count(length, sample_rate)
        total = np.zeros(max(count, self._position * 10 // self._rate + 1), np.int64)
        for first, counts in self._counts:
            total[first : first + len(counts)] += counts
        return np.asarray(total[:count] >= max(3.0, CLIPPED_SHARE * self._rate / 10))


def clipped_samples(block: Samples, rail: float, *, must_be_flat: bool = False) -> Mask:
    """For a block of shape (n, c): samples where a channel is in a run of three or more at or above `rail`."""
    loud = np.abs(block) >= rail
    if len(block) < 3 or not loud.any():
        return np.zeros(len(block), np.bool_)
    run = loud[:-2] & loud[1:-1] & loud[2:]
    if must_be_flat:
        run &= (block[:-2] == block[1:-1]) & (block[1:-1] == block[2:])
    starts = run.any(axis=1)
    inside = np.zeros(len(block), np.bool_)
    for shift in range(3):
        inside[shift : len(block) - 2 + shift] |= starts
    return inside


# second pass: to int16, and the level of each 10-ms step


class _Hashed:
    """A file of the store on its way to the disk, and the hash of what went into it."""

    def __init__(self, out: files.Writer) -> None:
        self._out = out
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._out.write(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _store(
    spill: IO[bytes], target: Path, scale: float, sample_rate: int
) -> tuple[npt.NDArray[np.float64], str, dict[str, str]]:
    """Write the int16 file, its power table and its fingerprint; (per step: samples, sum, sum of squares, samples that
    are not zero), a digest of the sound, and the hash of each file by its ending."""
    steps: list[npt.NDArray[np.float64]] = []
    digest = hashlib.sha256(repr(scale).encode())

    def quantized() -> Iterator[Samples]:
        spill.seek(0)
        for data in iter(functools.partial(spill.read, 4 * _BLOCK_SECONDS * sample_rate), b""):
            yield np.rint(np.frombuffer(data, np.float32).astype(np.float64) / scale).clip(-32768, 32767)

    with files.writing(target.with_suffix(".power")) as table_out, files.writing(target) as samples_out:
        table, out = _Hashed(table_out), _Hashed(samples_out)

        def kept() -> Iterator[Samples]:
            for samples in quantized():
                packed = samples.astype("<i2").tobytes()
                out.write(packed)
                digest.update(packed)
                steps.append(_step_sums(samples, sample_rate))
                yield samples

        for rows in energy_rows(kept(), sample_rate=sample_rate):
            table.write(np.ascontiguousarray(rows, "<f8").tobytes())
    with files.writing(target.with_suffix(".bits")) as bits_out:
        bits = _Hashed(bits_out)
        for words in compute_fingerprint(quantized(), sample_rate=sample_rate):
            bits.write(words.astype("<u4").tobytes())
    digests = {target.suffix: out.sha256, ".power": table.sha256, ".bits": bits.sha256}
    return np.concatenate(steps, axis=1), digest.hexdigest(), digests


def _step_sums(samples: Samples, sample_rate: int) -> npt.NDArray[np.float64]:
    starts = np.arange(-(-len(samples) * _STEPS // sample_rate)) * sample_rate // _STEPS
    starts = starts[starts < len(samples)]
    rows: list[Any] = [np.diff(starts, append=len(samples))]
    rows += [np.add.reduceat(x, starts) for x in (samples, np.square(samples), (samples != 0).astype(np.float64))]
    return np.array(rows, np.float64)


# what is usable


def _frame_count(length: int, sample_rate: int) -> int:
    return -(-length * 10 // sample_rate)


def _frame_start(frame: int, length: int, sample_rate: int) -> int:
    return min(length, frame * sample_rate // 10)


def has_signal(steps: npt.NDArray[np.float64]) -> bool:
    """False where nothing but a constant is left."""
    n, total, squares = steps[:3].sum(axis=1)
    return bool(squares / n - (total / n) ** 2 > _SILENT_POWER)


def dead_frames(steps: npt.NDArray[np.float64], clipped: Mask) -> Mask:
    """Frames without signal, or with digital zero for 50 ms.

    Levels are taken about the mean of the whole recording: an offset of the converter hides no speech. How loud the
    recording is, its clipped frames have no say in.
    """
    firsts = np.minimum(np.arange(len(clipped)) * _STEPS_IN_FRAME, steps.shape[1] - 1)
    n, total, squares, _ = np.add.reduceat(steps, firsts, axis=1)
    mean = steps[1].sum() / steps[0].sum()
    power = np.maximum(squares / n - 2 * mean * total / n + mean * mean, 0.0)
    heard = power if clipped.all() else power[~clipped]
    floor = np.quantile(heard, 0.9, method="lower") * 10 ** (-DEAD_DB / 10)
    zeros = np.maximum.reduceat(_long_zeros(steps[3] == 0), firsts)
    return np.asarray((power < max(floor, _SILENT_POWER)) | zeros)


def _long_zeros(zero: Mask) -> Mask:
    """Steps in a run of at least four silent ones."""
    edges = np.flatnonzero(np.diff(np.pad(zero.astype(np.int8), 1))).reshape(-1, 2)
    inside = np.zeros(len(zero), np.bool_)
    for start, stop in edges[edges[:, 1] - edges[:, 0] >= _ZERO_STEPS].tolist():
        inside[start:stop] = True
    return inside


def usable_stretches(usable: Mask, length: int, sample_rate: int) -> list[list[int]]:
    """[start, length] in samples of each run of usable frames of 0.25 s or more (or as long as a shorter recording)."""
    edges = np.flatnonzero(np.diff(np.pad(usable.astype(np.int8), 1)))
    least = min(MIN_STRETCH_SECONDS * sample_rate, length)
    found = []
    for first, end in edges.reshape(-1, 2).tolist():
        start, stop = _frame_start(first, length, sample_rate), _frame_start(end, length, sample_rate)
        if stop - start >= least:
            found.append([start, stop - start])
    return found


def _samples_in(frames: Mask, length: int, sample_rate: int) -> int:
    starts = [_frame_start(frame, length, sample_rate) for frame in range(len(frames) + 1)]
    return int(np.diff(starts)[frames].sum())
