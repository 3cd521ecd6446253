"""Noise equalised to a colour has that colour, at its place in time, and is changed by no more than the limit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt, welch

from synth.dsp.analysis.bands import BANDS, EDGES_HZ, band_levels, count_bands, normalize_levels
from synth.dsp.spectral_shape import power_spectrum, rumble_of, shape_spectrum

DARK = np.array([14, 12, 10, 8, 5, 2, -1, -4, -8, -11, -13, -14.0])


def white(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)) * 0.1


def colour_of(samples: np.ndarray, rate: int) -> np.ndarray:
    """Level-normalized bands by another way: scipy's Welch with other frames, summed between the edges."""
    hz, power = welch(samples, rate, nperseg=8192)
    levels = [power[(hz >= a) & (hz < b)].sum() for a, b in itertools.pairwise(EDGES_HZ) if b <= 0.45 * rate]
    bands = 10 * np.log10(levels)
    return bands - bands.mean()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_noise_gets_the_colour_that_is_asked_for(rate: int) -> None:
    there = count_bands(rate)
    made, gains = shape_spectrum(white(20, rate), DARK, sample_rate=rate)
    wanted = DARK[:there] - DARK[:there].mean()
    np.testing.assert_allclose(colour_of(made, rate)[1:], wanted[1:], atol=0.8)
    assert abs(colour_of(made, rate)[0] - wanted[0]) < 2  # the lowest band is as wide as the filter's resolution
    assert len(gains) == there


def test_the_colour_of_the_source_does_not_matter() -> None:
    steep = sosfiltfilt(butter(1, 400, "low", fs=16000, output="sos"), white(20, 16000, 1))
    made, _ = shape_spectrum(steep, DARK, sample_rate=16000)
    np.testing.assert_allclose(colour_of(made, 16000)[1:], (DARK - DARK.mean())[1:], atol=1.0)


def test_no_band_is_changed_by_more_than_the_limit() -> None:
    _, gains = shape_spectrum(white(5, 16000), 5 * DARK, limit_db=10, sample_rate=16000)
    assert np.abs(gains).max() <= 10 + 1e-9
    assert np.abs(gains).max() > 9


def test_the_level_of_the_colour_does_not_count() -> None:
    one, gains = shape_spectrum(white(3, 16000), DARK, sample_rate=16000)
    other, same = shape_spectrum(white(3, 16000), DARK - 50, sample_rate=16000)
    np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(gains, same)


def test_nothing_moves_in_time() -> None:
    samples = np.zeros(16000)
    samples[8000] = 1.0
    made, _ = shape_spectrum(samples, DARK, sample_rate=16000)
    assert abs(int(np.argmax(np.abs(made))) - 8000) <= 1
    assert len(made) == 16000


@pytest.mark.parametrize("count", [1, 100, 3000])
def test_any_length_is_taken(count: int) -> None:
    made, gains = shape_spectrum(white(1, 16000)[:count], DARK, sample_rate=16000)
    assert made.shape == (count,) and np.isfinite(made).all() and np.isfinite(gains).all()


def test_bands_hold_the_power_of_a_sine_where_it_lies() -> None:
    rate, size = 16000, 4096
    for k in range(BANDS):
        hz = (EDGES_HZ[k] * EDGES_HZ[k + 1]) ** 0.5
        power = np.zeros(size // 2 + 1)
        power[round(hz * size / rate)] = 1.0
        assert int(np.argmax(band_levels(power, sample_rate=rate))) == k
    assert count_bands(8000) < BANDS == count_bands(16000)
    assert abs(normalize_levels(DARK).mean()) < 1e-12


def test_rumble_gets_its_level_too() -> None:
    noise = np.random.Generator(np.random.Philox(key=[5, 5])).normal(0, 0.05, 4 * 16_000)
    bands = np.linspace(10, -10, 12)
    made, gains = shape_spectrum(noise, bands, rumble_db=(6.0, 12.0), sample_rate=16_000)
    power = power_spectrum(made, sample_rate=16_000, frame_seconds=0.256)
    assert rumble_of(power, sample_rate=16_000) == pytest.approx([6.0, 12.0], abs=0.5)
    assert normalize_levels(band_levels(power, sample_rate=16_000)) == pytest.approx(bands, abs=0.5)
    assert len(gains) == 14
