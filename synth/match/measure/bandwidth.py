"""The frequency band that a clip fills: where it begins, where it ends, and whether a low-pass cut it off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.dsp.analysis.bands import rumble_levels
from synth.dsp.arrays import Samples
from synth.dsp.windows import hann
from synth.match.measure.frames import TINY, Values

_FRAME_SECONDS = 0.128  # 8 Hz per bin: fine enough for a high-pass at 60 Hz
_FRAMES_PER_BATCH = 256  # transformed together, to bound the memory
_BELOW_PEAK_DB = 10.0  # the band is where the spectrum is within this of its maximum
_POINTS_PER_OCTAVE = 24
_LOWEST_HZ = 20.0
_CUT_FROM_HZ = 1000.0  # a fall below this is the shape of speech and noise, not a low-pass
_CUT_DB, _CUT_HZ, _CUT_OCTAVES = 20.0, 300.0, 1 / 3  # as steep as the low-passes of synth.dsp.analysis.spectrum
_OWN_EDGE = 0.85  # of half the rate: above it the resampler's own filter begins


@dataclass(frozen=True, slots=True)
class Band:
    """The band of a clip."""

    low_hz: float  # where the long-term spectrum first comes within 10 dB of its maximum
    # Where a low-pass cuts; without one the highest frequency that is 10 dB above the lowest level above 1 kHz.
    high_hz: float
    cut: bool  # there is a low-pass below the limit of the sample rate

    @property
    def is_telephone(self) -> bool:
        """Nothing below 200 Hz, and cut off between 3 and 4 kHz, as synth.dsp.analysis.spectrum has it."""
        return self.cut and self.low_hz >= 200.0 and 2900.0 <= self.high_hz <= 4100.0


def rumble_of(samples: Samples, *, sample_rate: int) -> Values | None:
    """Levels of the rumble bands (synth.dsp.analysis.bands), below the noise bands.

    They are measured over the whole clip, speech included: speech has next to nothing there.

    Args:
        samples: shape (n,), full scale 1.0.
        sample_rate: Hz.

    Returns:
        dB, shape (2,); None for a clip shorter than a frame of 128 ms.
    """
    density, step_hz = _power_density(samples, sample_rate)
    return rumble_levels(density * step_hz, sample_rate=sample_rate) if density.size else None


def band_of(samples: Samples, *, sample_rate: int) -> Band | None:
    """The band of a clip.

    Args:
        samples: shape (n,), full scale 1.0.
        sample_rate: Hz.

    Returns:
        None for silence, and for a clip shorter than a frame of 128 ms.
    """
    density, step_hz = _power_density(samples, sample_rate)
    if float(density.max(initial=0.0)) <= TINY:
        return None
    nyquist = 0.5 * sample_rate
    hz, level = _levels_per_octave(density, step_hz)
    above_limit = level - (level.max() - _BELOW_PEAK_DB)
    first = int(np.argmax(above_limit >= 0))
    low = float(hz[0]) if first == 0 else _crossing(hz, above_limit, first - 1)
    cutoff = _low_pass(hz, level)
    if cutoff is not None and cutoff < _OWN_EDGE * nyquist:
        return Band(low, cutoff, True)
    return Band(low, _highest(hz, level, nyquist), False)


def _low_pass(hz: Values, level: Values) -> float | None:
    """Where a low-pass is 10 dB down; None without a low-pass.

    A low-pass falls by 20 dB within 300 Hz or a third of an octave, whichever is more, and nothing rises again after
    it. All points are tested at once.
    """
    octave = _POINTS_PER_OCTAVE
    starts = np.flatnonzero(hz >= _CUT_FROM_HZ)
    ends = np.searchsorted(hz, np.maximum(hz[starts] + _CUT_HZ, hz[starts] * 2**_CUT_OCTAVES))
    starts, ends = starts[ends < len(hz) - 1], ends[ends < len(hz) - 1]
    if not len(starts):
        return None
    octave_below = np.median(np.lib.stride_tricks.sliding_window_view(level, octave + 1), axis=1)[starts - octave]
    highest_after = np.maximum.accumulate(level[::-1])[::-1]
    is_cut = (octave_below - highest_after[ends] >= _CUT_DB) & (level[starts] - level[ends] >= _CUT_DB)
    if not is_cut.any():
        return None
    k = int(np.argmax(is_cut))
    start, end = int(starts[k]), int(ends[k])
    above_limit = level - (level[start] - _BELOW_PEAK_DB)
    return _crossing(hz, above_limit, start + int(np.argmax(above_limit[start : end + 1] < 0)) - 1)


def _highest(hz: Values, level: Values, nyquist: float) -> float:
    """The highest frequency that is 10 dB above the lowest level from 1 kHz on; half the rate if the level never falls.

    The last 4 % below half the rate do not count: the filter of a resampler ends there.
    """
    above_1k = (hz >= _CUT_FROM_HZ) & (hz <= 0.96 * nyquist)
    hz, level = hz[above_1k], level[above_1k]
    if len(level) < 3:
        return nyquist
    above_limit = level - (level.min() + _BELOW_PEAK_DB)
    loud = np.flatnonzero(above_limit > 0)
    if not len(loud) or loud[-1] == len(level) - 1:
        return nyquist
    return _crossing(hz, above_limit, int(loud[-1]))


def _crossing(hz: Values, level: Values, k: int) -> float:
    """The frequency between points k and k + 1 at which the level passes 0 dB."""
    fall = level[k] - level[k + 1]
    part = float(np.clip(level[k] / fall, 0.0, 1.0)) if abs(fall) > 1e-9 else 0.5
    return float(hz[k] * (hz[k + 1] / hz[k]) ** part)


def _levels_per_octave(density: Values, step_hz: float) -> tuple[Values, Values]:
    """(Hz, level in dB) from 20 Hz on, 24 points per octave.

    Each is the mean of the decibels within a twelfth of an octave, so that a single spectral line counts little.
    """
    nyquist = (len(density) - 1) * step_hz
    octaves = np.arange(max(1, int(_POINTS_PER_OCTAVE * np.log2(nyquist / _LOWEST_HZ)))) / _POINTS_PER_OCTAVE
    hz = _LOWEST_HZ * 2**octaves
    half = 2 ** (1 / _POINTS_PER_OCTAVE)
    firsts = np.floor(hz / half / step_hz).astype(int)
    lasts = np.minimum(np.ceil(hz * half / step_hz).astype(int) + 1, len(density))
    sums = np.concatenate([[0.0], np.cumsum(10 * np.log10(density + TINY))])
    return hz, np.asarray((sums[lasts] - sums[firsts]) / (lasts - firsts))


def _power_density(samples: Samples, sample_rate: int) -> tuple[Values, float]:
    """(long-term power density, Hz per bin), from Hann frames that overlap by half; no bins for less than a frame."""
    from scipy.fft import next_fast_len, rfft

    size = 2 * int(next_fast_len(round(_FRAME_SECONDS * sample_rate / 2), real=True))
    if samples.size < size:
        return np.zeros(0), 1.0
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    window = hann(size).astype(np.float32)
    total = np.zeros(size // 2 + 1)
    for first in range(0, len(windows), _FRAMES_PER_BATCH):
        batch = windows[first : first + _FRAMES_PER_BATCH].astype(np.float32)
        spectra = rfft(batch * window, axis=1, overwrite_x=True)
        total += (spectra.real**2 + spectra.imag**2).sum(axis=0)
    density = total * (2 / (len(windows) * sample_rate * float(window @ window)))
    return density, sample_rate / size
