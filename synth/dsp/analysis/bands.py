"""The spectrum of noise in twelve bands, by which the noise of data sets is compared and equalized.

Below them lies the rumble, in two bands of its own. Most of the energy of a raw cabin microphone is there: it masks no
speech, but dominates the level, and gives synthetic noise away. See docs/science.md, "Noise spectrum".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bands = npt.NDArray[np.float64]

BANDS = 12
EDGES_HZ = tuple(float(hz) for hz in np.round(np.geomspace(60.0, 7000.0, BANDS + 1), 1))
"""Edges in Hz: each band is 0.57 octave wide. A band that reaches above 0.45 of the sample rate is omitted."""
CENTERS_HZ = tuple(float(hz) for hz in np.round(np.sqrt(np.array(EDGES_HZ[:-1]) * np.array(EDGES_HZ[1:])), 1))

RUMBLE_EDGES_HZ = (20.0, 35.0, 60.0)
RUMBLE_CENTERS_HZ = (26.5, 45.8)
RUMBLE_BANDS = 2


def count_bands(sample_rate: int) -> int:
    """Return how many of the bands lie below 0.45 of the sample rate (Hz)."""
    return sum(edge <= 0.45 * sample_rate for edge in EDGES_HZ[1:])


@lru_cache
def _bin_shares(size: int, sample_rate: int, edges: tuple[float, ...]) -> Bands:
    """Return the share of each bin of a one-sided spectrum of `size` samples in each band, shape (bands, bins).

    A bin counts by the part of its width inside, so that narrow bands have power at any frame size.
    """
    step = sample_rate / size
    bins = np.arange(size // 2 + 1) * step
    low, high = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    inside = np.minimum(bins + step / 2, high) - np.maximum(bins - step / 2, low)
    return np.asarray(np.clip(inside / step, 0.0, 1.0))


def band_levels(power: Bands, *, sample_rate: int) -> Bands:
    """Return the levels of the bands below 0.45 of the rate, in dB, at least -120, shape (bands,).

    Args:
        power: one-sided power spectrum, full scale 1.0, shape (bins,).
        sample_rate: Hz.
    """
    shares = _bin_shares(2 * (len(power) - 1), sample_rate, EDGES_HZ)[: count_bands(sample_rate)]
    levels = shares @ power
    return np.asarray(10 * np.log10(np.maximum(levels, 1e-12)))


def rumble_levels(power: Bands, *, sample_rate: int) -> Bands:
    """Return the levels of the two bands of rumble, 20 to 35 and 35 to 60 Hz, in dB, at least -120, shape (2,).

    Args:
        power: one-sided power spectrum, full scale 1.0, shape (bins,).
        sample_rate: Hz.
    """
    levels = _bin_shares(2 * (len(power) - 1), sample_rate, RUMBLE_EDGES_HZ) @ power
    return np.asarray(10 * np.log10(np.maximum(levels, 1e-12)))


def normalize_levels(levels_db: Bands) -> Bands:
    """Return levels in dB, shape (bands,), less their mean: the shape of the spectrum without its level."""
    return np.asarray(levels_db - levels_db.mean())
