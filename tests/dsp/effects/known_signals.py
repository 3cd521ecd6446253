"""Signals of known truth, and how to measure what became of them."""

from __future__ import annotations

import numpy as np


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    """White, standard deviation 0.1."""
    return 0.1 * np.random.Generator(np.random.Philox(key=seed)).standard_normal(num_samples)


def tone(frequency: float, seconds: float = 2.0, sample_rate: int = 16000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)


def harmonics(frequency: float, seconds: float = 2.0, sample_rate: int = 16000) -> np.ndarray:
    """A steady tone with ten harmonics of falling strength and scattered phases, as a vowel has them."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return 0.1 * sum(np.sin(2 * np.pi * frequency * k * time + k * k) / k for k in range(1, 11))


def clicks(positions: list[int], num_samples: int) -> np.ndarray:
    out = np.zeros(num_samples)
    out[positions] = 1.0
    return out


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-30))


def partials(samples: np.ndarray, sample_rate: int = 16000) -> np.ndarray:
    """The frequencies (Hz) of the spectral peaks of a steady sound within 30 dB of the strongest, ascending.

    From the middle half, by a Gaussian window and a parabola through the logarithms, which is exact for a lone sine.
    """
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    size = len(middle)
    window = np.exp(-0.5 * ((np.arange(size) - size / 2) / (size / 8)) ** 2)
    level = 20 * np.log10(np.abs(np.fft.rfft(middle * window, 4 * size)) + 1e-12)
    inner = level[1:-1]
    peaks = np.flatnonzero((inner > level[:-2]) & (inner >= level[2:]) & (inner > level.max() - 30)) + 1
    a, b, c = level[peaks - 1], level[peaks], level[peaks + 1]
    return (peaks + 0.5 * (a - c) / (a - 2 * b + c)) * sample_rate / (4 * size)


def cents_off(samples: np.ndarray, fundamental: float) -> float:
    """The largest distance in cents of any partial from its place in the harmonic series of `fundamental`."""
    found = partials(samples)
    numbers = np.round(found / fundamental)
    assert len(found) >= 3
    assert (numbers >= 1).all()
    return float(np.max(np.abs(1200 * np.log2(found / (numbers * fundamental)))))


def gain_at(before: np.ndarray, after: np.ndarray) -> float:
    """dB between the middle halves of two steady signals."""
    middle = slice(len(before) // 4, 3 * len(before) // 4)
    return rms_db(after[middle]) - rms_db(before[middle])
