"""The colour of noise in twelve bands: what a data set's noise is compared by, and equalised to.

Below them lies the rumble, in two bands of its own: most of the energy of a raw cabin microphone is there, where it
hides no speech, but takes the level, and shows what is synthetic.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bands = npt.NDArray[np.float64]

BANDS = 12
EDGES_HZ = tuple(float(hz) for hz in np.round(np.geomspace(60.0, 7000.0, BANDS + 1), 1))
"""Edges in Hz: each band is 0.57 octave wide. A band that reaches above 0.45 of the rate is not there."""
CENTERS_HZ = tuple(float(hz) for hz in np.round(np.sqrt(np.array(EDGES_HZ[:-1]) * np.array(EDGES_HZ[1:])), 1))

RUMBLE_EDGES_HZ = (20.0, 35.0, 60.0)
RUMBLE_CENTERS_HZ = (26.5, 45.8)
RUMBLE_BANDS = 2


def count_bands(sample_rate: int) -> int:
    """How many of the bands lie below 0.45 of the rate."""
    return sum(edge <= 0.45 * sample_rate for edge in EDGES_HZ[1:])


@lru_cache
def _shares(size: int, sample_rate: int) -> Bands:
    """Share of each bin of a one-sided spectrum of `size` samples in each band, shape (bands there, size // 2 + 1).

    A bin counts by the part of its width that lies within, so that narrow bands have power at any frame size.
    """
    return _parts(size, sample_rate, EDGES_HZ)[: count_bands(sample_rate)]


@lru_cache
def _rumble_shares(size: int, sample_rate: int) -> Bands:
    return _parts(size, sample_rate, RUMBLE_EDGES_HZ)


def _parts(size: int, sample_rate: int, edges: tuple[float, ...]) -> Bands:
    step = sample_rate / size
    bins = np.arange(size // 2 + 1) * step
    low, high = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    inside = np.minimum(bins + step / 2, high) - np.maximum(bins - step / 2, low)
    return np.asarray(np.clip(inside / step, 0.0, 1.0))


def band_levels(power: Bands, *, sample_rate: int) -> Bands:
    """Levels in dB of the bands that are there, of a one-sided power spectrum of shape (bins,); at least -120 dB."""
    levels = _shares(2 * (len(power) - 1), sample_rate) @ power
    return np.asarray(10 * np.log10(np.maximum(levels, 1e-12)))


def rumble_levels(power: Bands, *, sample_rate: int) -> Bands:
    """Levels in dB of the two bands of rumble, 20 to 35 and 35 to 60 Hz, as `band_levels`, shape (2,)."""
    levels = _rumble_shares(2 * (len(power) - 1), sample_rate) @ power
    return np.asarray(10 * np.log10(np.maximum(levels, 1e-12)))


def normalize_levels(levels_db: Bands) -> Bands:
    """The levels less their mean: the colour without the level."""
    return np.asarray(levels_db - levels_db.mean())
