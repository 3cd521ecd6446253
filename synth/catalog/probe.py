"""The questions that a scan asks about one file, in a worker process that may die of it."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np

from synth.audio.read import Channels, count_samples, read_samples
from synth.dsp.arrays import Samples
from synth.dsp.room import prepare_response
from synth.errors import BadInput

Probed: TypeAlias = tuple[int, int, int]
"""(sample rate in Hz, channels, samples); the samples are exact, or counted by decoding."""

MAX_ROOM_SECONDS: Final = 10.0
"""No impulse response is longer: a cabin falls silent in 0.1 s, a cathedral in 8 s. A longer file is a recording of
something else, and would take gigabytes to convolve with."""

_FRAME, _HOP = 2048, 512  # samples
_FLOOR: Final = (
    1e-10  # power below which librosa treats all frames as equally silent (amin of amplitude_to_db, squared)
)


def probe(path: str, root: str) -> Probed:
    """Read the header of a file below `root`. Raises BadInput as `count_samples`."""
    header = count_samples(path, root=root)
    return header.sample_rate, header.channels, header.num_samples


class AudioSegment(NamedTuple):
    """A segment of a file, and how it is read."""

    root: str  # links must not lead out of it
    offset: int  # samples of the file
    num_samples: int
    channels: Channels  # how several become one


def measure_trim(path: str, segment: AudioSegment, max_seconds: float, top_db: float) -> tuple[int, int]:
    """Where the sound of a segment begins and ends (`trim_bounds`). Raises BadInput as `read_samples`."""
    samples, _ = read_samples(path, max_seconds=max_seconds, **segment._asdict())
    return trim_bounds(samples, top_db)


def check_response(path: str, segment: AudioSegment, max_seconds: float) -> tuple[()]:
    """Read an impulse response as a render will. Raises BadInput as `read_samples`, and silent."""
    samples, rate = read_samples(path, max_seconds=max_seconds, **segment._asdict())
    try:
        prepare_response(samples, sample_rate=rate)
    except ValueError as error:
        raise BadInput("silent", path, str(error), "scan") from None
    return ()


def trim_bounds(samples: Samples, top_db: float) -> tuple[int, int]:
    """Where sound begins and ends, as `librosa.effects.trim` finds it.

    The frames are the same: 2048 samples, 512 apart. A frame's power is summed from four hops, which takes little
    memory (librosa takes four times the sound's), and no worker has to import librosa.

    Args:
        samples: shape (n,), full scale 1.0.
        top_db: frames that are this far below the loudest are silent, dB.

    Returns:
        (start, end) in samples; (0, 0) for silence.
    """
    padded = np.pad(samples, _FRAME // 2)
    np.square(padded, out=padded)  # in place: a long recording must not be in memory three times
    hops = padded[: len(padded) // _HOP * _HOP].reshape(-1, _HOP).sum(axis=1)
    count = 1 + len(samples) // _HOP
    power = np.lib.stride_tricks.sliding_window_view(hops, _FRAME // _HOP)[:count].sum(axis=1) / _FRAME
    loud = np.flatnonzero(10 * np.log10(np.maximum(power, _FLOOR) / max(power.max(), _FLOOR)) > -top_db)
    if not len(loud) or not power.max():
        return 0, 0
    return int(loud[0]) * _HOP, min(len(samples), int(loud[-1] + 1) * _HOP)
