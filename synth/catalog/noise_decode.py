"""Decode one noise recording to int16 at the rate of the data set, once, and find its usable stretches.

Runs in a worker process. Everything is done in blocks, so that an hour needs no more memory than a minute. There are
two passes: the first decodes and resamples to a scratch file, and finds the peak and the clipped frames; the second
scales to the peak, writes int16, and measures the level of each 10-ms step.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, TypedDict

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

FORMAT = f"6 soxr {soxr.__version__} {sf.__libsndfile_version__}"
"""Goes into the name of each file in the store: another decoder or resampler may give other samples."""

DEAD_DB: Final = 25.0
"""A 0.1-s frame is dead if it is this much below the level that a tenth of the frames exceed.

Not the median: a horn may sound for less than half of its recording. In 27 real recordings of car, road, rain and wind,
25 dB excludes nothing but pauses of a siren and the silence after a horn.
"""
CLIPPED_SHARE: Final = 0.01
"""A 0.1-s frame is clipped if this share of its samples is in runs of three or more at full scale."""
MIN_STRETCH_SECONDS: Final = 0.25

_STEPS, _STEPS_IN_FRAME = 100, 10  # steps of 10 ms, ten of which are a frame
_ZERO_STEPS = 4  # a run of digital zero of 50 ms covers at least four whole steps
_SILENT_PEAK = 1e-7
_SILENT_POWER = 0.05  # in squared steps of int16: nothing but the rounding of silence
_BLOCK_SECONDS = 10
_CHUNK = 1 << 18
# full scale in codings that do not reach 1.0
_RAILS = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ULAW": 32124 / 32768, "ALAW": 32256 / 32768}
_RAIL = 0.9999


class Decoded(TypedDict):
    """What is known of a recording in the store. Samples are at the store's rate."""

    name: str  #: of its files, without ending
    num_samples: int
    scale: float  #: int16 times this is the recording at its own level
    stretches: list[list[int]]  #: [start, length] of each usable stretch, samples
    dead: int  #: samples
    clipped: int  #: samples
    pcm_digest: str  #: over scale and samples
    digests: dict[str, str]  #: ending -> SHA-256 of that file of the store
    sha256: str  #: of the source file


_intact: dict[tuple[str, int, int, int], str] = {}
"""(path, inode, size, mtime_ns) -> SHA-256 of the files that this process, or its parent before the fork, has read."""


def is_intact(path: str | Path, sha256: str) -> bool:
    """Whether a file of the store has the content that was written; it is read once for each state of the file.

    Raises:
        OSError: it is missing.
        StorageError: the disk fails.
    """
    with files.reading(path):
        status = Path(path).stat()
    state = str(path), status.st_ino, status.st_size, status.st_mtime_ns
    if _intact.get(state) != sha256:
        if file_sha256(path, reread=True) != sha256:
            return False
        _intact[state] = sha256
    return True


def stored_file(folder: str, name: str) -> str:
    """The file with the samples of a recording: int16, little-endian, no header."""
    return f"{folder}/{name[:2]}/{name}.s16"


def power_file(folder: str, name: str) -> str:
    """The file with its power table (dsp/analysis/power_table.py)."""
    return f"{folder}/{name[:2]}/{name}.power"


def bits_file(folder: str, name: str) -> str:
    """The file with its audio fingerprint (dsp/analysis/fingerprint.py)."""
    return f"{folder}/{name[:2]}/{name}.bits"


def decode_noise(
    path: str, segment: AudioSegment, sample_rate: int, folder: str, identity: FileIdentity | None = None
) -> Decoded:
    """Put a recording into the store, or find it there by its content.

    Args:
        path: of the file.
        segment: of the file.
        sample_rate: of the store, Hz.
        folder: the store.
        identity: of the file when it was scanned; None: unknown.

    Raises:
        BadInput: as `opened` and `read_blocks`; nonfinite, silent, too_short; changed_during_run if the file is not
            that of `identity`.
    """
    with opened(path, root=segment.root) as file:
        check_identity(file, identity)
        sha256 = file_sha256(path, reread=True)
        what = [FORMAT, sha256, segment.offset, segment.num_samples, segment.channels, sample_rate]
        name = hashlib.blake2b(json.dumps(what).encode(), digest_size=20).hexdigest()
        target = Path(stored_file(folder, name))
        return _find_stored(target) or _decode(file, target, segment, sample_rate, sha256)


