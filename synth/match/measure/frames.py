"""Short-time power spectra of a clip: what all its features are measured from, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synth.dsp import levels
from synth.dsp.arrays import Samples

FRAME_SECONDS = 0.032
ENVELOPES = 20
"""Bands in which speech is told from noise, spaced evenly on the mel scale between the edges of the SNR's band."""

TINY = 1e-20
_AT_ONCE = 1024  # frames transformed together: a long clip takes no more memory than its powers

Powers = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frames:
    """Power spectra of Hann frames of 32 ms that overlap by half.

    `power`: shape (frames, size // 2 + 1), one-sided; the sum over the bins is a frame's mean power (full scale 1.0).
    `band`: shape (frames,), mean power within the SNR's band (200 to 7000 Hz, or 0.45 of the rate; the same filter as
    that of the true SNR). `envelopes`: shape (frames, 20), the same in bands.
    """

    power: Powers
    band: Values
    envelopes: Values
    sample_rate: int
    size: int

    @property
    def hop_seconds(self) -> float:
        return self.size // 2 / self.sample_rate

    @property
    def hz(self) -> Values:
        return np.asarray(np.arange(self.power.shape[1]) * (self.sample_rate / self.size))


def frames_of(samples: Samples, *, sample_rate: int) -> Frames:
    """Frames of a clip of shape (n,); one shorter than two frames is filled up with silence. Values that are not finite
    count as 0."""
    size = frame_size(sample_rate)
    hop = size // 2
    heard = np.zeros(max(samples.size, size + hop), np.float32)
    heard[: samples.size] = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    windows = np.lib.stride_tricks.sliding_window_view(heard, size)[::hop]
    power = np.empty((len(windows), hop + 1), np.float32)
    for first in range(0, len(windows), _AT_ONCE):
        power[first : first + _AT_ONCE] = _powers(windows[first : first + _AT_ONCE], size)
    in_bands = power @ _shares(size, sample_rate)
    return Frames(power, in_bands[:, 0].astype(np.float64), in_bands[:, 1:].astype(np.float64), sample_rate, size)


def in_band(frames: Frames) -> Powers:
    """Shape (bins,): how much of each bin counts for the SNR's band."""
    return _shares(frames.size, frames.sample_rate)[:, 0]


def frame_size(sample_rate: int) -> int:
    """Samples of a frame: an even number with small factors, of about 32 ms."""
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len(max(8, round(FRAME_SECONDS * sample_rate / 2)), real=True))


def _powers(windows: Powers, size: int) -> Powers:
    from scipy.fft import rfft

    spectra = rfft(windows * _window(size), axis=1, overwrite_x=True)
    power = spectra.real**2 + spectra.imag**2
    power[:, 1:-1] *= 2
    return np.asarray(power, np.float32)


@lru_cache
def _window(size: int) -> Powers:
    hann = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    return np.asarray(hann / np.sqrt(size * (hann @ hann)), np.float32)


@lru_cache
def _shares(size: int, sample_rate: int) -> Powers:
    """Shape (bins, 1 + ENVELOPES): how much of each bin counts for the band, and for each envelope."""
    step = sample_rate / size
    hz = np.arange(size // 2 + 1) * step
    sos = levels.weighting_filter("band", sample_rate)
    assert sos is not None
    gain = np.abs(levels.response(sos, hz, sample_rate)) ** 2
    low, high = levels.band_edges(sample_rate)
    mel = np.linspace(np.log1p(low / 700), np.log1p(high / 700), ENVELOPES + 1)
    edges = 700 * np.expm1(mel)
    inside = np.minimum(hz[:, None] + step / 2, edges[1:]) - np.maximum(hz[:, None] - step / 2, edges[:-1])
    shares = np.clip(inside / step, 0.0, 1.0)
    return np.asarray(np.column_stack([gain, shares * gain[:, None]]), np.float32)
