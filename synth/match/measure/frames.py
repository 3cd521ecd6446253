"""Short-time power spectra of a clip: computed once, used by nearly all features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dsp import levels
from synth.dsp.arrays import Samples
from synth.dsp.windows import hann

FRAME_SECONDS = 0.032
ENVELOPES = 20
"""Bands in which speech is told from noise, evenly spaced on the mel scale between the edges of the SNR's band."""
TINY = 1e-20
"""Power that stands for silence: far below 24-bit rounding, and its logarithm is finite."""

_FRAMES_PER_BATCH = 1024  # transformed together, so that the memory of a long clip is that of its powers

Powers: TypeAlias = npt.NDArray[np.float32]
Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """Power spectra of Hann frames of about 32 ms that overlap by half."""

    power: Powers  # (frames, size // 2 + 1), one-sided; the sum over the bins is a frame's mean power
    band: Values  # (frames,), mean power in the SNR's band, by the same filter as the true SNR
    envelopes: Values  # (frames, 20), the same in mel bands
    sample_rate: int  # Hz
    size: int  # samples in a frame

    @property
    def hop_seconds(self) -> float:
        """Seconds from frame to frame."""
        return self.size // 2 / self.sample_rate

    @property
    def hz(self) -> Values:
        """Frequency of each bin."""
        return np.asarray(np.arange(self.power.shape[1]) * (self.sample_rate / self.size))


def frames_of(samples: Samples, *, sample_rate: int) -> ClipFrames:
    """Frames of a clip.

    Args:
        samples: shape (n,), full scale 1.0. Values that are not finite count as 0; a clip shorter than two frames is
            padded with silence.
        sample_rate: Hz.
    """
    from scipy.fft import next_fast_len, rfft

    size = 2 * int(next_fast_len(max(8, round(FRAME_SECONDS * sample_rate / 2)), real=True))
    hop = size // 2
    padded = np.zeros(max(samples.size, size + hop), np.float32)
    padded[: samples.size] = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.empty((len(windows), hop + 1), np.float32)
    for first in range(0, len(windows), _FRAMES_PER_BATCH):
        batch = slice(first, first + _FRAMES_PER_BATCH)
        spectra = rfft(windows[batch] * _window(size), axis=1, overwrite_x=True)
        power[batch] = spectra.real**2 + spectra.imag**2
        power[batch, 1:-1] *= 2
    in_bands = power @ _band_shares(size, sample_rate)
    return ClipFrames(power, in_bands[:, 0].astype(np.float64), in_bands[:, 1:].astype(np.float64), sample_rate, size)


def band_gain(frames: ClipFrames) -> Powers:
    """Power gain of the filter of the SNR's band at each bin of the frames, float32, shape (bins,)."""
    return _band_shares(frames.size, frames.sample_rate)[:, 0]


@lru_cache
def _window(size: int) -> Powers:
    window = hann(size)
    return np.asarray(window / np.sqrt(size * (window @ window)), np.float32)


@lru_cache
def _band_shares(size: int, sample_rate: int) -> Powers:
    """Shape (bins, 1 + ENVELOPES): the share of each bin's power that counts for the SNR's band and each envelope."""
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
