"""The pitch of a voice in noise: the autocorrelation of its low harmonics, in frames that are voiced beyond doubt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples

LOW_HZ, HIGH_HZ = 60.0, 400.0
CONFIDENT = 0.6
"""Least height of the autocorrelation's peak (0..1) of a frame that counts."""

_BAND_HZ = (150.0, 1000.0)  # engines live below; harmonics tell the pitch where the fundamental is cut off
_RATE_HZ = 3200
_FRAME_SECONDS, _HOP_SECONDS = 0.05, 0.02
_LEAST_FRAMES = 4
_NOISE_TAKEN, _VOICE_LEFT = 2.0, 0.3
"""The noise's power is taken off twice over, and a frame counts where 30 % of its power are left (both our own): on car
noise with a tone near 200 Hz at 3 dB SNR, 24 % instead of 40 % of clips are off by more than 2 semitones; with other
car noise at 12 dB, 4 instead of 16 %."""
_OCTAVE_COST = 0.04  # of the height, for each octave below HIGH_HZ (after Boersma 1993; the number is our own)


def pitch_hz(samples: Samples, active: npt.NDArray[np.bool_], *, sample_rate: int, hop_seconds: float) -> float | None:
    """Median pitch in Hz of the voiced frames; None where there are too few.

    active: shape (frames,), one value each `hop_seconds`: only there is a voice looked for. Autocorrelation divided by
    that of the window (Boersma 1993, from memory), of the signal between 150 and 1000 Hz, less the mean power spectrum
    of the frames that are not active: tyres, motors and fans hum where voices do.
    """
    if sample_rate < 2 * _BAND_HZ[1] + 200 or samples.size < 2 * _FRAME_SECONDS * sample_rate or not active.any():
        return None
    slow, rate = _narrowed(samples, sample_rate)
    size, hop = round(_FRAME_SECONDS * rate), max(1, round(_HOP_SECONDS * rate))
    if slow.size < size:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(slow, size)[::hop]
    middles = (np.arange(len(windows)) * hop + size / 2) / rate
    voiced = active[np.minimum((middles / hop_seconds).astype(int), len(active) - 1)]
    if not voiced.any():
        return None
    lags, heights = _best_lags(windows[voiced], windows[~voiced], rate)
    sure = heights >= CONFIDENT
    return float(rate / np.median(lags[sure])) if int(sure.sum()) >= _LEAST_FRAMES else None


def _narrowed(samples: Samples, sample_rate: int) -> tuple[Samples, float]:
    """(the band of low harmonics, its lower rate)."""
    from scipy.signal import sosfilt

    every = max(1, sample_rate // _RATE_HZ)
    narrow = sosfilt(_band_pass(sample_rate), samples.astype(np.float32, copy=False))
    return np.asarray(narrow[::every]), sample_rate / every


@lru_cache
def _band_pass(sample_rate: int) -> npt.NDArray[Any]:
    from scipy.signal import butter

    return np.asarray(butter(3, _BAND_HZ, "bandpass", fs=sample_rate, output="sos"), np.float32)


def _best_lags(windows: Samples, noise: Samples, rate: float) -> tuple[Samples, Samples]:
    """(lag in samples, height of the peak there) of each window, shape (count,); height 0 where it is mostly noise."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = windows.shape[1]
    hann = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    length = int(next_fast_len(2 * size, real=True))
    own = irfft(np.abs(rfft(hann, length)) ** 2, length)
    power = _powers(windows, hann, length)
    under = _powers(noise, hann, length).mean(axis=0) if len(noise) else np.zeros(power.shape[1])
    left = np.maximum(power - _NOISE_TAKEN * under, 0.0)
    mostly_noise = left.sum(axis=1) < _VOICE_LEFT * power.sum(axis=1)
    shape = irfft(left, length, axis=1)
    first, last = int(rate / HIGH_HZ), min(int(rate / LOW_HZ) + 1, round(0.75 * size))
    lags = np.arange(first, last + 1)
    norm = shape[:, :1] / own[0]
    heights = shape[:, first : last + 1] / np.maximum(norm * own[first : last + 1], 1e-20)
    cost = _OCTAVE_COST * np.log2(lags * HIGH_HZ / rate)
    inside = heights[:, 1:-1] - cost[1:-1]
    peaks = (heights[:, 1:-1] >= heights[:, :-2]) & (heights[:, 1:-1] >= heights[:, 2:])
    best = np.where(peaks, inside, -1.0).argmax(axis=1) + 1
    rows = np.arange(len(windows))
    left, middle, right = heights[rows, best - 1], heights[rows, best], heights[rows, best + 1]
    bend = left - 2 * middle + right
    shift = np.where(bend < -1e-12, 0.5 * (left - right) / np.minimum(bend, -1e-12), 0.0)
    return lags[best] + np.clip(shift, -0.5, 0.5), np.where(mostly_noise, 0.0, np.minimum(middle, 1.0))


def _powers(windows: Samples, hann: Samples, length: int) -> Samples:
    from scipy.fft import rfft

    spectra = rfft((windows - windows.mean(axis=1, keepdims=True)) * hann, length, axis=1)
    return np.asarray(spectra.real**2 + spectra.imag**2)
