"""Put speech in a room by a recorded impulse response, without moving it and without changing its level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp import convolve as overlap_add
from synth.dsp.arrays import Samples

EARLY_SECONDS = 0.05
"""What arrives within 50 ms of the direct path helps to understand speech (C50 of ISO 3382-1), and counts as speech."""

_ONSET_DB = -20.0  # the direct path begins where the response first is this near its peak (ISO 3382-1)
_DIRECT_SECONDS = 0.001  # and its peak follows within this
_LEAD_SECONDS = 0.001  # the ringing of a band-limited direct path before its peak, which is kept
_TAIL_ENERGY = 1e-6  # what remains of the energy (-60 dB) is cut off


@dataclass(frozen=True, slots=True)
class Response:
    """An impulse response ready to use."""

    taps: Samples  # shape (m,), dimensionless; the energy of the first 50 ms is 1
    lead: int  # index of the direct path


def prepare_response(response: Samples, *, sample_rate: int) -> Response:
    """Find the direct path, set the energy of its first 50 ms to 1, and cut the lead and the tail below -60 dB.

    Args:
        response: the impulse response as recorded, float64, shape (n,), any scale.
        sample_rate: Hz.

    Raises:
        ValueError: the response is empty, silent or not finite.
    """
    if not np.isfinite(response).all() or not np.any(response):
        raise ValueError("the impulse response is empty, silent or not finite")
    size = np.abs(response)
    onset = int(np.argmax(size >= size.max() * 10.0 ** (_ONSET_DB / 20)))
    direct = onset + int(np.argmax(size[onset : onset + 1 + round(_DIRECT_SECONDS * sample_rate)]))
    start = max(direct - round(_LEAD_SECONDS * sample_rate), 0)
    early = response[start : direct + round(EARLY_SECONDS * sample_rate)]
    energy = np.cumsum(response[::-1] ** 2)[::-1]  # backward integration (M. R. Schroeder, 1965)
    last = int(np.flatnonzero(energy > energy[0] * _TAIL_ENERGY)[-1])
    taps = response[start : last + 1] / np.sqrt(np.sum(early**2))
    return Response(taps=taps, lead=direct - start)


def convolve(samples: Samples, response: Response) -> Samples:
    """Convolve speech with a response; the direct path does not move.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        response: of the room.

    Returns:
        Shape (n + reverberation_length(response),).
    """
    return overlap_add.convolve(samples, response.taps)[response.lead :]


def reverberation_length(response: Response) -> int:
    """Return by how many samples the room outlasts the speech."""
    return len(response.taps) - 1 - response.lead
