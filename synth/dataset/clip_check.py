"""Compares a clip and its stems with the manifest row: hashed, decoded and measured in blocks.

Memory does not depend on what a file claims: decoding stops one sample after the length that the row gives.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth import files
from synth.archives.window import Window
from synth.audio.encode import pcm_bytes, quantize
from synth.audio.formats import LOSSY_KINDS
from synth.audio.lossy_codec import decoded_pcm
from synth.audio.pcm_level import PcmLevel
from synth.audio.read import AudioFile, opened_window
from synth.dataset.lossy_clip import coding_error_db
from synth.dataset.reader import open_window_inside
from synth.dataset.row_consistency import LEVEL_TOLERANCE_DB, stems_of
from synth.dataset.written_levels import is_quiet, measure_stems, snr_scale_of
from synth.dsp import levels
from synth.errors import BadInput

SNR_TOLERANCE_DB: Final = 0.05
SIDE_TOLERANCE_DB: Final = 0.3  # SNRs of other weightings than the recipe's may come from a power table (0.2 dB)
ERROR_TOLERANCE_DB: Final = 0.3  # of the error of a lossy format: the stems give the clip back to within one step
SNR_REACHED_DB: Final = 0.5  # between measured and requested: far less, except for `lufs` in short clips
MAX_MEASURED: Final = 1 << 21  # samples of the longest clip whose SNR is measured on its stems (131 s at 16 kHz)

_BLOCK, _READ = 1 << 18, 1 << 16  # samples decoded, and bytes read at once
#: More than a sample of one channel takes in any file that we write (3 bytes of PCM; FLAC of noise a little more).
_SAMPLE_BYTES: Final = 8
_HEADER_BYTES: Final = 1 << 20
_UNMEASURABLE_DBFS: Final = -125.0  # a stem below this may be gone in 24 bits


class _Unreadable(Exception):
    """What is wrong with a file of a clip that cannot be measured."""


@dataclass(slots=True)
class _Decoded:
    """What a file holds."""

    sha256: str  # of the file
    rate: int  # Hz
    channels: int
    count: int  # samples
    level: PcmLevel
    pcm_sha256: str = ""  # of the samples
    samples: npt.NDArray[Any] | None = None  # of the first channel, shape (count,), if they were kept


def check_clip(root: Path, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find every difference between a clip, its stems, and its row.

    Args:
        root: the data set.
        row: a manifest row of right types.

    Yields:
        The path in the data set, and what is wrong with it.
    """
    path, stems = row["audio_filepath"], stems_of(row)
    measure = len(stems) == 2 and row["num_samples"] <= MAX_MEASURED
    decoded: dict[str, _Decoded] = {}
    for name, file in (("", path), *stems.items()):
        try:
            dtype = "float64" if name else "int16"
            window = _open(root, file, row["num_samples"], start=None if name else row.get("tar_offset"))
            decoded[name] = _decode(root / file, window, row["num_samples"], dtype=dtype, keep_samples=measure)
        except _Unreadable as error:
            yield file, str(error)
    sha256s = {"": row["sha256"], **{name: row["stems"].get(f"{name}_sha256") for name in stems}}
    for name, file in (("", path), *stems.items()):
        if name in decoded and decoded[name].sha256 != sha256s[name]:
            yield file, "its bytes are not those that were written"
    if "" in decoded:
        yield from ((path, what) for what in _main_faults(row, decoded[""]))
    for name, file in stems.items():
        if name in decoded and (decoded[name].count, decoded[name].rate) != (row["num_samples"], row["sampling_rate"]):
            length = f"{decoded[name].count} samples at {decoded[name].rate} Hz"
            yield file, f"{length}: its stems are not as long as the clip"
            return
    if measure and len(decoded) == 3 and decoded[""].count == row["num_samples"]:
        with np.errstate(all="ignore"):
            yield from ((path, what) for what in _stem_faults(row, decoded))


def _open(root: Path, path: str, num_samples: int, *, start: int | None) -> Window:
    """Open a file of a clip, if it is not far too large."""
    try:
        window = open_window_inside(root, path, start=start)
    except BadInput as error:
        raise _Unreadable(f"cannot be read: {error.message}") from None
    except (OSError, ValueError) as error:
        raise _Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    largest = num_samples * _SAMPLE_BYTES + _HEADER_BYTES
    if window.size > largest:  # before all of it is read for its hash
        os.close(window.descriptor)
        raise _Unreadable(f"it has {window.size:,} bytes, and a clip of {num_samples:,} samples at most {largest:,}")
    return window


def _decode(path: Path, window: Window, num_samples: int, *, dtype: str, keep_samples: bool) -> _Decoded:
    """Hash and decode a file of a clip, at most one sample more than it should have; closes it."""
    try:
        with files.reading(path):
            sha256 = _hash(window)
    except BaseException:
        os.close(window.descriptor)
        raise
    try:
        with opened_window(window, str(path)) as audio:
            return _measure(audio, sha256, num_samples, dtype=dtype, keep_samples=keep_samples)
    except BadInput as error:
        raise _Unreadable(f"cannot be decoded: {error.message}") from None
    except (RuntimeError, AssertionError, ValueError, OSError) as error:
        raise _Unreadable(f"cannot be decoded: {str(error).splitlines()[0]}") from None


