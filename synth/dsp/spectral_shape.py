"""Equalize noise to a target spectrum: the bands of `synth.dsp.analysis.bands`, and the rumble below them.

See docs/science.md, "Equalizing noise to dev".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synth.dsp.analysis.bands import (
    CENTERS_HZ,
    RUMBLE_BANDS,
    RUMBLE_CENTERS_HZ,
    band_levels,
    count_bands,
    normalize_levels,
    rumble_levels,
)
from synth.dsp.arrays import Samples
from synth.dsp.convolve import convolve
from synth.dsp.windows import periodic_hann

MAX_GAIN_DB = 30.0
RUMBLE_EXTRA_DB = 30.0
"""Rumble may be changed by so much more: microphones and codecs cut it off, and it is hardly audible."""
_FRAME_SECONDS = 0.128
_FILTER_SECONDS = 0.064
_RUMBLE_FRAME_SECONDS = _RUMBLE_FILTER_SECONDS = 0.256  # bands of 15 and 25 Hz need a finer resolution
_ROUNDS = 4

Bands = npt.NDArray[np.float64]


def power_spectrum(samples: Samples, *, sample_rate: int, frame_seconds: float = _FRAME_SECONDS) -> Bands:
    """Measure the mean power of each bin (Welch, Hann frames that overlap by half).

    Args:
        samples: float64, shape (n,), full scale 1.0.
        sample_rate: Hz.
        frame_seconds: length of a frame, rounded to a power of two of samples.

    Returns:
        One-sided, shape (bins,).
    """
    size = int(2 ** round(np.log2(frame_seconds * sample_rate)))
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    window = periodic_hann(size)
    power = np.zeros(size // 2 + 1)
    for first in range(0, len(frames), 64):  # in blocks, so that a long clip takes no more memory
        spectra = np.fft.rfft(frames[first : first + 64] * window, axis=1)
        power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
    return np.asarray(power * 2 / (len(frames) * size * float(window @ window)))


def rumble_of(power: Bands, *, sample_rate: int) -> Bands:
    """Return the two bands of rumble relative to the mean of the twelve bands, in dB, shape (2,).

    Args:
        power: one-sided power spectrum, shape (bins,).
        sample_rate: Hz.
    """
    mean = band_levels(power, sample_rate=sample_rate).mean()
    return np.asarray(rumble_levels(power, sample_rate=sample_rate) - mean)


def shape_spectrum(
    samples: Samples,
    bands_db: npt.ArrayLike,
    *,
    rumble_db: npt.ArrayLike | None = None,
    limit_db: float = MAX_GAIN_DB,
    sample_rate: int,
) -> tuple[Samples, Bands]:
    """Equalize noise to a target spectrum, with zero phase.

    The gains are computed on the spectrum, in a few rounds, because neighbors leak into each other where the spectrum
    is steep. Between the centers of the bands they are interpolated in dB over log frequency; outside they are
    constant.

    Args:
        samples: float64, shape (n,), full scale 1.0.
        bands_db: target level of each band, dB, normalized or not, at least as many as lie below 0.45 of the rate.
        rumble_db: target of the two bands of rumble relative to the mean of the twelve, dB. If omitted, what is below
            the lowest center changes as the lowest band does.
        limit_db: no band changes by more (rumble: 30 dB more), relative to the mean of all changes, dB.
        sample_rate: Hz.

    Returns:
        The samples, shape (n,), and the gain of each band in dB; with `rumble_db` its two gains come first.
    """
    count = count_bands(sample_rate)
    target = normalize_levels(np.asarray(bands_db, np.float64)[:count])
    if rumble_db is None:
        frame_seconds, filter_seconds, centers = _FRAME_SECONDS, _FILTER_SECONDS, CENTERS_HZ[:count]
    else:
        frame_seconds, filter_seconds = _RUMBLE_FRAME_SECONDS, _RUMBLE_FILTER_SECONDS
        centers = (*RUMBLE_CENTERS_HZ, *CENTERS_HZ[:count])
        target = np.concatenate([np.asarray(rumble_db, np.float64), target])
    power = power_spectrum(samples, sample_rate=sample_rate, frame_seconds=frame_seconds)
    below = 0 if rumble_db is None else RUMBLE_BANDS
    size = 2 * (len(power) - 1)
    gains = np.zeros(below + count)
    limits = np.full(below + count, float(limit_db))
    limits[:below] += RUMBLE_EXTRA_DB
    for _ in range(_ROUNDS):
        equalized = power * 10 ** (_curve(gains, centers, size, sample_rate) / 10)
        gains = gains + target - _relative_levels(equalized, below, sample_rate)
        gains = np.clip(gains - gains[below:].mean(), -limits, limits)
    gains = np.round(gains, 3)
    size = 2 * int(filter_seconds * sample_rate / 2)
    gain = 10 ** (_curve(gains, centers, size, sample_rate) / 20)
    taps = np.fft.fftshift(np.fft.irfft(gain, size)) * periodic_hann(size)
    return convolve(samples, taps)[size // 2 : size // 2 + len(samples)], gains


def _relative_levels(power: Bands, below: int, sample_rate: int) -> Bands:
    """Return the bands relative to the mean of the twelve; those of the rumble first if `below` is not 0."""
    bands = normalize_levels(band_levels(power, sample_rate=sample_rate))
    return np.concatenate([rumble_of(power, sample_rate=sample_rate), bands]) if below else bands


def _curve(gains_db: Bands, centers_hz: tuple[float, ...], size: int, sample_rate: int) -> Bands:
    """Return the gains in dB at the bins of a spectrum of `size` samples."""
    hz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)
    return np.asarray(np.interp(np.log2(hz), np.log2(centers_hz), gains_db))
