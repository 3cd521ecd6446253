"""Quilting: the recording's pieces in another order: its spectrum, its rise and fall, no seam, no period."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from synth.dsp.generators.generator import Material
from synth.dsp.generators.quilt import Quilt
from tests.dsp.generators.sound_measures import (
    band_pass,
    envelope_peak,
    level_sd,
    levels_of,
    mean_band_error,
    window_correlation,
)
from tests.helpers import needs_real_audio, real_audio

RATE = 16_000


def material(samples: np.ndarray, rate: int = RATE) -> Material:
    scale = max(float(np.abs(samples).max()), 1e-9) / 32767
    return Material(np.rint(samples / scale).astype(np.int16), scale=scale, sample_rate=rate)


def road(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Noise that falls off above 300 Hz, as in a car."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    made = signal.sosfilt(signal.butter(1, 300, fs=rate, output="sos"), white)
    return 0.1 * made / np.std(made)


def swells(seconds: float, sd_db: float, seed: int = 1, rate: int = RATE) -> np.ndarray:
    """A gain that rises and falls within a second or two, of a given standard deviation in dB."""
    slow = signal.sosfiltfilt(
        signal.butter(2, 0.4, fs=100, output="sos"), np.random.default_rng(seed).standard_normal(round(seconds * 100))
    )
    slow *= sd_db / np.std(slow)
    return 10 ** (np.interp(np.arange(round(seconds * rate)) / rate, np.arange(len(slow)) / 100, slow) / 20)


def grown(quilt: Quilt, seconds: float, source: Material) -> np.ndarray:
    return quilt(round(seconds * source.sample_rate), sample_rate=source.sample_rate, materials=[source])


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


# --- a function of its fields and its material ------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.25, 5.0])
def test_any_length_at_any_rate(rate: int, seconds: float) -> None:
    source = material(road(seconds, rate=rate), rate)
    for segment_ms in (30, 60, 960):
        for count in (1, 7, rate, 4 * rate + 3):
            made = Quilt(segment_ms, seed=4)(count, sample_rate=rate, materials=[source])
            assert made.shape == (count,) and made.dtype == np.float64 and np.isfinite(made).all()


def test_same_seed_same_samples_and_every_seed_its_own() -> None:
    first = grown(Quilt(seed=5), 6, material(road(8)))
    again = grown(Quilt(seed=5), 6, material(road(8)))  # another material object: nothing hangs on what is remembered
    assert first.tobytes() == again.tobytes()
    other = grown(Quilt(seed=6), 6, material(road(8)))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.1


def test_a_longer_one_begins_as_the_shorter() -> None:
    """Where both are longer than the material: shorter ones keep to a part of it."""
    source = material(road(5))
    assert np.array_equal(grown(Quilt(seed=1), 8, source), grown(Quilt(seed=1), 60, source)[: 8 * RATE])


def test_the_material_is_left_as_it_was() -> None:
    source = material(road(2))
    source.samples.flags.writeable = False
    before = source.samples.copy()
    grown(Quilt(), 3, source)
    assert np.array_equal(source.samples, before)


# --- every sound is the recording's -----------------------------------------------------------------------------------


def test_between_the_joins_it_is_the_recording_sample_by_sample() -> None:
    """Most of the output is found in the material verbatim, upright or turned over."""
    source = material(road(3))
    made = np.rint(grown(Quilt(seed=2), 2, source) / source.scale).astype(int)
    text = source.samples.astype(int)
    places = {tuple(text[k : k + 4]) for k in range(len(text) - 3)}
    places |= {tuple(-value for value in four) for four in places}
    found = np.mean([tuple(made[k : k + 4]) in places for k in range(0, len(made) - 3, 4)])
    assert 0.55 < found < 0.75  # 40 of 60 ms


@pytest.mark.parametrize("segment_ms", [30, 60, 200])
def test_spectrum_and_level_are_the_recordings(segment_ms: float) -> None:
    sound = road(20)
    made = grown(Quilt(segment_ms, seed=3), 40, material(sound))
    assert mean_band_error(made, sound, RATE) < 0.5
    assert level(made) == pytest.approx(level(sound), abs=0.15)


@pytest.mark.parametrize("sd_db", [0.0, 2.0, 4.0])
def test_rise_and_fall_are_the_recordings(sd_db: float) -> None:
    sound = road(15) * swells(15, sd_db)
    made = [grown(Quilt(seed=seed), 15, material(sound)) for seed in range(4)]
    ratios = [level_sd(one, RATE) / level_sd(sound, RATE) for one in made]
    assert 0.9 < np.mean(ratios) < 1.1


def test_a_swell_of_seconds_is_not_cut_up() -> None:
    """Levels a quarter of a second apart go together in the recording, and still do in the quilt."""
    sound = road(20) * swells(20, 4.0)

    def together(samples: np.ndarray) -> float:
        levels = levels_of(samples, RATE)
        return float(np.corrcoef(levels[:-3], levels[3:])[0, 1])

    kept = np.mean([together(grown(Quilt(seed=seed), 20, material(sound))) for seed in range(4)])
    assert together(sound) > 0.8
    assert kept > 0.6  # shuffled at random it would be near zero


# --- seams ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("low_hz", [20.0, 200.0, 1000.0])
def test_no_dip_and_no_bump_at_the_joins(low_hz: float) -> None:
    source, quilt = material(road(20)), Quilt(seed=7)
    made = grown(quilt, 60, source)
    counts = made / source.scale
    joins = np.abs(counts - np.rint(counts)) > 1e-6  # fades give fractions of the recording's counts
    inside = np.convolve(joins, np.ones(17), "same") > 4
    assert 0.25 < inside.mean() < 0.45
    heard = band_pass(made, RATE, low_hz)
    assert 10 * np.log10(np.mean(heard[inside] ** 2) / np.mean(heard[~inside] ** 2)) == pytest.approx(0, abs=0.35)


@pytest.mark.parametrize("hertz", [55.0, 120.0, 440.0])
def test_a_hum_stays_a_hum(hertz: float) -> None:
    """A tone has no seams: its level stays put, and nothing is heard beside it."""
    tone = np.sin(2 * np.pi * hertz * np.arange(10 * RATE) / RATE)
    made = grown(Quilt(seed=1), 20, material(tone))
    assert np.std(levels_of(made, RATE)) < 0.5
    assert abs(level(made) - level(tone)) < 0.3
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    around = np.abs(np.fft.rfftfreq(len(made), 1 / RATE) - hertz) < 20
    assert 10 * np.log10(spectrum[~around].sum() / spectrum[around].sum()) < -15


def test_rumble_below_the_pieces_does_not_cancel_out() -> None:
    """Half a period of 15 Hz is longer than any move of a join: pieces must not be turned over against it."""
    rumble = np.sin(2 * np.pi * 15 * np.arange(10 * RATE) / RATE) + 0.01 * road(10)
    made = grown(Quilt(seed=1), 10, material(rumble))
    assert abs(level(made) - level(rumble)) < 0.5
    assert level(band_pass(made, RATE, 60)) - level(made) < -36


# --- no period --------------------------------------------------------------------------------------------------------


def test_ten_minutes_from_five_seconds_have_no_period() -> None:
    made = grown(Quilt(seed=8), 600, material(road(5) * swells(5, 2.0)))
    assert envelope_peak(made, RATE)[0] < 0.2
    assert window_correlation(made, RATE, templates=12) < 0.5


def test_the_measures_hear_a_period() -> None:
    """The same measures on tiling and on white noise: else the test above says nothing."""
    tiled = np.tile(road(5) * swells(5, 2.0), 24)
    assert envelope_peak(tiled, RATE)[0] > 0.9
    assert window_correlation(tiled, RATE, templates=4) > 0.99
    white = np.random.default_rng(0).standard_normal(120 * RATE)
    assert envelope_peak(white, RATE)[0] < 0.2
    assert window_correlation(white, RATE, templates=4) < 0.2


@pytest.mark.parametrize("segment_ms", [30, 60, 240])
@pytest.mark.parametrize("seconds", [2, 10, 37, 300])
def test_no_piece_is_used_more_than_twice_its_even_share(segment_ms: float, seconds: int) -> None:
    source, quilt = material(road(5)), Quilt(segment_ms, seed=9)
    pieces = quilt.segments(seconds * RATE, sample_rate=RATE, materials=[source])
    used = np.bincount(pieces, minlength=quilt.cells(source))
    assert len(used) == quilt.cells(source)
    assert used.max() <= max(1, 2 * len(pieces) / len(used))
    assert used.max() - used.min() <= 1  # and evenly at all times


def test_all_of_the_recording_is_heard_in_its_own_time() -> None:
    source, quilt = material(road(10)), Quilt(seed=3)
    pieces = quilt.segments(10 * RATE, sample_rate=RATE, materials=[source])
    assert len(np.unique(pieces)) > 0.95 * quilt.cells(source)


def test_short_clips_together_use_the_whole_recording_evenly() -> None:
    """Clips of a few seconds from a long recording: no cell is left out because it fits badly, and levels are kept."""
    sound = road(30) * swells(30, 3.0)
    source = material(sound)
    used = np.zeros(Quilt().cells(source))
    power, clips = [], 60
    for seed in range(clips):
        used += np.bincount(
            Quilt(seed=seed).segments(5 * RATE, sample_rate=RATE, materials=[source]), minlength=len(used)
        )
        power.append(np.mean(grown(Quilt(seed=seed), 5, source) ** 2))
    assert used.min() > 0
    assert np.std(used) / np.mean(used) < 2.0 / np.sqrt(np.mean(used))  # 1 where each were drawn for itself
    assert 10 * np.log10(np.mean(power)) == pytest.approx(level(sound), abs=0.5)


def test_a_short_clip_is_made_of_one_stretch() -> None:
    source, quilt = material(road(30)), Quilt(seed=3)
    pieces = quilt.segments(5 * RATE, sample_rate=RATE, materials=[source])
    gaps = np.diff(np.sort(pieces), append=pieces.min() + quilt.cells(source))
    assert np.max(gaps) > 0.8 * (quilt.cells(source) - len(pieces))  # all the rest of the recording lies in one gap
    assert np.bincount(pieces).max() == 1


def test_the_recording_is_not_played_on() -> None:
    """The cell that came next in the recording, and those just heard, are not what comes next."""
    pieces = Quilt(seed=3).segments(120 * RATE, sample_rate=RATE, materials=[material(road(10))])
    steps = np.diff(pieces)
    assert np.mean(np.abs(steps) <= 1) < 0.02
    pairs = np.unique(pieces[:-1] * 1000 + pieces[1:], return_counts=True)[1]
    assert pairs.max() <= 3


# --- odd materials ----------------------------------------------------------------------------------------------------


def test_silence_grows_silence() -> None:
    silence = Material(np.zeros(3 * RATE, np.int16), scale=1 / 32768, sample_rate=RATE)
    assert not grown(Quilt(), 5, silence).any()


def test_a_silent_stretch_takes_its_share_and_no_more() -> None:
    sound = road(10)
    sound[4 * RATE : 6 * RATE] = 0.0
    made = grown(Quilt(seed=2), 40, material(sound))
    silent = np.mean(levels_of(made, RATE, seconds=0.01) < -80)
    assert 0.1 < silent < 0.22
    assert np.isfinite(made).all()


@pytest.mark.parametrize("count", [1, 2, 9, 100, 1000])
def test_a_material_shorter_than_a_segment(count: int) -> None:
    tiny = Material(np.arange(1, count + 1, dtype=np.int16), scale=1e-3, sample_rate=RATE)
    made = Quilt(960)(RATE, sample_rate=RATE, materials=[tiny])
    assert made.shape == (RATE,) and np.isfinite(made).all() and np.abs(made).max() <= 4e-3 * count


def test_a_loud_moment_comes_as_often_as_it_should() -> None:
    """A bang fits behind nothing else; it is heard all the same, once in the time of the recording."""
    sound = road(10)
    sound[5 * RATE : 5 * RATE + 400] *= 30
    made = grown(Quilt(seed=2), 100, material(sound))
    bangs = np.diff((levels_of(made, RATE, seconds=0.02) > level(sound[: 4 * RATE]) + 15).astype(int)) > 0
    assert 7 <= bangs.sum() <= 22  # each place lies in two overlapping pieces, of which one or both may come


# --- cost -------------------------------------------------------------------------------------------------------------


def test_ten_minutes_take_a_few_times_their_own_memory() -> None:
    source = material(road(5))
    grown(Quilt(), 1, source)
    tracemalloc.start()
    try:
        made = grown(Quilt(), 600, source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * made.nbytes + 60e6


def test_a_clip_takes_milliseconds() -> None:
    """Bounds five times what it takes, so that a busy machine does not fail it."""
    source = material(road(30))
    begin = time.process_time()
    grown(Quilt(), 1, source)
    assert time.process_time() - begin < 0.6
    costs = []
    for seed in range(8):
        begin = time.process_time()
        grown(Quilt(seed=seed), 10, source)
        costs.append(time.process_time() - begin)
    assert min(costs) < 0.015


# --- real recordings --------------------------------------------------------------------------------------------------

CARS = ("noice_bmw_i3_driving_0.mp3", "noice_bmw_i3_driving_1.mp3", "nastar_car_test.wav")


@needs_real_audio
@pytest.mark.parametrize("name", CARS)
def test_grown_from_the_first_half_it_is_like_the_second(name: str) -> None:
    samples, rate = soundfile.read(real_audio() / "noise" / "car" / name, always_2d=True)
    sound = soxr.resample(samples.mean(axis=1), rate, RATE)
    first, second = np.split(sound[: len(sound) // 2 * 2], 2)
    source = material(first)
    made = [Quilt(seed=seed)(len(second), sample_rate=RATE, materials=[source]) for seed in range(8)]
    error = np.mean([mean_band_error(one, second, RATE) for one in made])
    assert error <= mean_band_error(first, second, RATE) + 0.5
    spread = np.mean([level_sd(one, RATE) for one in made])
    assert spread == pytest.approx(level_sd(first, RATE), rel=0.1)
