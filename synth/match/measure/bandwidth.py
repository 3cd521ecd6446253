"""The band that a clip fills: where it begins, where it ends, and whether something cut it off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.dsp.analysis.bands import rumble_levels
from synth.dsp.arrays import Samples
from synth.match.measure.frames import TINY, Values

_FRAME_SECONDS = 0.128  # 8 Hz a bin: fine enough for a high-pass at 60 Hz
_INSIDE_DB = 10.0
_POINTS_PER_OCTAVE = 24
_LOWEST_HZ = 20.0
_FROM_HZ = 1000.0
_CUT_DB = 20.0
_CUT_HZ, _CUT_OCTAVES = 300.0, 1 / 3
_OWN_EDGE = 0.85  # of half the rate: above it the resampler's own filter begins


@dataclass(frozen=True, slots=True)
class Band:
    """`low_hz`: where the long-term spectrum first comes within 10 dB of its maximum. `high_hz`: where a low-pass cuts
    it off; without one, the highest frequency that stands 10 dB above the lowest level from 1 kHz on (half the rate
    where nothing falls that far). `cut`: there is a low-pass below the rate's own limit."""

    low_hz: float
    high_hz: float
    cut: bool

    @property
    def telephone(self) -> bool:
        """As synth.dsp.analysis.spectrum says: nothing below 200 Hz, cut off between 3 and 4 kHz."""
        return self.cut and self.low_hz >= 200.0 and 2900.0 <= self.high_hz <= 4100.0


def rumble(samples: Samples, *, sample_rate: int) -> Values | None:
    """Power of the bands of rumble (dsp/noise_bands.py) in dB, shape (2,), over the whole clip, since speech has next
    to nothing there; None for less than a frame of 128 ms."""
    density, step_hz = _long_term(samples, sample_rate)
    return rumble_levels(density * step_hz, sample_rate=sample_rate) if density.size else None


def band_of(samples: Samples, *, sample_rate: int) -> Band | None:
    """The band of a clip of shape (n,); None for silence and for less than a frame of 128 ms."""
    density, step_hz = _long_term(samples, sample_rate)
    if float(density.max(initial=0.0)) <= TINY:
        return None
    top = 0.5 * sample_rate
    hz, level = _points(density, step_hz)
    inside = level - (level.max() - _INSIDE_DB)
    first = int(np.argmax(inside >= 0))
    low = float(hz[0]) if first == 0 else _crossing(hz, inside, first - 1)
    edge = _edge(hz, level)
    if edge is not None and edge < _OWN_EDGE * top:
        return Band(low, edge, True)
    return Band(low, _highest(hz, level, top), False)


def _edge(hz: Values, level: Values) -> float | None:
    """Where a low-pass begins to cut (it is 10 dB down there), or None: as synth.dsp.analysis.spectrum tells it, by 20 dB
    within 300 Hz or a third octave, whichever is more, after which nothing comes up again; all points at once."""
    octave = _POINTS_PER_OCTAVE
    tried = np.flatnonzero(hz >= _FROM_HZ)
    beyond = np.searchsorted(hz, np.maximum(hz[tried] + _CUT_HZ, hz[tried] * 2**_CUT_OCTAVES))
    tried, beyond = tried[beyond < len(hz) - 1], beyond[beyond < len(hz) - 1]
    if not len(tried):
        return None
    within = np.median(np.lib.stride_tricks.sliding_window_view(level, octave + 1), axis=1)[tried - octave]
    highest_after = np.maximum.accumulate(level[::-1])[::-1]
    is_cut = (within - highest_after[beyond] >= _CUT_DB) & (level[tried] - level[beyond] >= _CUT_DB)
    if not is_cut.any():
        return None
    k = int(np.argmax(is_cut))
    i, j = int(tried[k]), int(beyond[k])
    inside = level - (level[i] - _INSIDE_DB)
    return _crossing(hz, inside, i + int(np.argmax(inside[i : j + 1] < 0)) - 1)


def _highest(hz: Values, level: Values, top: float) -> float:
    """The highest frequency that stands 10 dB above the lowest level from 1 kHz on; the last 4 % do not count."""
    above_1k = (hz >= _FROM_HZ) & (hz <= 0.96 * top)
    hz, level = hz[above_1k], level[above_1k]
    if len(level) < 3:
        return top
    above = level - (level.min() + _INSIDE_DB)
    over = np.flatnonzero(above > 0)
    return top if not len(over) or over[-1] == len(level) - 1 else _crossing(hz, above, int(over[-1]))


def _crossing(hz: Values, level: Values, k: int) -> float:
    """The frequency between points k and k + 1 at which the level passes 0."""
    fall = level[k] - level[k + 1]
    part = float(np.clip(level[k] / fall, 0.0, 1.0)) if abs(fall) > 1e-9 else 0.5
    return float(hz[k] * (hz[k + 1] / hz[k]) ** part)


def _points(density: Values, step_hz: float) -> tuple[Values, Values]:
    """(Hz, level in dB) from 20 Hz on, 24 points an octave: mean of the dB within a twelfth of an octave, so that a
    line has little say."""
    top = (len(density) - 1) * step_hz
    hz = _LOWEST_HZ * 2 ** (np.arange(max(1, int(_POINTS_PER_OCTAVE * np.log2(top / _LOWEST_HZ)))) / _POINTS_PER_OCTAVE)
    half = 2 ** (1 / _POINTS_PER_OCTAVE)
    firsts = np.floor(hz / half / step_hz).astype(int)
    lasts = np.minimum(np.ceil(hz * half / step_hz).astype(int) + 1, len(density))
    running = np.concatenate([[0.0], np.cumsum(10 * np.log10(density + TINY))])
    return hz, np.asarray((running[lasts] - running[firsts]) / (lasts - firsts))


def _long_term(samples: Samples, sample_rate: int) -> tuple[Values, float]:
    """(power density, Hz a bin) in Hann frames that overlap by half; no bins for less than a frame."""
    from scipy.fft import next_fast_len, rfft

    size = 2 * int(next_fast_len(round(_FRAME_SECONDS * sample_rate / 2), real=True))
    if samples.size < size:
        return np.zeros(0), 1.0
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    hann = _hann(size)
    total = np.zeros(size // 2 + 1)
    for first in range(0, len(windows), 256):
        spectra = rfft(windows[first : first + 256].astype(np.float32) * hann, axis=1, overwrite_x=True)
        total += (spectra.real**2 + spectra.imag**2).sum(axis=0)
    density = total * (2 / (len(windows) * sample_rate * float(hann @ hann)))
    return density, sample_rate / size


@lru_cache
def _hann(size: int) -> Samples:
    return np.asarray(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2, np.float32)
