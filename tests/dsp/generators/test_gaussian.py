"""Gaussian noise: its spectrum, its level at every moment, its distribution, and that it is made the same each time."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import signal

from synth.draws import audio_generator
from synth.dsp.generators.gaussian import bin_hz, frame_count, frame_size, gaussian_noise

RATE = 16_000


def flat(rate: int, mean_square: float = 1.0) -> np.ndarray:
    bins = frame_size(rate) // 2 + 1
    return np.full(bins, mean_square / bins)


def noise(power: np.ndarray, seconds: float, seed: int = 1, rate: int = RATE) -> np.ndarray:
    return gaussian_noise(power, num_samples=round(seconds * rate), sample_rate=rate, rng=audio_generator(seed))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_the_powers_of_the_bins_add_up_to_the_mean_square(rate: int) -> None:
    made = noise(flat(rate, 0.25), 20, rate=rate)
    assert np.mean(made**2) == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("count", [1, 2, 1023, 1024, 1025, 5000])
def test_any_length(count: int) -> None:
    made = gaussian_noise(flat(RATE), num_samples=count, sample_rate=RATE, rng=audio_generator(1))
    assert made.shape == (count,)
    assert made.dtype == np.float64


def test_the_spectrum_is_the_one_that_was_asked_for() -> None:
    hertz = bin_hz(RATE)
    power = 1 / (1 + (hertz / 300) ** 4)  # 12 dB an octave from 300 Hz on
    power /= power.sum()
    found_hz, density = signal.welch(noise(power, 60), RATE, nperseg=frame_size(RATE))
    found = density * found_hz[1]
    inner = (hertz > 50) & (hertz < 7500)
    assert np.max(np.abs(10 * np.log10(found[inner] / power[inner]))) < 1.2
    assert abs(np.mean(10 * np.log10(found[inner] / power[inner]))) < 0.1


def test_samples_are_normally_distributed_and_white_ones_do_not_repeat() -> None:
    made = noise(flat(RATE), 60)
    assert np.mean(made**4) / np.mean(made**2) ** 2 == pytest.approx(3.0, abs=0.03)
    assert np.mean(made**3) == pytest.approx(0.0, abs=0.02)
    spectrum = np.abs(np.fft.rfft(made, 2 * len(made))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(made) // 2]
    assert np.max(np.abs(correlation[1:])) < 7 / np.sqrt(len(made)) * correlation[0]


def test_a_narrow_band_wavers_as_a_gaussian_one_does() -> None:
    """The power of the narrow band of one bin is exponentially distributed: its standard deviation is its mean."""
    power = np.zeros(frame_size(RATE) // 2 + 1)
    power[100] = 1.0
    made = noise(power, 200)
    envelope = np.abs(signal.hilbert(made))[:: frame_size(RATE)] ** 2
    assert np.std(envelope) / np.mean(envelope) == pytest.approx(1.0, abs=0.1)


def test_the_level_does_not_waver_with_the_frames() -> None:
    half = frame_size(RATE) // 2
    made = noise(flat(RATE), 120)
    folded = np.mean(made[: len(made) // half * half].reshape(-1, 32, half // 32) ** 2, axis=(0, 2))
    assert np.ptp(10 * np.log10(folded)) < 0.25


def test_a_spectrum_that_changes_changes_where_it_should() -> None:
    frames = frame_count(10 * RATE, RATE)
    power = np.tile(flat(RATE), (frames, 1))
    power[frames // 2 :] *= 100.0
    made = noise(power, 10)
    before, after = made[: 4 * RATE], made[6 * RATE :]
    assert 10 * np.log10(np.mean(after**2) / np.mean(before**2)) == pytest.approx(20, abs=0.3)
    middle = (frames // 2) * frame_size(RATE) // 2  # the centre of the first loud frame
    rise = [np.mean(made[middle + at : middle + at + 512] ** 2) for at in (-2048, 0)]
    assert 10 * np.log10(rise[1] / rise[0]) > 15


def test_one_spectrum_is_that_spectrum_in_every_frame() -> None:
    frames = frame_count(3 * RATE, RATE)
    assert np.array_equal(noise(flat(RATE), 3), noise(np.tile(flat(RATE), (frames, 1)), 3))


def test_the_seed_decides() -> None:
    assert np.array_equal(noise(flat(RATE), 1, seed=5), noise(flat(RATE), 1, seed=5))
    assert abs(np.corrcoef(noise(flat(RATE), 1, seed=5), noise(flat(RATE), 1, seed=6))[0, 1]) < 0.05


def test_ten_minutes_take_little_more_memory_than_their_samples() -> None:
    noise(flat(RATE), 1)
    tracemalloc.start()
    made = noise(flat(RATE), 600)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * made.nbytes