def is_stored(target: Path, decoded: Decoded) -> bool:
    """Whether samples, power table and fingerprint are in the store, and intact. Raises as `is_intact`."""
    return all(is_intact(target.with_suffix(ending), sha256) for ending, sha256 in decoded["digests"].items())


def _find_stored(target: Path) -> Decoded | None:
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


def _decode(file: AudioFile, target: Path, segment: AudioSegment, sample_rate: int, sha256: str) -> Decoded:
    files.make_folder(target.parent)
    with scratch_file(target.parent) as spill, storage_errors(target.parent):
        length, peak, clipped = _spill(file, spill, segment, sample_rate)
        if peak < _SILENT_PEAK:
            raise BadInput("silent", file.path, _silence(file, segment.channels), "plan")
        scale = peak / 32767
        steps, digest, digests = _store(spill, target, scale, sample_rate)
    if not has_signal(steps):
        raise BadInput("silent", file.path, _silence(file, segment.channels), "plan")
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
    files.write_file(target.with_suffix(".json"), f"{line}\n{_seal(line)}".encode(), durable=False)
    return decoded


def _silence(file: AudioFile, channels: Channels) -> str:
    if channels == "mean" and file.header.channels > 1:
        return f"no signal in the mean of its {file.header.channels} channels; `channels: first` takes one of them"
    return "no signal"


