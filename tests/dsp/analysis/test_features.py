"""Measurements of noise against signals whose level, lines, band and stationarity are known."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from scipy.signal import butter, sosfilt

from synth.dsp.analysis.features import NoiseFeatures, describe_stationarity, measure_recording
from synth.dsp.analysis.spectrum import (
    find_bandwidth,
    find_lines,
    measure_spectrum,
    spectral_profile,
    third_octave_levels,
    third_octaves,
)

RATE = 16000


def white(seconds: float, *, rate: int = RATE, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * rate))


def falling(seconds: float, db_per_octave: float, *, rate: int = RATE, seed: int = 1) -> np.ndarray:
    """Gaussian noise whose density falls by so many dB an octave from 50 Hz on."""
    spectrum = np.fft.rfft(white(seconds, rate=rate, seed=seed))
    hz = np.maximum(np.fft.rfftfreq(round(seconds * rate), 1 / rate), 50.0)
    return np.fft.irfft(spectrum * (hz / 50.0) ** (-db_per_octave / 20 / np.log10(2)), round(seconds * rate))


def stored(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """As the store has it: int16 that reach full scale, and the scale."""
    scale = float(np.abs(samples).max()) / 32767
    return np.rint(samples / scale).astype(np.int16), scale


def heard(samples: np.ndarray, *, rate: int = RATE, stretches: list[tuple[int, int]] | None = None) -> NoiseFeatures:
    packed, scale = stored(samples)
    return measure_recording(packed, stretches or [(0, len(packed))], scale=scale, sample_rate=rate)


def spectrum(samples: np.ndarray, *, rate: int = RATE):
    packed, scale = stored(samples)
    return measure_spectrum(packed, [(0, len(packed))], scale=scale, sample_rate=rate)


# level and describe_stationarity


def test_the_level_is_the_mean_power_at_the_recordings_own_scale() -> None:
    sine = 0.01 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    assert heard(sine).level_dbfs == pytest.approx(-40 - 3.01, abs=0.01)


def test_the_level_of_steady_noise_wavers_as_chance_has_it() -> None:
    # the level of the mean of n squares of a Gaussian has an SD of 10 / ln(10) * sqrt(2 / n) dB
    assert heard(white(60)).level_sd_db == pytest.approx(10 / np.log(10) * np.sqrt(2 / 1600), rel=0.1)


@pytest.mark.parametrize("depth_db", [2.0, 4.0, 8.0])
def test_noise_whose_level_goes_up_and_down_has_that_standard_deviation(depth_db: float) -> None:
    gains = 10 ** (depth_db / 20 * np.where(np.arange(100) % 2, 1, -1))
    assert heard(white(10) * np.repeat(gains, RATE // 10)).level_sd_db == pytest.approx(depth_db, abs=0.05)


def test_stationarity_in_a_word() -> None:
    assert [describe_stationarity(sd) for sd in (None, 3.0, 3.1, 5.0, 5.1)] == [
        "unknown",
        "stationary",
        "fluctuating",
        "fluctuating",
        "non-stationary",
    ]


def test_only_the_usable_stretches_are_heard() -> None:
    rest, usable = white(3, seed=2), [(0, 3 * RATE), (5 * RATE, 3 * RATE)]
    found = [heard(np.concatenate([rest, gain * white(2), rest]), stretches=usable) for gain in (0.0, 1.0)]
    assert found[0].bands_dbfs == pytest.approx(found[1].bands_dbfs, abs=1e-3)
    assert [f.level_dbfs for f in found] == pytest.approx([heard(rest).level_dbfs] * 2, abs=1e-3)
    assert found[0].level_sd_db == pytest.approx(heard(rest).level_sd_db, abs=1e-3)


def test_a_long_recording_read_in_blocks_gives_the_mean_of_its_parts() -> None:
    loud, soft = 2 * white(45, seed=1), white(45, seed=2)
    both = heard(np.concatenate([loud, soft]))
    assert both.level_dbfs == pytest.approx(10 * np.log10((4 + 1) / 2), abs=0.05)


# band spectrum


def test_bands_are_those_of_the_standard() -> None:
    bands = third_octaves(RATE)
    assert [round(centre) for _, centre, _ in bands][:4] == [50, 63, 79, 100]
    assert all(high / low == pytest.approx(10**0.1) for low, _, high in bands)
    assert bands[-1][2] <= 0.45 * RATE < bands[-1][2] * 10**0.1


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_band_levels_of_white_noise_grow_with_the_width_of_the_band(rate: int) -> None:
    found = third_octave_levels(spectrum(white(60, rate=rate), rate=rate), sample_rate=rate)
    expected = [10 * np.log10((high - low) / (rate / 2)) for low, _, high in third_octaves(rate)]
    assert found == pytest.approx(expected, abs=0.6)


def test_all_power_of_a_tone_lies_in_its_band() -> None:
    found = third_octave_levels(spectrum(0.1 * np.sin(2 * np.pi * 1000 * np.arange(5 * RATE) / RATE)), sample_rate=RATE)
    centres = [centre for _, centre, _ in third_octaves(RATE)]
    assert centres[int(np.argmax(found))] == pytest.approx(1000)
    assert found.max() == pytest.approx(-23.01, abs=0.05)


def test_a_profile_knows_no_level_and_no_deeper_than_60_db() -> None:
    levels = np.array([-20.0, -30.0, -40.0, -200.0])
    assert spectral_profile(levels) == pytest.approx(spectral_profile(levels + 17))
    assert spectral_profile(levels).mean() == pytest.approx(0)
    assert np.ptp(spectral_profile(levels)) == pytest.approx(60)


# tonal lines


@pytest.mark.parametrize("hz", [35.2, 224.0, 441.3, 3000.4])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_tone_in_noise_is_the_one_line(hz: float, rate: int) -> None:
    noise = white(20, rate=rate)
    # 15 dB above the noise in one bin of about 2 Hz
    tone = np.sqrt(2 * 10**1.5 * 2 / (rate / 2)) * np.sin(2 * np.pi * hz * np.arange(len(noise)) / rate)
    (line,) = find_lines(spectrum(noise + tone, rate=rate))
    assert line.hz == pytest.approx(hz, abs=0.5)
    assert 9 < line.above_db < 18


def test_every_harmonic_of_a_hum_is_a_line() -> None:
    t = np.arange(20 * RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * t) for k in range(1, 9))
    assert [round(line.hz) for line in find_lines(spectrum(hum + white(20)))] == [50 * k for k in range(1, 9)]


@pytest.mark.parametrize("seconds", [0.3, 0.6, 2.0, 30.0])
def test_noise_has_no_lines_by_chance(seconds: float) -> None:
    counts = [len(find_lines(spectrum(falling(seconds, 6, seed=seed)))) for seed in range(20)]
    assert sum(counts) <= 1


def test_a_bang_in_quiet_noise_makes_no_lines() -> None:
    noise = white(20)
    noise[5 * RATE : 5 * RATE + 4000] *= 50
    assert find_lines(spectrum(noise)) == ()


# bandwidth


def cut_spectrum(samples: np.ndarray, low: float, high: float, *, rate: int = RATE) -> np.ndarray:
    whole = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    return np.fft.irfft(np.where((hz >= low) & (hz <= high), whole, 0), len(samples))


@pytest.mark.parametrize("slope", [0.0, 3.0, 6.0])
def test_telephone_band_is_recognised(slope: float) -> None:
    found = find_bandwidth(spectrum(cut_spectrum(falling(20, slope), 300, 3400)))
    assert found.telephone
    assert found.low_hz == pytest.approx(300, rel=0.06)
    assert found.high_hz == pytest.approx(3400, rel=0.06)


def test_telephone_band_of_a_filter_with_slopes_is_recognised() -> None:
    noise = sosfilt(butter(10, (300, 3400), "bandpass", fs=RATE, output="sos"), white(20))
    assert find_bandwidth(spectrum(noise)).telephone


@pytest.mark.parametrize("slope", [0.0, 6.0, 12.0])
@pytest.mark.parametrize("high", [2000, 4000, 5500])
def test_a_hard_low_pass_is_found_where_it_is(slope: float, high: int) -> None:
    found = find_bandwidth(spectrum(cut_spectrum(falling(20, slope), 0, high)))
    assert found.cut
    assert not found.telephone
    assert found.high_hz == pytest.approx(high, rel=0.06)


def test_an_up_sampled_recording_is_cut_at_half_its_old_rate() -> None:
    found = find_bandwidth(spectrum(soxr.resample(falling(20, 6, rate=8000), 8000, RATE)))
    assert found.cut
    assert found.high_hz == pytest.approx(4000, rel=0.08)


@pytest.mark.parametrize("slope", [0.0, 6.0, 12.0, 20.0])
def test_a_spectrum_that_falls_by_itself_is_not_cut(slope: float) -> None:
    found = find_bandwidth(spectrum(falling(20, slope)))
    assert (found.cut, found.high_hz) == (False, RATE / 2)


def test_a_resonance_is_no_low_pass() -> None:
    sos = butter(2, (1900, 2100), "bandpass", fs=RATE, output="sos")
    assert not find_bandwidth(spectrum(white(20) + 30 * sosfilt(sos, white(20, seed=2)))).cut


def test_a_down_sampled_recording_is_not_cut() -> None:
    assert not find_bandwidth(spectrum(soxr.resample(falling(20, 6, rate=44100), 44100, RATE))).cut


# odd lengths


@pytest.mark.parametrize("count", [2, 3, 50, 1600, 4000, 8191, 8193])
@pytest.mark.parametrize("rate", [4000, 16000, 192000])
def test_very_short_recordings_are_measured(count: int, rate: int) -> None:
    found = heard(white(1, rate=200_000)[:count], rate=rate)
    assert np.isfinite([found.level_dbfs, *found.bands_dbfs, found.bandwidth.low_hz]).all()
    assert not found.speech.is_speech
