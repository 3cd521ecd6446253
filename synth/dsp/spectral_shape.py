"""Noise equalised to a wanted colour: the bands of dsp/noise_bands.py, level-normalize_levels, and the rumble below them."""

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
RUMBLE_MORE_DB = 30.0
"""Rumble may be changed by so much more: microphones and codecs cut it off, and it is not heard."""
_FRAME_SECONDS = 0.128
_FILTER_SECONDS = 0.064
_RUMBLE_FRAME_SECONDS = _RUMBLE_FILTER_SECONDS = 0.256  # bands of 15 and 25 Hz want a finer look
_ROUNDS = 4

Bands = npt.NDArray[np.float64]


def power_spectrum(samples: Samples, *, sample_rate: int, frame_seconds: float = _FRAME_SECONDS) -> Bands:
    """Mean power of each bin (Welch, Hann frames of about 128 ms that overlap by half), shape (bins,)."""
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
    """The two bands of rumble against the mean of the twelve bands, in dB, shape (2,)."""
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
    """The samples, shape (n,), with the colour `bands_db`, and the gain in dB of each band that is there.

    bands_db: levels of the bands, level-normalize_levels or not, at least as many as are below 0.45 of the rate. rumble_db:
    the two bands of rumble against the mean of the twelve; without them what is below the lowest centre is changed as
    it is. With them their two gains come first. No band is changed by more than `limit_db` (rumble: 30 dB more) against
    the mean of all changes. Zero phase: nothing moves in time. The gains are found on the spectrum, in a few rounds,
    since neighbours leak into each other where the spectrum is steep; between the centres they are interpolated in dB
    over log frequency, outside they stay.
    """
    there = count_bands(sample_rate)
    target = normalize_levels(np.asarray(bands_db, np.float64)[:there])
    if rumble_db is None:
        frame_seconds, filter_seconds, centres = _FRAME_SECONDS, _FILTER_SECONDS, CENTERS_HZ[:there]
    else:
        frame_seconds, filter_seconds = _RUMBLE_FRAME_SECONDS, _RUMBLE_FILTER_SECONDS
        centres = (*RUMBLE_CENTERS_HZ, *CENTERS_HZ[:there])
        target = np.concatenate([np.asarray(rumble_db, np.float64), target])
    power = power_spectrum(samples, sample_rate=sample_rate, frame_seconds=frame_seconds)
    below = 0 if rumble_db is None else RUMBLE_BANDS
    size = 2 * (len(power) - 1)
    gains = np.zeros(below + there)
    limits = np.full(below + there, float(limit_db))
    limits[:below] += RUMBLE_MORE_DB
    for _ in range(_ROUNDS):
        heard = power * 10 ** (_curve(gains, centres, size, sample_rate) / 10)
        gains = gains + target - _colour(heard, below, sample_rate)
        gains = np.clip(gains - gains[below:].mean(), -limits, limits)
    gains = np.round(gains, 3)
    return _filtered(samples, gains, centres, filter_seconds, sample_rate), gains


def _colour(power: Bands, below: int, sample_rate: int) -> Bands:
    """The bands against the mean of the twelve; those of the rumble first, where they are wanted."""
    bands = normalize_levels(band_levels(power, sample_rate=sample_rate))
    return np.concatenate([rumble_of(power, sample_rate=sample_rate), bands]) if below else bands


def _curve(gains_db: Bands, centres_hz: tuple[float, ...], size: int, sample_rate: int) -> Bands:
    """The gains in dB at the bins of a spectrum of `size` samples."""
    hz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)
    return np.asarray(np.interp(np.log2(hz), np.log2(centres_hz), gains_db))


def _filtered(
    samples: Samples, gains_db: Bands, centres_hz: tuple[float, ...], seconds: float, sample_rate: int
) -> Samples:
    size = 2 * int(seconds * sample_rate / 2)
    gain = 10 ** (_curve(gains_db, centres_hz, size, sample_rate) / 20)
    taps = np.fft.fftshift(np.fft.irfft(gain, size)) * periodic_hann(size)
    return convolve(samples, taps)[size // 2 : size // 2 + len(samples)]
