"""Rooms: convolution with a recorded impulse response, with the speech left where it is and as loud as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp import convolve as overlap_add
from synth.dsp.arrays import Samples

EARLY_SECONDS = 0.05
"""What arrives within 50 ms of the direct path helps understanding (C50 of ISO 3382-1): it counts as speech."""

_ONSET_DB = -20.0  # the direct path begins where the response first is this near its peak (ISO 3382-1)
_DIRECT_SECONDS = 0.001  # and its peak follows within this
_LEAD_SECONDS = 0.001  # the ringing of a band-limited direct path before its peak, which is kept
_TAIL_ENERGY = 1e-6  # what remains of the energy (-60 dB) is cut off


@dataclass(frozen=True, slots=True)
class Response:
    """An impulse response ready to use: `taps`, of which the one at index `lead` is the direct path."""

    taps: Samples
    lead: int


def prepare_response(response: Samples, *, sample_rate: int) -> Response:
    """Find the direct path, set the energy of its first 50 ms to 1, cut what lies before and the tail below -60 dB.

    Parameters
    ----------
    response: shape (n,), the impulse response as recorded.
    sample_rate: Hz.

    Raises
    ------
    ValueError where the response is empty, silent or not finite.
    """
    if not np.isfinite(response).all() or not np.any(response):
        raise ValueError("the impulse response is empty, silent or not finite")
    direct = _direct_path(response, sample_rate)
    start = max(direct - round(_LEAD_SECONDS * sample_rate), 0)
    early = response[start : direct + round(EARLY_SECONDS * sample_rate)]
    taps = response[start : _last(response) + 1] / np.sqrt(np.sum(early**2))
    return Response(taps=taps, lead=direct - start)


def convolve(samples: Samples, response: Response) -> Samples:
    """The samples in the room, shape (n,) to (n + reverberation_length(response),); the direct path does not move."""
    return overlap_add.convolve(samples, response.taps)[response.lead :]


def reverberation_length(response: Response) -> int:
    """Samples by which the room outlasts the speech."""
    return len(response.taps) - 1 - response.lead


def _direct_path(response: Samples, sample_rate: int) -> int:
    size = np.abs(response)
    onset = int(np.argmax(size >= size.max() * 10.0 ** (_ONSET_DB / 20)))
    return onset + int(np.argmax(size[onset : onset + 1 + round(_DIRECT_SECONDS * sample_rate)]))


def _last(response: Samples) -> int:
    """The last sample that counts, by backward integration of the energy (M. R. Schroeder, 1965)."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    return int(np.flatnonzero(energy > energy[0] * _TAIL_ENERGY)[-1])
