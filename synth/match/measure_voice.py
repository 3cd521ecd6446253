"""The pitch of a voice in noise: the autocorrelation of its low harmonics, in frames that are voiced beyond doubt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.dsp.effects.effect import Samples

LOW_HZ, HIGH_HZ = 60.0, 400.0
CONFIDENT = 0.6
"""Least height of the autocorrelation's peak (0..1) of a frame that counts."""

_BAND_HZ = (150.0, 1000.0)  # engines live below; harmonics tell the pitch where the fundamental is cut off
_RATE_HZ = 3200
_FRAME_SECONDS, _HOP_SECONDS = 0.05, 0.02
_LEAST_FRAMES = 4
_OCTAVE_COST = 0.04  # of the height, for each octave below HIGH_HZ (after Boersma 1993; the number is our own)


def pitch_hz(samples: Samples, active: npt.NDArray[np.bool_], *, sample_rate: int, hop_seconds: float) -> float | None:
    """Median pitch in Hz of the voiced frames; None where there are too few.

    active: shape (frames,), one value each `hop_seconds`: only there is a voice looked for. Autocorrelation divided by
    that of the window (Boersma 1993, from memory), of the signal between 150 and 1000 Hz.
    """
    if sample_rate < 2 * _BAND_HZ[1] + 200 or samples.size < 2 * _FRAME_SECONDS * sample_rate or not active.any():
        return None
    slow, rate = _narrowed(samples, sample_rate)
    size, hop = round(_FRAME_SECONDS * rate), max(1, round(_HOP_SECONDS * rate))
    if slow.size < size:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(slow, size)[::hop]
    middles = (np.arange(len(windows)) * hop + size / 2) / rate
    windows = windows[active[np.minimum((middles / hop_seconds).astype(int), len(active) - 1)]]
    if not len(windows):
        return None
    lags, heights = _best_lags(windows, rate)
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


def _best_lags(windows: Samples, rate: float) -> tuple[Samples, Samples]:
    """(lag in samples, height of the peak there) of each window, shape (count,)."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = windows.shape[1]
    hann = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    length = int(next_fast_len(2 * size, real=True))
    own = irfft(np.abs(rfft(hann, length)) ** 2, length)
    spectra = rfft((windows - windows.mean(axis=1, keepdims=True)) * hann, length, axis=1)
    shape = irfft(spectra.real**2 + spectra.imag**2, length, axis=1)
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
    return lags[best] + np.clip(shift, -0.5, 0.5), np.minimum(middle, 1.0)
