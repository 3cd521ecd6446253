"""Measures of noise that stand on numpy and scipy alone: nothing of the code under test is used to judge it.

All take mono samples of shape (n,) and a rate in Hz. Levels are 10 log10 of the mean square, in dB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from synth.dsp.arrays import Samples

TINY = 1e-20
THIRD_OCTAVES_HZ = 1000.0 * 10.0 ** (np.arange(-13, 10) / 10.0)
"""Centres from 50 Hz to 7.94 kHz (IEC 61260, base 10)."""


# --- spectra ----------------------------------------------------------------------------------------------------------


def band_centres(sample_rate: int, *, low_hz: float = 50.0) -> Samples:
    """The third octaves that lie wholly below half the rate, from `low_hz` on."""
    inside = (low_hz * 0.95 <= THIRD_OCTAVES_HZ) & (sample_rate / 2 >= THIRD_OCTAVES_HZ * 10**0.05)
    return np.asarray(THIRD_OCTAVES_HZ[inside])


def band_levels(samples: Samples, sample_rate: int, *, low_hz: float = 50.0) -> Samples:
    """Level in dB of each third octave of `band_centres`: a Welch spectrum of half-second Hann windows, integrated."""
    size = min(len(samples), int(0.5 * sample_rate))
    _, density = signal.welch(samples, sample_rate, nperseg=size, detrend=False)
    centres = band_centres(sample_rate, low_hz=low_hz)
    return np.asarray([10 * np.log10(_integral(density, sample_rate, c / 10**0.05, c * 10**0.05)) for c in centres])


def _integral(density: Samples, sample_rate: int, low: float, high: float) -> float:
    """Power between two frequencies; bins that lie partly in the band count by their share."""
    step = sample_rate / 2 / (len(density) - 1)
    edges = (np.arange(len(density) + 1) - 0.5) * step
    summed = np.concatenate([[0.0], np.cumsum(density) * step])
    return float(np.interp(high, edges, summed) - np.interp(low, edges, summed)) + TINY


def band_profile(samples: Samples, sample_rate: int, *, low_hz: float = 50.0) -> Samples:
    """Third-octave levels less their mean: the spectrum's form without its level, dB."""
    levels = band_levels(samples, sample_rate, low_hz=low_hz)
    return np.asarray(levels - levels.mean())


def mean_band_error(a: Samples, b: Samples, sample_rate: int) -> float:
    """Mean over the third octaves of the difference of two profiles, dB, after the level difference is taken out."""
    return float(np.mean(np.abs(band_profile(a, sample_rate) - band_profile(b, sample_rate))))


def spectral_lines(
    samples: Samples, sample_rate: int, *, over_db: float = 10.0, low_hz: float = 30.0
) -> list[tuple[float, float]]:
    """(frequency in Hz, dB above the floor) of the lines, strongest first.

    The floor is the median over 1/3 octave or 40 Hz, whichever is wider, of a Welch spectrum of 1-s windows.
    """
    size = min(len(samples), sample_rate)
    hertz, density = signal.welch(samples, sample_rate, nperseg=size, detrend=False)
    levels = 10 * np.log10(density + TINY)
    found = []
    for peak in signal.find_peaks(levels)[0]:
        if hertz[peak] < low_hz:
            continue
        reach = max(0.115 * hertz[peak], 20.0)
        floor = float(np.median(levels[np.abs(hertz - hertz[peak]) <= reach]))
        if levels[peak] - floor >= over_db:
            found.append((_vertex(levels, int(peak)) * hertz[1], float(levels[peak]) - floor))
    return sorted(found, key=lambda line: -line[1])


def _vertex(levels: Samples, peak: int) -> float:
    """The peak's place between the bins: the vertex of the parabola through three levels."""
    if not 0 < peak < len(levels) - 1:
        return float(peak)
    a, b, c = levels[peak - 1 : peak + 2]
    return float(peak + (a - c) / 2 / (a - 2 * b + c)) if a - 2 * b + c else float(peak)


# --- levels over time -------------------------------------------------------------------------------------------------


def levels_of(samples: Samples, sample_rate: int, *, seconds: float = 0.1) -> Samples:
    """Level in dB of each whole window of `seconds`, one after the other."""
    size = round(seconds * sample_rate)
    count = len(samples) // size
    return np.asarray(10 * np.log10(np.mean(samples[: count * size].reshape(count, size) ** 2, axis=1) + TINY))


