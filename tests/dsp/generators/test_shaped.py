"""Shaped noise: the recording's spectrum, its bands' rise and fall, nothing of its samples, and no period."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from synth.draws import audio_generator
from synth.dsp.generators.generator import Material
from synth.dsp.generators.shaped import Shaped, smooth_curve
from tests.dsp.generators.sound_measures import (
    band_levels,
    band_pass,
    band_profile,
    envelope_peak,
    level_sd,
    levels_of,
    mean_band_error,
    window_correlation,
)
from tests.helpers import needs_real_audio, real_audio

RATE = 16_000


def material(samples: np.ndarray, rate: int = RATE) -> Material:
    scale = float(np.abs(samples).max()) / 32767
    return Material(np.rint(samples / scale).astype(np.int16), scale=scale, sample_rate=rate)


def low_pass_noise(seconds: float, hertz: float = 500.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    white = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    made = signal.sosfilt(signal.butter(1, hertz, fs=rate, output="sos"), white)
    return 0.1 * made / np.std(made)


def gusts(seconds: float, sd_db: float, seed: int = 1, rate: int = RATE) -> np.ndarray:
    """A random gain that changes within about half a second, of a given standard deviation in dB."""
    rough = np.random.default_rng(seed).standard_normal(round(seconds * 100) + 2)
    slow = signal.sosfiltfilt(signal.butter(2, 0.7, fs=100, output="sos"), rough)
    slow *= sd_db / np.std(slow)
    return 10 ** (np.interp(np.arange(round(seconds * rate)) / rate, np.arange(len(slow)) / 100, slow) / 20)


def grown(shaped: Shaped, seconds: float, *materials: Material, rate: int = RATE) -> np.ndarray:
    return shaped(round(seconds * rate), sample_rate=rate, materials=materials)


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


# --- any length, any rate, any material -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("source_seconds", [0.25, 0.5, 3.0])
def test_level_and_length_at_any_rate_from_any_material(rate: int, source_seconds: float) -> None:
    source = material(low_pass_noise(source_seconds, rate=rate), rate)
    for count in (1, 777, rate):
        made = Shaped(seed=4)(count, sample_rate=rate, materials=[source])
        assert made.shape == (count,)
        assert made.dtype == np.float64
    assert level(grown(Shaped(seed=4), 20, source, rate=rate)) == pytest.approx(level(source.to_float()), abs=0.6)


def test_the_same_fields_give_the_same_samples_and_another_seed_others() -> None:
    samples = low_pass_noise(5)
    one, again = (grown(Shaped(seed=1), 3, material(samples)) for _ in range(2))
    assert np.array_equal(one, again)
    other = grown(Shaped(seed=2), 3, material(samples))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.2


def test_silence_stays_silence() -> None:
    made = grown(Shaped(), 1, Material(np.zeros(RATE, np.int16), scale=1 / 32768, sample_rate=RATE))
    assert not made.any()


def test_ten_minutes_take_little_more_memory_than_their_samples() -> None:
    source = material(low_pass_noise(5) * gusts(5, 3))
    grown(Shaped(), 1, source)
    tracemalloc.start()
    made = grown(Shaped(), 600, source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * made.nbytes


# --- spectrum ---------------------------------------------------------------------------------------------------------


def test_without_departures_the_spectrum_is_the_recordings() -> None:
    samples = low_pass_noise(30)
    made = grown(Shaped(departure_db=0, seed=3), 60, material(samples))
    assert mean_band_error(samples, made, RATE) < 0.4


def test_departures_have_their_standard_deviation_and_leave_the_level() -> None:
    samples = low_pass_noise(10)
    source = material(samples)
    asked = np.array([band_levels(grown(Shaped(departure_db=4, seed=s), 5, source), RATE) for s in range(150)])
    changes = asked - band_levels(samples, RATE)
    assert np.sqrt(np.mean((changes - changes.mean(axis=1, keepdims=True)) ** 2)) == pytest.approx(4, abs=0.8)
    steps = np.diff(changes, axis=1)  # of a third octave, in which the curve turns by half a knot
    assert np.std(steps) < 0.75 * 4 * np.sqrt(2)
    levels = [level(grown(Shaped(departure_db=6, seed=s), 10, source)) for s in range(5)]
    assert levels == pytest.approx([level(samples)] * 5, abs=0.4)


def test_the_curve_of_departures_is_smooth_and_as_wide_everywhere() -> None:
    curves = np.array([smooth_curve(RATE, audio_generator(seed)) for seed in range(3000)])
    assert np.sqrt(np.mean(curves**2, axis=0)) == pytest.approx(np.ones(curves.shape[1]), abs=0.05)
    twelfths = np.rint(np.geomspace(200, 7500, 64) / (RATE / 2) * (curves.shape[1] - 1)).astype(int)
    assert np.max(np.std(np.diff(curves[:, twelfths], axis=1), axis=0)) < 0.3
    octave = np.corrcoef(curves[:, 128], curves[:, 256])[0, 1]  # 1 and 2 kHz lie more than a knot apart
    assert abs(octave) < 0.5


def test_departures_are_the_same_curve_at_every_rate() -> None:
    white = np.random.default_rng(0).standard_normal(48_000 * 5)
    profiles = []
    for rate in (16_000, 48_000):
        source = material(white[: 5 * rate], rate)
        plain, changed = (grown(Shaped(departure_db=d, seed=9), 40, source, rate=rate) for d in (0, 6))
        profiles.append((band_levels(changed, rate) - band_levels(plain, rate))[:22])
    difference = profiles[0] - profiles[1]
    assert np.std(difference) < 0.6
    assert np.std(profiles[0]) > 2


def test_between_two_recordings_the_spectrum_lies_between_in_decibels() -> None:
    low, high = low_pass_noise(20, 300), low_pass_noise(20, 3000, seed=5) * 4
    a, b = material(low), material(high)
    for weight in (0.25, 0.5, 1.0):
        shaped = Shaped(departure_db=0, between=weight, seed=2)
        assert shaped.sources() == 2
        made = grown(shaped, 30, a, b)
        expected = (1 - weight) * band_profile(low, RATE) + weight * band_profile(high, RATE)
        assert np.mean(np.abs(band_profile(made, RATE) - expected)) < 0.5
        assert level(made) == pytest.approx(level(low), abs=0.3)


def test_one_recording_is_enough_where_nothing_lies_between() -> None:
    assert Shaped().sources() == 1
    assert np.array_equal(
        grown(Shaped(seed=1), 2, material(low_pass_noise(3))),
        grown(Shaped(seed=1), 2, material(low_pass_noise(3)), material(low_pass_noise(3, 3000))),
    )


# --- rise and fall ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [5, 30])
def test_steady_noise_stays_as_steady_as_it_was(seconds: int) -> None:
    """The estimate's own wavering is not put upon the new noise's."""
    steady = low_pass_noise(seconds)
    ratios = [
        level_sd(grown(Shaped(seed=s), 30, material(steady)), RATE, band=band)
        / level_sd(low_pass_noise(60, seed=8), RATE, band=band)
        for s in range(3)
        for band in [(50.0, 7000.0), (200.0, 800.0), (800.0, 3000.0)]
    ]
    assert 0.92 < np.mean(ratios) < 1.15


@pytest.mark.parametrize("sd_db", [1.5, 4.0])
def test_gusts_rise_and_fall_as_much_as_they_did(sd_db: float) -> None:
    source = low_pass_noise(30) * gusts(30, sd_db)
    ratios = [level_sd(grown(Shaped(seed=s), 30, material(source)), RATE) / level_sd(source, RATE) for s in range(6)]
    assert 0.88 < np.mean(ratios) < 1.12
    assert min(ratios) > 0.8
    assert max(ratios) < 1.2


def test_bands_that_rise_together_still_do_and_bands_that_do_not_do_not() -> None:
    white = np.random.default_rng(3).standard_normal((2, 30 * RATE))
    low, high = band_pass(white[0], RATE, 80, 600), band_pass(white[1], RATE, 2000)
    gust, other = gusts(30, 4), gusts(30, 4, seed=7)
    found = []
    for second in (gust, other):
        made = grown(Shaped(seed=6), 60, material(low * gust + high * second))
        bands = [levels_of(band_pass(made, RATE, *band), RATE) for band in ((100, 500), (2500, 7000))]
        found.append(float(np.corrcoef(*bands)[0, 1]))
    assert found[0] > 0.7
    assert abs(found[1]) < 0.35


def test_between_two_recordings_the_rise_and_fall_lies_between() -> None:
    steady, gusty = material(low_pass_noise(30)), material(low_pass_noise(30, seed=4) * gusts(30, 4))
    at = [
        np.mean([level_sd(grown(Shaped(between=w, seed=s), 30, steady, gusty), RATE) for s in range(3)])
        for w in (0, 0.5, 1)
    ]
    assert at[0] < 0.6 * at[1] < 0.6 * at[2]
    assert at[1] ** 2 == pytest.approx((at[0] ** 2 + at[2] ** 2) / 2, rel=0.25)  # variances, not deviations


def test_the_level_stays_with_strong_gusts_and_between_two_recordings() -> None:
    gusty, steady = material(low_pass_noise(20) * gusts(20, 5)), material(low_pass_noise(20, seed=4))
    for between in (0.0, 0.5):
        levels = [level(grown(Shaped(between=between, seed=s), 60, gusty, steady)) for s in range(4)]
        assert 10 * np.log10(np.mean(10 ** (np.array(levels) / 10))) == pytest.approx(level(gusty.to_float()), abs=0.5)


# --- no period --------------------------------------------------------------------------------------------------------


def test_ten_minutes_from_five_seconds_have_no_period() -> None:
    source = material(low_pass_noise(5) * gusts(5, 3))
    made = grown(Shaped(seed=3), 600, source)
    assert envelope_peak(made, RATE)[0] < 0.2
    assert window_correlation(made, RATE, templates=8) < 0.5


# --- real recordings --------------------------------------------------------------------------------------------------


def car_recordings() -> list[Path]:
    found = sorted((real_audio() / "noise" / "car").iterdir())
    return [path for path in found if soundfile.info(path).duration >= 20]


def halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    samples, rate = soundfile.read(path, always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)
    half = min(len(mono) // 2, 30 * RATE)
    return mono[:half], mono[half : 2 * half]


@needs_real_audio
def test_grown_from_the_first_half_it_is_like_the_second() -> None:
    """Band error within 0.5 dB of the real halves'; the SD of 100-ms levels within 0.8-1.2 or within the halves' own."""
    recordings = car_recordings()
    assert recordings
    for path in recordings:
        first, second = halves(path)
        made = [grown(Shaped(seed=s), 30, material(first)) for s in range(4)]
        floor = mean_band_error(first, second, RATE)
        assert np.mean([mean_band_error(m, second, RATE) for m in made]) <= floor + 0.5, path.name
        own = level_sd(first, RATE) / level_sd(second, RATE)
        ratio = np.mean([level_sd(m, RATE) for m in made]) / level_sd(second, RATE)
        assert min(0.8, own) <= ratio <= max(1.2, own), path.name


@needs_real_audio
def test_real_recordings_have_no_period_either() -> None:
    first, _ = halves(car_recordings()[0])
    made = grown(Shaped(seed=5), 600, material(first[: 5 * RATE]))
    assert envelope_peak(made, RATE)[0] < 0.2
    assert window_correlation(made, RATE, templates=8) < 0.5