def _spill(file: AudioFile, spill: IO[bytes], segment: AudioSegment, sample_rate: int) -> tuple[int, float, Mask]:
    """First pass: write the segment as float32 at the store's rate; returns its length, peak and clipped frames."""
    clipping = _Clipping(file.sound.subtype, file.header.sample_rate, segment.channels)
    num_read = 0
    blocks = read_blocks(
        file, offset=segment.offset, num_samples=segment.num_samples, block=max(1, _CHUNK // file.header.channels)
    )

    def checked() -> Iterator[Samples]:
        nonlocal num_read
        for block in clipping.through(blocks):
            num_read += len(block)
            mono = mix_channels(block, segment.channels, file.path)
            check_finite(file, mono, "plan")
            yield mono

    written, peak = 0, 0.0
    for chunk in resampled(checked(), file.header.sample_rate, sample_rate):
        low, high = float(chunk.min(initial=0.0)), float(chunk.max(initial=0.0))
        peak = max(peak, -low, high)
        spill.write(chunk.astype(np.float32).tobytes())
        written += len(chunk)
    if segment.num_samples - num_read > ROUNDING_SECONDS * file.header.sample_rate:
        text = f"the decoder gave {num_read} samples, {segment.num_samples} were promised"
        raise BadInput("truncated", file.path, text, "plan")
    length = resampled_length(num_read, file.header.sample_rate, sample_rate)
    spill.seek(4 * min(length, written))
    spill.truncate()
    spill.write(b"\0\0\0\0" * max(0, length - written))
    return length, float(np.float32(peak)), clipping.frames(length, sample_rate)


def resampled(blocks: Iterator[Samples], rate_in: int, rate_out: int) -> Iterator[Samples]:
    """Resample a stream of mono blocks, each of shape (n,), from one rate to another, Hz (soxr HQ, float64)."""
    if rate_in == rate_out:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float64", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0), last=True)


class _Clipping:
    """Counts samples in runs of three or more at full scale, by frames of 0.1 s of the source."""

    def __init__(self, subtype: str, sample_rate: int, channels: Channels) -> None:
        self._rail = _RAILS.get(subtype, _RAIL)
        self._must_be_flat = subtype in ("FLOAT", "DOUBLE")  # floats may exceed full scale without being clipped
        self._rate = sample_rate
        self._channels = channels
        self._position = 0
        self._counts: list[tuple[int, npt.NDArray[np.int64]]] = []

    def through(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Pass on blocks of shape (n, channels)."""
        for block in blocks:
            used = block if self._channels == "mean" else mix_channels(block, self._channels, "")[:, None]
            at = np.flatnonzero(clipped_samples(used, self._rail, must_be_flat=self._must_be_flat))
            first = self._position * 10 // self._rate
            if len(at):
                self._counts.append((first, np.bincount((at + self._position) * 10 // self._rate - first)))
            self._position += len(block)
            yield block

    def frames(self, length: int, sample_rate: int) -> Mask:
        """Which frames are clipped; as many as the resampled recording has."""
        count = -(-length * 10 // sample_rate)
        total = np.zeros(max(count, self._position * 10 // self._rate + 1), np.int64)
        for first, counts in self._counts:
            total[first : first + len(counts)] += counts
        return np.asarray(total[:count] >= max(3.0, CLIPPED_SHARE * self._rate / 10))


def clipped_samples(block: Samples, rail: float, *, must_be_flat: bool = False) -> Mask:
    """Find clipped samples: some channel is in a run of three or more at full scale.

    Args:
        block: shape (n, channels).
        rail: full scale of the coding, as an amplitude.
        must_be_flat: samples of a run must be equal.

    Returns:
        Shape (n,).
    """
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


def _store(
    spill: IO[bytes], target: Path, scale: float, sample_rate: int
) -> tuple[npt.NDArray[np.float64], str, dict[str, str]]:
    """Second pass: write the int16 file, its power table and its fingerprint.

    Returns:
        Per step of 10 ms, shape (4, steps): number of samples, sum, sum of squares, samples that are not zero; a digest
        of the sound; and the hash of each file by its ending.
    """
    steps: list[npt.NDArray[np.float64]] = []
    digest = hashlib.sha256(repr(scale).encode())

    def quantized() -> Iterator[Samples]:
        spill.seek(0)
        for data in iter(functools.partial(spill.read, 4 * _BLOCK_SECONDS * sample_rate), b""):
            yield np.rint(np.frombuffer(data, np.float32).astype(np.float64) / scale).clip(-32768, 32767)

    # Not durable: the store is a cache, and whoever reads a file of it compares its hash first.
    writing = functools.partial(files.writing, durable=False)
    with writing(target.with_suffix(".power")) as table_out, writing(target) as samples_out:
        table, out = files.HashingWriter(table_out), files.HashingWriter(samples_out)

        def kept() -> Iterator[Samples]:
            for samples in quantized():
                packed = samples.astype("<i2").tobytes()
                out.write(packed)
                digest.update(packed)
                steps.append(_step_sums(samples, sample_rate))
                yield samples

        for rows in energy_rows(kept(), sample_rate=sample_rate):
            table.write(np.ascontiguousarray(rows, "<f8").tobytes())
    with writing(target.with_suffix(".bits")) as bits_out:
        bits = files.HashingWriter(bits_out)
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


def _frame_start(frame: int, length: int, sample_rate: int) -> int:
    return min(length, frame * sample_rate // 10)


def has_signal(steps: npt.NDArray[np.float64]) -> bool:
    """Whether there is more than a constant in the steps (shape (4, steps), see `_store`; samples of int16)."""
    n, total, squares = steps[:3].sum(axis=1)
    return bool(squares / n - (total / n) ** 2 > _SILENT_POWER)


def dead_frames(steps: npt.NDArray[np.float64], clipped: Mask) -> Mask:
    """Find frames without signal, or with digital zero for 50 ms.

    Levels are taken about the mean of the whole recording, so that an offset of the converter does not count as signal.
    Clipped frames are ignored when the level of the recording is measured.

    Args:
        steps: shape (4, steps), see `_store`; samples of int16.
        clipped: shape (frames,).

    Returns:
        Shape (frames,).
    """
    firsts = np.minimum(np.arange(len(clipped)) * _STEPS_IN_FRAME, steps.shape[1] - 1)
    n, total, squares, _ = np.add.reduceat(steps, firsts, axis=1)
    mean = steps[1].sum() / steps[0].sum()
    power = np.maximum(squares / n - 2 * mean * total / n + mean * mean, 0.0)
    reference = power if clipped.all() else power[~clipped]
    floor = np.quantile(reference, 0.9, method="lower") * 10 ** (-DEAD_DB / 10)
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
    """Find runs of usable frames of 0.25 s or more, or as long as a shorter recording.

    Args:
        usable: shape (frames,).
        length: of the recording, samples.
        sample_rate: Hz.

    Returns:
        [start, length] of each run, samples.
    """
    edges = np.flatnonzero(np.diff(np.pad(usable.astype(np.int8), 1)))
    least = min(MIN_STRETCH_SECONDS * sample_rate, length)
    stretches = []
    for first, end in edges.reshape(-1, 2).tolist():
        start, stop = _frame_start(first, length, sample_rate), _frame_start(end, length, sample_rate)
        if stop - start >= least:
            stretches.append([start, stop - start])
    return stretches


def _samples_in(frames: Mask, length: int, sample_rate: int) -> int:
    starts = [_frame_start(frame, length, sample_rate) for frame in range(len(frames) + 1)]
    return int(np.diff(starts)[frames].sum())