def _hash(window: Window) -> str:
    """SHA-256 of the bytes of a window, hex."""
    digest, at = hashlib.sha256(), 0
    while block := window.read_at(at, _READ):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()


def _measure(audio: AudioFile, sha256: str, num_samples: int, *, dtype: str, keep_samples: bool) -> _Decoded:
    decoded = _Decoded(sha256, audio.header.sample_rate, audio.header.channels, 0, PcmLevel())
    digest, blocks = hashlib.sha256(), []
    is_lossy = audio.header.format in LOSSY_KINDS
    read_as = "float32" if is_lossy else dtype
    while decoded.count <= num_samples:
        block = audio.sound.read(min(num_samples + 1 - decoded.count, _BLOCK), dtype=read_as, always_2d=True)[:, 0]
        if not len(block):  # asked for again at the end: a file that promises more samples than it has is an error then
            break
        decoded.count += len(block)
        if dtype == "int16":
            block = decoded_pcm(block) if is_lossy else block
            digest.update(pcm_bytes(block))
            decoded.level.add(block)
        if keep_samples:
            blocks.append(block)
    decoded.pcm_sha256 = digest.hexdigest()
    if blocks:
        decoded.samples = np.concatenate(blocks)
    return decoded


def _main_faults(row: Mapping[str, Any], clip: _Decoded) -> Iterator[str]:
    pairs = (("num_samples", clip.count), ("sampling_rate", clip.rate), ("channels", clip.channels))
    for name, value in pairs:
        if row.get(name, value) != value:
            is_longer = name == "num_samples" and value > row[name]  # decoding stopped, so the length is not known
            yield f"{name} is {'more' if is_longer else value}, the manifest says {row[name]}"
    if abs(clip.count / clip.rate - row["duration"]) > 0.5 / clip.rate and clip.count <= row["num_samples"]:
        yield f"its duration is {clip.count / clip.rate:g} s, the manifest says {row['duration']:g} s"
    if clip.pcm_sha256 != row["pcm_sha256"]:
        if row.get("encoding") and clip.sha256 == row["sha256"]:
            yield (
                "its bytes are those that were written, but they decode to other samples here: another version of "
                "libsndfile (dataset.json has the one that made it), or another kind of processor"
            )
        else:
            yield "its samples are not those that were written"
    if clip.count == row["num_samples"]:
        yield from _decibels("level", row["level_dbfs"]["measured"], clip.level.level_dbfs, LEVEL_TOLERANCE_DB)
        yield from _decibels("peak", row["peak_dbfs"], clip.level.peak_dbfs, LEVEL_TOLERANCE_DB)


def _decibels(what: str, stated: float | None, measured: float, tolerance: float) -> Iterator[str]:
    if stated is not None and (not math.isfinite(measured) or abs(measured - stated) > tolerance):
        yield f"its {what} is {measured:.2f} dB, the manifest says {stated:.2f} dB"


def _adds_up(mix: npt.NDArray[Any], clip: npt.NDArray[Any], encoding: Mapping[str, Any] | None) -> bool:
    """Whether stems of full scale 1.0 add up to a clip in 16 bits; to a lossy one by the error that its row states."""
    if encoding is None:
        return bool(np.abs(mix - clip / 32768.0).max() <= 1.01 / 32768)
    before = quantize(mix)
    return bool(before.any()) and abs(coding_error_db(before, clip) - encoding["error_db"]) <= ERROR_TOLERANCE_DB


def _stem_faults(row: Mapping[str, Any], decoded: Mapping[str, _Decoded]) -> Iterator[str]:
    """Check the SNRs of the stems, and, without a channel, that they add up to the clip."""
    clip, speech, noise = (decoded[name].samples for name in ("", "speech", "noise"))
    assert clip is not None and speech is not None and noise is not None
    if not row.get("channel") and not _adds_up(speech + noise, clip, row.get("encoding")):
        yield "its stems do not add up to the clip"
    if row["snr_db"] is None:
        if noise.any():
            yield "it has no SNR, but a noise stem that is not silent"
        return
    span = slice(row["speech"]["onset"], row["speech"]["onset"] + row["speech"]["num_samples"])
    stated, active_level = row["snr_db"], row["speech"].get("active_level_dbfs")
    active, snr = math.nan, None
    with contextlib.suppress(levels.SilentError, ValueError):
        active, snr = measure_stems(speech, noise, span, snr_scale_of(row))
    if snr is None:
        if active_level is None or min(active_level, active_level - stated["measured"]) > _UNMEASURABLE_DBFS:
            yield f"its SNR cannot be measured on the stems, the manifest says {stated['measured']:.2f} dB"
        return
    yield from _decibels("SNR", stated["measured"], snr.measured, SNR_TOLERANCE_DB)
    if not is_quiet(active, snr.measured) and abs(stated["measured"] - stated["requested"]) > SNR_REACHED_DB:
        yield f"its SNR is {stated['measured']:.2f} dB, requested were {stated['requested']:.2f} dB"
    yield from _decibels("active speech level", active_level, active, SNR_TOLERANCE_DB)
    for name, value in (("band", snr.band), ("a", snr.a), ("broadband", snr.broadband)):
        yield from _decibels(f"SNR ({name})", stated.get(name), value, SIDE_TOLERANCE_DB)
