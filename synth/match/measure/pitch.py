"""The pitch of a voice in noise: the autocorrelation of its low harmonics, in frames that are clearly voiced."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples
from synth.dsp.windows import hann

LOW_HZ, HIGH_HZ = 60.0, 400.0
CONFIDENT = 0.6
"""Least height of the autocorrelation's peak (0 to 1) of a frame that counts.

Chosen, with the two constants below, on mixes of known pitch (docs/science.md, "Features of a clip").
"""

_BAND_HZ = (150.0, 1000.0)  # engines are below; harmonics give the pitch even if the fundamental is filtered out
_RATE_HZ = 3200
_FRAME_SECONDS, _HOP_SECONDS = 0.05, 0.02
_LEAST_FRAMES = 4
# The power of the noise is subtracted twice over, and a frame counts if 30 % of its power remain. In car noise with a
# tone near 200 Hz at 3 dB SNR, 24 % instead of 40 % of the clips are then off by more than 2 semitones; in other car
# noise at 12 dB, 4 % instead of 16 %.
_NOISE_FACTOR, _LEAST_REMAINDER = 2.0, 0.3
_OCTAVE_COST = 0.04  # of the height, per octave below HIGH_HZ: against octave errors (the idea of Boersma 1993)


def pitch_hz(samples: Samples, active: npt.NDArray[np.bool_], *, sample_rate: int, hop_seconds: float) -> float | None:
    """Median pitch of the voiced frames.

    The autocorrelation is that of the signal between 150 and 1000 Hz, divided by that of the window, after the mean
    power spectrum of the inactive frames was subtracted: tires, motors and fans hum where voices do.

    Args:
        samples: shape (n,), full scale 1.0.
        active: bool, shape (frames,), one per `hop_seconds`: where to look for a voice.
        sample_rate: Hz.
        hop_seconds: seconds between two values of `active`.

    Returns:
        Hz; None if too few frames are voiced.

    Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
        sampled sound" (IFA Proceedings 17, 1993).
    """
    from scipy.signal import sosfilt

    if sample_rate < 2 * _BAND_HZ[1] + 200 or samples.size < 2 * _FRAME_SECONDS * sample_rate or not active.any():
        return None
    step = max(1, sample_rate // _RATE_HZ)
    rate = sample_rate / step
    decimated = np.asarray(sosfilt(_band_pass(sample_rate), samples.astype(np.float32, copy=False))[::step])
    size, hop = round(_FRAME_SECONDS * rate), max(1, round(_HOP_SECONDS * rate))
    if decimated.size < size:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(decimated, size)[::hop]
    middles = (np.arange(len(windows)) * hop + size / 2) / rate
    is_active = active[np.minimum((middles / hop_seconds).astype(int), len(active) - 1)]
    if not is_active.any():
        return None
    lags, heights = _best_lags(windows[is_active], windows[~is_active], rate)
    confident = heights >= CONFIDENT
    return float(rate / np.median(lags[confident])) if int(confident.sum()) >= _LEAST_FRAMES else None


@lru_cache
def _band_pass(sample_rate: int) -> npt.NDArray[Any]:
    from scipy.signal import butter

    return np.asarray(butter(3, _BAND_HZ, "bandpass", fs=sample_rate, output="sos"), np.float32)


def _best_lags(windows: Samples, noise: Samples, rate: float) -> tuple[Samples, Samples]:
    """(lag in samples, height of the peak there) of each window, shape (windows,); height 0 if it is mostly noise."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = windows.shape[1]
    window = hann(size)
    length = int(next_fast_len(2 * size, real=True))
    of_window = irfft(np.abs(rfft(window, length)) ** 2, length)
    power = _power_spectra(windows, window, length)
    noise_power = _power_spectra(noise, window, length).mean(axis=0) if len(noise) else np.zeros(power.shape[1])
    remainder = np.maximum(power - _NOISE_FACTOR * noise_power, 0.0)
    mostly_noise = remainder.sum(axis=1) < _LEAST_REMAINDER * power.sum(axis=1)
    autocorrelation = irfft(remainder, length, axis=1)
    first, last = int(rate / HIGH_HZ), min(int(rate / LOW_HZ) + 1, round(0.75 * size))
    lags = np.arange(first, last + 1)
    norm = autocorrelation[:, :1] / of_window[0]
    heights = autocorrelation[:, first : last + 1] / np.maximum(norm * of_window[first : last + 1], 1e-20)
    cost = _OCTAVE_COST * np.log2(lags * HIGH_HZ / rate)
    inside = heights[:, 1:-1] - cost[1:-1]
    is_peak = (heights[:, 1:-1] >= heights[:, :-2]) & (heights[:, 1:-1] >= heights[:, 2:])
    best = np.where(is_peak, inside, -1.0).argmax(axis=1) + 1
    # The peak lies between two lags: the top of the parabola through the three values around it.
    rows = np.arange(len(windows))
    before, middle, after = heights[rows, best - 1], heights[rows, best], heights[rows, best + 1]
    bend = before - 2 * middle + after
    shift = np.where(bend < -1e-12, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    return lags[best] + np.clip(shift, -0.5, 0.5), np.where(mostly_noise, 0.0, np.minimum(middle, 1.0))


def _power_spectra(windows: Samples, window: Samples, length: int) -> Samples:
    from scipy.fft import rfft

    spectra = rfft((windows - windows.mean(axis=1, keepdims=True)) * window, length, axis=1)
    return np.asarray(spectra.real**2 + spectra.imag**2)
