"""What is asked of one file, in a worker process that may die of it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from synth.audio.read import Channels, count_samples, read_samples
from synth.dsp.arrays import Samples
from synth.dsp.room import prepare_response
from synth.errors import BadInput

Probed: TypeAlias = tuple[int, int, int]
"""(sample rate, channels, samples); the samples are exact, or counted by decoding."""

MAX_ROOM_SECONDS = 10.0
"""No impulse response is longer (our own choice): a cabin falls silent in 0.1 s, a cathedral in 8 s. What is longer is
a recording of something else, and would take gigabytes to convolve with."""

_FRAME, _HOP = 2048, 512
_FLOOR = 1e-10  # power below which librosa counts all as equally silent (amin of amplitude_to_db, squared)


def probe(path: str, root: str) -> Probed:
    """What the header of a file says. Raises BadInput."""
    header = count_samples(path, root=root)
    return header.sample_rate, header.channels, header.num_samples


class AudioSegment(NamedTuple):
    """Which part of a file is meant, below which root, and how its channels become one."""

    root: str
    offset: int
    num_samples: int
    channels: Channels


def measure_trim(path: str, place: AudioSegment, max_seconds: float, top_db: float) -> tuple[int, int]:
    """Where the sound of a segment begins and ends. Raises BadInput."""
    samples, _ = read_samples(path, max_seconds=max_seconds, **place._asdict())
    return trim_bounds(samples, top_db)


def check_response(path: str, place: AudioSegment, max_seconds: float) -> tuple[()]:
    """Read an impulse response as a render will. Raises BadInput: those of `read_samples`, and silent."""
    samples, rate = read_samples(path, max_seconds=max_seconds, **place._asdict())
    try:
        prepare_response(samples, sample_rate=rate)
    except ValueError as error:
        raise BadInput("silent", path, str(error), "scan") from None
    return ()


def trim_bounds(samples: Samples, top_db: float) -> tuple[int, int]:
    """(start, end) in samples, as `librosa.effects.trim(samples, top_db=top_db)` finds them; (0, 0) in silence.

    The same frames of 2048 samples, 512 apart, against the loudest. A frame's power is summed from four hops: little
    memory, where librosa takes four times the sound's, and no librosa in each worker.
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
