"""Levels against the standards, computed another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from synth.dsp import levels
from tests import oracles

RATES = (8000, 16000, 44100)
ALL_RATES = (8000, 16000, 22050, 44100, 48000)


def speech_like(rate: int, seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    """Bursts of noise between pauses, with a falling spectrum: it has an activity factor, as speech has."""
    random = np.random.RandomState(seed)
    n = int(seconds * rate)
    gate = np.repeat(random.rand(int(seconds * 5) + 1) < 0.6, rate // 5)[:n]
    samples = signal.lfilter(*signal.butter(1, 500, fs=rate), random.standard_normal(n)) + 0.3 * np.sin(
        2 * np.pi * 180 * np.arange(n) / rate
    )
    return 0.05 * samples * gate + 1e-5 * random.standard_normal(n)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gain", [1.0, 0.03, 1e-4])
def test_active_level_is_that_of_p56_at_any_gain(rate: int, gain: float) -> None:
    samples = gain * speech_like(rate)
    level = levels.active_level(samples, sample_rate=rate)
    power = level.power()
    activity = level.activity(power)
    assert 10 * math.log10(power) == pytest.approx(oracles.p56_level_db(samples, rate), abs=0.02)
    assert 0.3 < activity < 0.95
    assert power * activity == pytest.approx(levels.mean_power(samples), rel=1e-9)


@pytest.mark.parametrize("gain", [0.9, 0.6, 0.01, 3.0])
def test_power_at_a_gain_is_that_of_the_amplified_signal(gain: float) -> None:
    samples = speech_like(16000)
    at = levels.active_level(samples, sample_rate=16000).power(gain) * gain**2
    assert 10 * math.log10(at) == pytest.approx(oracles.p56_level_db(samples * gain, 16000), abs=0.02)


def test_active_level_does_not_change_with_pauses_but_rms_does() -> None:
    samples = speech_like(16000)
    longer = np.concatenate([samples, np.zeros(64000)])
    one, other = (10 * math.log10(levels.active_level(x, sample_rate=16000).power()) for x in (samples, longer))
    assert one == pytest.approx(other, abs=0.3)
    assert levels.level_dbfs(samples) - levels.level_dbfs(longer) == pytest.approx(3.01, abs=0.01)


def test_sine_of_full_scale_has_minus_3_dbfs() -> None:
    assert levels.level_dbfs(np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(16000), np.zeros(0), np.full(16000, 1e-9)])
def test_silence_is_an_error(samples: np.ndarray) -> None:
    with pytest.raises(levels.SilentError):
        levels.active_level(samples, sample_rate=16000)


@pytest.mark.parametrize(
    ("rate", "hz", "tolerance"),
    [
        *[(16000, hz, 0.1) for hz in (50, 100, 1000, 3000, 5000, 7000)],
        *[(44100, hz, 0.1) for hz in (50, 4000, 10000)],
        *[(8000, hz, 0.1) for hz in (100, 3000)],
    ],
)
def test_a_weighting_of_a_sine_is_that_of_iec_61672(rate: int, hz: float, tolerance: float) -> None:
    sine = np.sin(2 * np.pi * hz * np.arange(rate * 2) / rate)
    heard = levels.weight(sine, weighting="a", sample_rate=rate)[rate:]
    expected = 20 * math.log10(float(oracles.a_weighting_gain(np.array([hz]))[0]))
    assert levels.level_dbfs(heard) - levels.level_dbfs(sine) == pytest.approx(expected, abs=tolerance)


def test_band_passes_the_middle_and_stops_rumble_at_24_db_an_octave() -> None:
    def gain_db(hz: float) -> float:
        sine = np.sin(2 * np.pi * hz * np.arange(32000) / 16000)
        return levels.level_dbfs(levels.weight(sine, weighting="band", sample_rate=16000)[16000:]) + 3.0103

    assert gain_db(1000) == pytest.approx(0, abs=0.01)
    assert gain_db(200) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(25) - gain_db(50) == pytest.approx(-24.1, abs=0.3)


@pytest.mark.parametrize("rate", RATES)
def test_loudness_is_that_of_bs1770(rate: int) -> None:
    samples = speech_like(rate)
    found = -0.691 + 10 * math.log10(levels.loudness(samples, sample_rate=rate).power())
    assert found == pytest.approx(oracles.lufs(samples, rate), abs=0.03)


def test_loudness_needs_400_ms() -> None:
    with pytest.raises(ValueError, match=r"at least 0\.4 s, these are 0\.300 s"):
        levels.loudness(np.ones(4800), sample_rate=16000)


@pytest.mark.parametrize("gain", [0.3, 0.05, 20.0])
def test_loudness_at_a_gain_is_that_of_the_amplified_signal(gain: float) -> None:
    samples = speech_like(16000)
    at = levels.loudness(samples, sample_rate=16000).power(gain) * gain**2
    assert -0.691 + 10 * math.log10(at) == pytest.approx(oracles.lufs(samples * gain, 16000), abs=0.03)


@pytest.mark.parametrize("rate", ALL_RATES)
@pytest.mark.parametrize("weighting", ["band", "a"])
def test_weighting_is_the_filter_that_scipy_runs(rate: int, weighting: str) -> None:
    for seconds in (0.01, 0.3, 4.0):
        samples = speech_like(rate, seconds)
        expected = signal.sosfilt(levels.weighting_filter(weighting, rate), samples)
        difference = levels.weight(samples, weighting=weighting, sample_rate=rate) - expected
        assert np.abs(difference).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("rate", ALL_RATES)
@pytest.mark.parametrize("weighting", levels.WEIGHTINGS)
def test_weighted_power_in_a_span_is_that_of_scipys_filter(rate: int, weighting: str) -> None:
    """A span begins in the middle of a sound, of which the filter has a memory."""
    samples = speech_like(rate) + np.sin(2 * np.pi * 30 * np.arange(4 * rate) / rate)
    sos = levels.weighting_filter(weighting, rate)
    filtered = samples if sos is None else signal.sosfilt(sos, samples)
    for span in (slice(0, samples.size), slice(rate // 3, 3 * rate + 1), slice(rate, rate + 5)):
        power = levels.weighted_power(samples, weighting=weighting, sample_rate=rate, span=span)
        assert power == pytest.approx(float(np.mean(filtered[span] ** 2)), rel=1e-10)


@pytest.mark.parametrize("rate", ALL_RATES)
@pytest.mark.parametrize("weighting", levels.WEIGHTINGS)
def test_one_pass_gives_the_active_level_of_the_filtered_signal(rate: int, weighting: str) -> None:
    samples = speech_like(rate)[:-7]
    sos = levels.weighting_filter(weighting, rate)
    filtered = samples if sos is None else signal.sosfilt(sos, samples)
    level = levels.active_level(samples, sample_rate=rate, weighting=weighting)
    assert level.energy == pytest.approx(float(np.sum(filtered**2)), rel=1e-10)
    assert 10 * math.log10(level.power()) == pytest.approx(oracles.p56_level_db(filtered, rate), abs=0.02)
    block, keep = level.block, math.exp(-level.block / (rate * 0.03))
    starts = np.arange(0, samples.size, block)
    once = [1 - keep], [1, -keep]
    envelope = signal.lfilter(*once, signal.lfilter(*once, np.add.reduceat(np.abs(filtered), starts) / block))
    np.testing.assert_allclose(level.envelope, envelope, rtol=1e-10)


def test_power_of_no_samples_is_zero() -> None:
    assert levels.weighted_power(np.ones(100), weighting="a", sample_rate=16000, span=slice(50, 50)) == 0.0
