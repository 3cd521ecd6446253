"""What the models see of a clip: a log-mel picture of fixed size (docs/science.md, "Spoken digits")."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RATE = 8000
BANDS, BINS = 26, 20
_WINDOW, _HOP, _FFT = 256, 80, 256
_FLOOR_DB = 50.0  # below the loudest cell; our own choice, so that digital silence is no number of its own

Array = npt.NDArray[np.float64]


def picture(samples: Array) -> npt.NDArray[np.float32]:
    """Log-mel energies of a clip at 8 kHz, (BANDS * BINS,), in units of 10 dB, less their mean.

    The clip's frames are averaged into BINS stretches of equal length, so its level and its length do not matter.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), _FFT)) ** 2
    mel = _average(len(power)) @ (power @ _mel_filters())
    level = np.log10(np.maximum(mel, mel.max() * 10 ** (-_FLOOR_DB / 10) + 1e-12))
    told: npt.NDArray[np.float32] = (level - level.mean()).astype(np.float32).ravel()
    return told


@lru_cache(maxsize=512)
def _average(frames: int) -> Array:
    """Weights (BINS, frames): each bin is the mean of its stretch of frames, parts of a frame counted as such."""
    edges = np.linspace(0, frames, BINS + 1)
    at = np.arange(frames)
    inside = np.minimum(at + 1, edges[1:, None]) - np.maximum(at, edges[:-1, None])
    weights: Array = np.clip(inside, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


@lru_cache(maxsize=1)
def _mel_filters() -> Array:
    """Triangles (FFT bins, BANDS) evenly spaced on the mel scale (O'Shaughnessy) from 60 Hz to 4 kHz."""
    mel = 2595 * np.log10(1 + np.array([60.0, RATE / 2]) / 700)
    hz = 700 * (10 ** (np.linspace(mel[0], mel[1], BANDS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(_FFT, 1 / RATE)[:, None]
    rise, fall = (at - hz[:-2]) / (hz[1:-1] - hz[:-2]), (hz[2:] - at) / (hz[2:] - hz[1:-1])
    filters: Array = np.clip(np.minimum(rise, fall), 0, None)
    filters /= np.maximum(filters.sum(axis=0), 1e-9)
    return filters
