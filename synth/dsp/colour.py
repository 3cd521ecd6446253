"""Noise equalised to a wanted colour: the twelve bands of dsp/noise_bands.py, level-normalised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synth.dsp.convolve import convolve
from synth.dsp.effects.effect import Samples
from synth.dsp.noise_bands import CENTRES_HZ, band_levels, bands_there, normalised

LIMIT_DB = 30.0
_FRAME_SECONDS = 0.128
_FILTER_SECONDS = 0.064
_ROUNDS = 4

Bands = npt.NDArray[np.float64]


def power_spectrum(samples: Samples, *, sample_rate: int) -> Bands:
    """Mean power of each bin (Welch, Hann frames of about 128 ms that overlap by half), shape (bins,)."""
    size = int(2 ** round(np.log2(_FRAME_SECONDS * sample_rate)))
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    window = np.hanning(size + 1)[:size]
    power = np.zeros(size // 2 + 1)
    for first in range(0, len(frames), 64):  # in blocks, so that a long clip takes no more memory
        spectra = np.fft.rfft(frames[first : first + 64] * window, axis=1)
        power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
    return np.asarray(power * 2 / (len(frames) * size * float(window @ window)))


def coloured(
    samples: Samples, bands_db: npt.ArrayLike, *, limit_db: float = LIMIT_DB, sample_rate: int
) -> tuple[Samples, Bands]:
    """The samples, shape (n,), with the colour `bands_db`, and the gain in dB of each band that is there.

    bands_db: levels of the bands, level-normalised or not, at least as many as are below 0.45 of the rate. No band is
    changed by more than `limit_db` against the mean of all changes. Zero phase: nothing moves in time. The gains are
    found on the spectrum, in a few rounds, since neighbours leak into each other where the spectrum is steep; between
    the centres they are interpolated in dB over log frequency, outside they stay.
    """
    there = bands_there(sample_rate)
    target = normalised(np.asarray(bands_db, np.float64)[:there])
    power = power_spectrum(samples, sample_rate=sample_rate)
    size = 2 * (len(power) - 1)
    gains = np.zeros(there)
    for _ in range(_ROUNDS):
        heard = power * 10 ** (_curve(gains, size, sample_rate) / 10)
        found = normalised(band_levels(heard, sample_rate=sample_rate))
        gains = np.clip(normalised(gains + target - found), -limit_db, limit_db)
    gains = np.round(gains, 3)
    return _filtered(samples, gains, sample_rate), gains


def _curve(gains_db: Bands, size: int, sample_rate: int) -> Bands:
    """The gains in dB at the bins of a spectrum of `size` samples."""
    hz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)
    return np.asarray(np.interp(np.log2(hz), np.log2(CENTRES_HZ[: len(gains_db)]), gains_db))


def _filtered(samples: Samples, gains_db: Bands, sample_rate: int) -> Samples:
    size = 2 * int(_FILTER_SECONDS * sample_rate / 2)
    gain = 10 ** (_curve(gains_db, size, sample_rate) / 20)
    taps = np.fft.fftshift(np.fft.irfft(gain, size)) * np.hanning(size + 1)[:size]
    return convolve(samples, taps)[size // 2 : size // 2 + len(samples)]
