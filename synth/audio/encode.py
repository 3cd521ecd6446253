"""Samples to the bytes of a file, and back: with rounding of our own, so that the encoder gets integers.

libsndfile rounds floats to 16 bits downwards for WAV and to nearest for FLAC, and other versions of it differently; so
it never sees floats.
"""

from __future__ import annotations

import io
import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import soundfile

_FULL_SCALE: Final = {16: 1 << 15, 24: 1 << 23}


def quantize(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Round samples to 16 bits: times 32768, half to even; values at or above 1.0 become 32767.

    Args:
        samples: shape (n,), full scale 1.0.

    Returns:
        Shape (n,), int16.

    Raises:
        ValueError: NaN or infinity (the encoders would abort or write a short file).
    """
    return _rounded(samples, bits=16).astype(np.int16)


def quantize_24(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Round samples to 24 bits, as `quantize` does to 16.

    Args:
        samples: shape (n,), full scale 1.0.

    Returns:
        Shape (n,), int32, with the 24 bits in the upper bytes, as libsndfile takes them.
    """
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


def encode(
    samples: npt.NDArray[np.int16] | npt.NDArray[np.int32], sample_rate: int, file_format: Literal["flac", "wav"]
) -> bytes:
    """Encode mono samples. The same samples give the same bytes: these formats hold no time and no random number.

    Args:
        samples: shape (n,); int16 of `quantize` for 16 bits, int32 of `quantize_24` for 24 bits.
        sample_rate: Hz.
        file_format: "flac" or "wav".

    Returns:
        The bytes of the file.
    """
    subtype = "PCM_24" if samples.dtype == np.int32 else "PCM_16"
    out = io.BytesIO()
    soundfile.write(out, samples, sample_rate, format=file_format.upper(), subtype=subtype)
    return out.getvalue()


def pcm_bytes(samples: npt.NDArray[np.int16]) -> memoryview:
    """What `pcm_sha256` hashes: int16 samples, shape (n,), full scale 32768, as little-endian bytes."""
    return np.ascontiguousarray(samples, dtype="<i2").data.cast("B")


def decode_pcm(data: bytes) -> tuple[npt.NDArray[np.int16], int]:
    """Decode a 16-bit file that `encode` wrote.

    Returns:
        Samples, shape (n,), int16; and the sample rate, Hz.

    Raises:
        RuntimeError: it is damaged.
    """
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return samples, sample_rate


def decode_float(data: bytes) -> tuple[npt.NDArray[np.float64], int]:
    """Decode a file that `encode` wrote, exactly.

    Returns:
        Samples, shape (n,), float64, full scale 1.0; and the sample rate, Hz.

    Raises:
        RuntimeError: it is damaged.
    """
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float64")
    return samples, sample_rate
