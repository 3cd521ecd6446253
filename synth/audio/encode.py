"""Samples to bytes: our own rounding, and integers to the encoder.

libsndfile rounds float to 16 bits downwards for WAV and to nearest for FLAC, and will change that; so it never sees
floats.
"""

from __future__ import annotations

import io
import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import soundfile

Format = Literal["flac", "wav"]
_FULL_SCALE: Final = {16: 1 << 15, 24: 1 << 23}


def quantise(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Samples (n,), full scale 1.0, to int16: times 32768, rounded half to even, values at or above 1.0 to 32767.

    Raises:
        ValueError: NaN or infinity (the encoders would abort or write a short file).
    """
    return _rounded(samples, bits=16).astype(np.int16)


def quantise_24(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """As `quantise`, to 24 bits in the upper bytes of int32, as libsndfile takes them."""
    return _rounded(samples, bits=24).astype(np.int32) << np.int32(8)


def _rounded(samples: npt.NDArray[np.float64], *, bits: int) -> npt.NDArray[np.float64]:
    full_scale = _FULL_SCALE[bits]
    scaled = samples * float(full_scale)
    np.rint(scaled, out=scaled)
    low, high = (float(scaled.min()), float(scaled.max())) if scaled.size else (0.0, 0.0)
    if not math.isfinite(high - low):  # NaN survives in both
        raise ValueError("the samples hold NaN or infinity")
    if low < -full_scale or high > full_scale - 1:
        np.clip(scaled, -full_scale, full_scale - 1, out=scaled)
    return scaled


def encode(samples: npt.NDArray[np.int16] | npt.NDArray[np.int32], sample_rate: int, file_format: Format) -> bytes:
    """Mono samples (n,) as the bytes of a file: int16 to 16-bit FLAC or WAV, int32 (`quantise_24`) to 24-bit.

    The same samples give the same bytes: no time, no random serial number, no PEAK chunk is in these formats.
    """
    subtype = "PCM_24" if samples.dtype == np.int32 else "PCM_16"
    out = io.BytesIO()
    soundfile.write(out, samples, sample_rate, format=file_format.upper(), subtype=subtype)
    return out.getvalue()


def pcm_bytes(samples: npt.NDArray[np.int16]) -> memoryview:
    """The samples as little-endian bytes: what `pcm_sha256` is the hash of."""
    return np.ascontiguousarray(samples, dtype="<i2").data.cast("B")


def decode_pcm(data: bytes) -> tuple[npt.NDArray[np.int16], int]:
    """(samples (n,) as int16, sample rate) of a 16-bit file that we wrote. Raises RuntimeError where it is damaged."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return samples, sample_rate


def decode_float(data: bytes) -> tuple[npt.NDArray[np.float64], int]:
    """(samples (n,) at full scale 1.0, sample rate) of a file that we wrote, exact for 16 and 24 bits."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float64")
    return samples, sample_rate
