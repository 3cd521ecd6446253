"""Samples to Opus and MP3 and back, with the same bytes at every call and as many samples as went in.

Measured with libsndfile 1.2.2 (libopus 1.4, LAME 3.100): Opus keeps its length by the granule position of the last
page, MP3 by the LAME tag of its first frame, and neither delays the sound. LAME leaves the tag out where it does not
fit into a frame, as with a constant bit rate below 48 kbit/s; so the bit rate of MP3 is an average one.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import nullcontext
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from synth.audio.decoder_notes import dropped_decoder_notes
from synth.audio.encode import quantize
from synth.audio.formats import LOSSY_FORMATS
from synth.audio.ogg_pages import with_serial_number
from synth.audio.sequential import SequentialSoundFile

#: libsndfile takes a compression level from 0 to 1 in place of a bit rate: highest bit rate, and how far down 1 leads.
_OPUS_KBPS: Final = (256.0, 250.0)
_MP3_KBPS: Final = (160.0, 152.0)
_MP3_KBPS_FROM_32_KHZ: Final = (320.0, 288.0)


def encode_lossy(
    samples: npt.NDArray[np.int16], sample_rate: int, file_format: str, *, bit_rate_kbps: float, name: str
) -> bytes:
    """Encode mono samples.

    Args:
        samples: shape (n,), int16.
        sample_rate: Hz, one of the format's.
        file_format: "opus" or "mp3".
        bit_rate_kbps: average bit rate (kbit/s).
        name: what the serial number of an Ogg stream is made from, such as the id of the clip.

    Returns:
        The bytes of the file: the same for the same arguments.
    """
    lossy = LOSSY_FORMATS[file_format]
    mode = "AVERAGE" if file_format == "mp3" else None
    level = _compression_level(file_format, sample_rate, bit_rate_kbps)
    out = io.BytesIO()
    with soundfile.SoundFile(
        out,
        "w",
        samplerate=sample_rate,
        channels=1,
        format=lossy.container,
        subtype=lossy.subtype,
        compression_level=level,
        bitrate_mode=mode,
    ) as file:
        file.write(samples)
    if lossy.container != "OGG":
        return out.getvalue()
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return with_serial_number(out.getvalue(), int.from_bytes(digest, "little"))


def _compression_level(file_format: str, sample_rate: int, bit_rate_kbps: float) -> float:
    highest, step = _OPUS_KBPS
    if file_format == "mp3":
        highest, step = _MP3_KBPS_FROM_32_KHZ if sample_rate >= 32_000 else _MP3_KBPS
    return (highest - bit_rate_kbps) / step


def decode_lossy(data: bytes) -> npt.NDArray[np.float32]:
    """Decode a file of `encode_lossy`.

    Returns:
        Shape (n,), float32, full scale 1.0; single samples may pass full scale. These are the samples of a decoder that
        reads from start to end. `soundfile.read` seeks first, and gives others for MP3, by up to 1e-7.
    """
    notes = nullcontext() if data.startswith(b"OggS") else dropped_decoder_notes()
    with notes, SequentialSoundFile(io.BytesIO(data)) as file:
        return np.asarray(file.read(file.frames + 1, dtype="float32"))


def decoded_pcm(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """What counts as the 16-bit samples of a lossy file: its decoded samples, rounded by `quantize`.

    Args:
        samples: as decoded, shape (n,), full scale 1.0.

    Returns:
        Shape (n,), int16.
    """
    return quantize(samples.astype(np.float64))
