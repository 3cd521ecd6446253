"""Separated noise: the tones move and the noise does not, levels change as asked, any length without a seam to hear."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from synth.dsp.generators.generator import Material
from synth.dsp.generators.separate import Separate
from tests.dsp.generators.sound_measures import (
    band_levels,
    band_pass,
    band_profile,
    envelope_peak,
    level_sd,
    levels_of,
    mean_band_error,
    spectral_lines,
    window_correlation,
)
from tests.helpers import needs_real_audio, real_audio

RATE = 16_000
TONE_HZ = 440.0


def material(samples: np.ndarray, rate: int = RATE) -> Material:
    scale = float(np.abs(samples).max()) / 32767
    return Material(np.rint(samples / scale).astype(np.int16), scale=scale, sample_rate=rate)


def road(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Noise that falls by 6 dB an octave from 1 kHz on, standard deviation 0.05."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    made = signal.sosfilt(signal.butter(1, 1000, fs=rate, output="sos"), white)
    return 0.05 * made / np.std(made)


def tone(seconds: float, hertz: float = TONE_HZ, rate: int = RATE) -> np.ndarray:
    return 0.05 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture(scope="module")
def humming() -> Material:
    """A tone on noise, and one material for all tests, so that it is separated once."""
    return material(road(15) + tone(15))


def grown(separate: Separate, seconds: float, source: Material) -> np.ndarray:
    return separate(round(seconds * source.sample_rate), sample_rate=source.sample_rate, materials=[source])


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def strongest_line(samples: np.ndarray, rate: int = RATE) -> float:
    return spectral_lines(samples, rate, over_db=15)[0][0]


# --- tones ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.8, 0.85, 0.997, 1.0, 1.18, 1.25])
def test_the_tone_moves_by_the_factor_and_the_noise_does_not(humming: Material, factor: float) -> None:
    made = grown(Separate(tonal_factor=factor, seed=1), 20, humming)
    lines = spectral_lines(made, RATE, over_db=15)
    assert lines[0][0] == pytest.approx(factor * TONE_HZ, rel=0.01)
    near = [hertz for hertz, _ in lines if abs(hertz - TONE_HZ) < 8]
    assert not near or abs(factor - 1) < 0.02  # nothing of the tone stays where it was
    expected, found = band_levels(road(30, seed=9), RATE), band_levels(made, RATE)
    far = np.r_[0:7, 12:22]  # the third octaves below 250 Hz and above 800
    assert np.max(np.abs(found[far] - expected[far])) < 1.5
    assert np.mean(np.abs(found[far] - expected[far])) < 0.5


@pytest.mark.parametrize("tonal_db", [-4.0, 4.0])
def test_the_tone_is_louder_or_softer_against_the_noise_as_asked(humming: Material, tonal_db: float) -> None:
    def tone_over_noise(samples: np.ndarray) -> float:
        return level(band_pass(samples, RATE, 400, 480)) - level(band_pass(samples, RATE, 1000, 4000))

    plain, changed = (grown(Separate(tonal_db=d, seed=2), 20, humming) for d in (0.0, tonal_db))
    assert tone_over_noise(changed) - tone_over_noise(plain) == pytest.approx(tonal_db, abs=0.5)
    assert level(changed) == pytest.approx(level(humming.to_float()), abs=0.4)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_tone_alone_goes_on_without_a_seam(rate: int) -> None:
    made = grown(Separate(seed=3), 10, material(tone(5, 233.0, rate), rate))
    assert strongest_line(made, rate) == pytest.approx(233.0, rel=0.005)
    assert np.ptp(levels_of(made, rate, seconds=0.05)) < 0.5
    beside = np.concatenate([band_levels(made, rate)[:5], band_levels(made, rate)[9:20]])
    assert beside.max() < level(made) - 35


def test_two_tones_at_once_lose_little_at_the_joins() -> None:
    source = material(tone(10, 100) + tone(10, 173))
    made = grown(Separate(seed=4), 30, source)
    for hertz in (100, 173):
        kept = level(band_pass(made, RATE, hertz - 15, hertz + 15)) - level(tone(1, hertz))
        assert kept == pytest.approx(0, abs=1.5)


# --- the broadband part -----------------------------------------------------------------------------------------------


def test_the_equaliser_departs_as_far_as_asked_and_leaves_tone_and_level(humming: Material) -> None:
    plain = band_levels(grown(Separate(), 20, humming), RATE)
    far = np.r_[2:7, 12:22]
    changes, levels = [], []
    for seed in range(12):
        made = grown(Separate(equalizer_db=4, seed=seed), 5, humming)
        changes.append((band_levels(made, RATE) - plain)[far])
        levels.append(level(made))
        assert strongest_line(made) == pytest.approx(TONE_HZ, rel=0.01)
    centred = np.asarray(changes) - np.mean(changes, axis=1, keepdims=True)
    assert np.sqrt(np.mean(centred**2)) == pytest.approx(4, abs=1.2)
    assert levels == pytest.approx([level(humming.to_float())] * 12, abs=0.5)


def test_noise_without_tones_stays_what_it_was() -> None:
    """What the separation takes for tonal there is too little to be heard, however it is played."""
    source = material(road(10))
    made = grown(Separate(tonal_factor=1.25, tonal_db=4, seed=1), 30, source)
    assert mean_band_error(made, road(30, seed=5), RATE) < 0.5


# --- the sum ----------------------------------------------------------------------------------------------------------


def test_left_alone_the_sum_is_the_recording_again(humming: Material) -> None:
    made = grown(Separate(seed=5), 30, humming)
    assert np.max(np.abs(band_profile(made, RATE) - band_profile(humming.to_float(), RATE))) < 1.0
    assert level(made) == pytest.approx(level(humming.to_float()), abs=0.3)
    assert level_sd(made, RATE) / level_sd(humming.to_float(), RATE) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("source_seconds", [0.25, 2.0])
def test_any_length_at_any_rate_from_any_material(rate: int, source_seconds: float) -> None:
    source = material(road(source_seconds, rate) + tone(source_seconds, rate=rate), rate)
    changed = Separate(tonal_factor=1.1, tonal_db=-2, equalizer_db=2, seed=6)
    for count in (1, 999, rate):
        made = changed(count, sample_rate=rate, materials=[source])
        assert made.shape == (count,)
        assert made.dtype == np.float64
    assert level(grown(changed, 10, source)) == pytest.approx(level(source.to_float()), abs=1.0)


def test_the_same_fields_give_the_same_samples_and_another_seed_others() -> None:
    samples = road(3) + tone(3)
    one, again = (grown(Separate(1.1, 1, 2, seed=1), 2, material(samples)) for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, grown(Separate(1.1, 1, 2, seed=2), 2, material(samples)))


def test_silence_stays_silence() -> None:
    made = grown(Separate(1.1, 2, 2), 1, Material(np.zeros(RATE, np.int16), scale=1 / 32768, sample_rate=RATE))
    assert not made.any()


def test_ten_minutes_from_five_seconds_have_no_period_and_fit_in_memory() -> None:
    source = material(road(5) * 10 ** (0.1 * np.sin(np.arange(5 * RATE) / RATE * 3)))
    changed = Separate(tonal_factor=1.1, equalizer_db=2, seed=9)
    grown(changed, 1, source)
    tracemalloc.start()
    made = grown(changed, 600, source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * made.nbytes
    assert envelope_peak(made, RATE)[0] < 0.2
    assert window_correlation(made, RATE, templates=6) < 0.5


# --- real recordings --------------------------------------------------------------------------------------------------


@needs_real_audio
def test_real_cars_keep_their_spectrum_where_nothing_is_changed() -> None:
    recordings = [p for p in sorted((real_audio() / "noise" / "car").iterdir()) if soundfile.info(p).duration >= 20]
    assert recordings
    for path in recordings:
        samples, rate = soundfile.read(path, always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate, RATE)[: 30 * RATE]
        made = grown(Separate(seed=1), 60, material(mono))
        assert mean_band_error(made, mono, RATE) < 1.0, path.name