def level_sd(samples: Samples, sample_rate: int, *, band: tuple[float, float] | None = None) -> float:
    """Standard deviation of 100-ms levels, dB; `band` in Hz: of what is left between two frequencies."""
    heard = samples if band is None else band_pass(samples, sample_rate, *band)
    return float(np.std(levels_of(heard, sample_rate)))


def band_pass(samples: Samples, sample_rate: int, low: float, high: float | None = None) -> Samples:
    """Butterworth, fourth order, forwards and backwards; above `high` only where that lies below half the rate."""
    if high is None or high >= 0.49 * sample_rate:
        sections = signal.butter(4, low, "highpass", fs=sample_rate, output="sos")
    else:
        sections = signal.butter(4, [low, high], "bandpass", fs=sample_rate, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, samples))


# --- periods and repeats ----------------------------------------------------------------------------------------------


def envelope_peak(samples: Samples, sample_rate: int, *, beyond: float = 1.0) -> tuple[float, float]:
    """(largest autocorrelation, its lag in s) of the 10-ms levels, high-passed at 1 Hz, at lags beyond `beyond` s.

    Lags up to half the length count; each is normalised by the energy of the two stretches that it compares.
    """
    levels = levels_of(samples, sample_rate, seconds=0.01)
    sections = signal.butter(4, 1.0, "highpass", fs=100.0, output="sos")
    moving = signal.sosfiltfilt(sections, levels - levels.mean())
    count, most = len(moving), len(moving) // 2
    size = fft.next_fast_len(2 * count, real=True)
    spectrum = fft.rfft(moving, size)
    products = fft.irfft(spectrum * np.conj(spectrum), size)[: most + 1]
    summed = np.concatenate([[0.0], np.cumsum(moving**2)])
    lags = np.arange(most + 1)
    energy = np.sqrt(summed[count - lags] * (summed[count] - summed[lags])) + TINY
    first = int(np.ceil(beyond * 100))
    best = first + int(np.argmax(products[first:] / energy[first:]))
    return float(products[best] / energy[best]), best / 100


def window_correlation(
    samples: Samples, sample_rate: int, *, low_hz: float = 200.0, templates: int = 60, seconds: float = 1.0
) -> float:
    """Largest |normalised correlation| of any of `templates` windows with any window disjoint from it, at every lag.

    The templates are spread evenly over the sound, which is high-passed at `low_hz` first. 1.0 is a verbatim repeat.
    """
    heard = band_pass(samples, sample_rate, low_hz).astype(np.float32)
    size = round(seconds * sample_rate)
    starts = np.unique(np.linspace(0, len(heard) - size, templates).astype(int))
    best = np.zeros(len(starts))
    norms = np.sqrt(_energies(heard, size)) + TINY
    for first, block in _blocks(heard, size):
        for k, start in enumerate(starts):
            found = np.abs(block(heard[start : start + size])) / norms[first : first + _LAGS] / norms[start]
            lags = np.arange(first, first + len(found)) - start
            best[k] = max(best[k], float(np.max(found, where=np.abs(lags) >= size, initial=0.0)))
    return float(best.max(initial=0.0))


_LAGS = 1 << 17


def _energies(samples: npt.NDArray[np.float32], size: int) -> Samples:
    """Energy of each window of `size` samples, at every start."""
    summed = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    return np.maximum(summed[size:] - summed[:-size], 1e-9 * summed[-1] * size / len(samples))


class _Block:
    """Correlates a template with all windows that start in one stretch of the sound."""

    def __init__(self, stretch: npt.NDArray[np.float32], lags: int) -> None:
        self.lags, self.size = lags, fft.next_fast_len(len(stretch), real=True)
        self.spectrum = fft.rfft(stretch, self.size)

    def __call__(self, template: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        product = self.spectrum * np.conj(fft.rfft(template, self.size))
        return np.asarray(fft.irfft(product, self.size)[: self.lags])


def _blocks(samples: npt.NDArray[np.float32], size: int) -> Iterator[tuple[int, _Block]]:
    for first in range(0, len(samples) - size + 1, _LAGS):
        lags = min(_LAGS, len(samples) - size + 1 - first)
        yield first, _Block(samples[first : first + lags + size - 1], lags)
