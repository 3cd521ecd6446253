"""Each event against what its values say: rates, frequencies, delays, courses."""

import numpy as np
import pytest

from synth.dsp.events.door import Door
from synth.dsp.events.horn import Horn
from synth.dsp.events.indicator import Indicator
from synth.dsp.events.pass_by import PassBy
from synth.dsp.events.passing_car import PassingCar
from synth.dsp.events.pothole import Pothole
from synth.dsp.events.siren import Siren
from synth.dsp.events.wipers import Wipers
from tests.dsp.effects.known_signals import partials, rms_db

RATE = 16000


def whole(event):
    return event(round(event.seconds * RATE), sample_rate=RATE)


def filtered(samples, low_hz, high_hz):
    """Nothing but this band, without delay."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < low_hz) | (hz >= high_hz)] = 0
    return np.fft.irfft(spectrum, len(samples))


def envelope(samples):
    """Energy in each millisecond."""
    count = len(samples) // 16
    return np.square(samples[: 16 * count]).reshape(count, 16).sum(axis=1)


def period_s(samples, low_s, high_s):
    """The lag of the highest autocorrelation of the envelope (smoothed over 5 ms) within these limits."""
    energy = np.convolve(envelope(samples), np.hanning(7))
    energy -= energy.mean()
    lags = np.arange(round(1000 * low_s), round(1000 * high_s))
    return lags[np.argmax([np.dot(energy[lag:], energy[:-lag]) for lag in lags])] / 1000


def centroid_hz(samples):
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(np.dot(power, np.fft.rfftfreq(len(samples), 1 / RATE)) / power.sum())


@pytest.mark.parametrize(("rate_hz", "on"), [(1.0, 0.45), (1.25, 0.4), (2.0, 0.6)])
def test_indicator_clicks_twice_a_cycle_at_its_rate(rate_hz, on) -> None:
    event = Indicator(seconds=8.0, rate_hz=rate_hz, duty=on, seed=1)
    sound = whole(event)
    assert period_s(sound, 0.3, 1.1) == pytest.approx(1 / rate_hz, abs=0.002)
    loud = envelope(sound) > 0.05 * envelope(sound).max()
    starts = np.flatnonzero(loud & ~np.concatenate([np.zeros(20, bool), loud[:-20]])) / 1000
    clicks = starts[np.diff(starts, prepend=-1) > 0.05]
    cycles = np.arange(round(8 * rate_hz)) / rate_hz
    np.testing.assert_allclose(clicks, np.sort([*cycles, *(cycles + on / rate_hz)]), atol=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_indicator_has_two_different_short_clicks(seed) -> None:
    event = Indicator(rate_hz=1.0, duty=0.5, click_hz=1800.0, ratio=0.7, click_ms=3.0, seed=seed)
    sound = filtered(whole(event), 700, 8000)
    tick, tock = sound[:1600], sound[8000:9600]
    assert centroid_hz(tock) < 0.9 * centroid_hz(tick)
    assert 1000 < centroid_hz(tock) < centroid_hz(tick) < 4500
    assert np.square(tick[:48]).sum() > 0.95 * np.square(tick).sum()


@pytest.mark.parametrize("period", [0.8, 1.3])
def test_wipers_go_out_and_back_in_their_period(period) -> None:
    sound = whole(Wipers(seconds=10 * period, period_s=period, thump_db=-30.0, seed=2))
    assert period_s(sound, 0.7 * period, 1.3 * period) == pytest.approx(period, abs=0.005)
    energy = envelope(sound)[: round(10000 * period) // 20 * 20].reshape(10, 2, -1).sum(axis=(0, 2))
    assert 10 * np.log10(energy[1] / energy[0]) == pytest.approx(-2, abs=0.7)


def test_wipers_on_interval_pause_after_their_return() -> None:
    energy = envelope(whole(Wipers(seconds=10.0, period_s=5.0, seed=2))).reshape(100, 100).sum(axis=1)
    heard = np.flatnonzero(energy > 1e-3 * energy.max()) / 10
    assert set(heard) <= {*np.arange(0, 1.1, 0.1).round(1), *np.arange(5, 6.1, 0.1).round(1)}
    assert {0.1, 0.7, 5.1, 5.7} <= set(heard)


def test_wipers_swish_then_thump() -> None:
    sound = whole(Wipers(seconds=1.0, period_s=1.0, swish_hz=1200.0, thump_hz=100.0, thump_db=6.0, seed=3))
    stroke = sound[: RATE // 2]
    thump, swish = filtered(stroke, 60, 160), filtered(stroke, 480, 3000)
    assert int(np.argmax(envelope(swish))) < 220 < int(np.argmax(envelope(thump))) < 260
    quiet = filtered(whole(Wipers(seconds=1.0, swish_hz=1200.0, thump_db=-30.0, seed=3)), 0, 8000)
    assert rms_db(filtered(quiet, 480, 3000)) > rms_db(quiet) - 1.5


def test_horn_has_two_tones_with_harmonics() -> None:
    sound = whole(Horn(seconds=1.5, hz=400.0, ratio=1.25, muffle_hz=20000.0, seed=4))
    found = partials(sound)
    for hz in (400, 500, 800, 1000, 1200, 1500):
        assert np.abs(found - hz).min() < 0.5
    distance = np.minimum(np.abs(found / 400 - np.round(found / 400)) * 400, np.abs(found / 500 % 1) * 500)
    distance = np.minimum(distance, 500 - np.abs(found / 500 % 1) * 500)
    assert distance.max() < 1


def test_a_muffled_horn_lost_its_treble() -> None:
    """Second-order Butterworth by the bilinear transform: 40 log10(tan(pi 4 / 16) / tan(pi / 16)) = 28.1 dB at 4 kHz."""
    clear, dull = (whole(Horn(hz=400.0, muffle_hz=hz, seed=4)) for hz in (20000.0, 1000.0))
    assert rms_db(filtered(dull, 3500, 4500)) - rms_db(filtered(clear, 3500, 4500)) == pytest.approx(-28.1, abs=1.5)
    assert rms_db(filtered(dull, 300, 600)) - rms_db(filtered(clear, 300, 600)) == pytest.approx(0, abs=0.5)


def test_course_is_the_inverse_square_of_the_distance_and_its_doppler_shift() -> None:
    gain, clock = PassBy(distance_m=4.0, speed_kmh=54.0, seconds=6.0).at_listener(6 * RATE, RATE)
    time = np.arange(6 * RATE) / RATE - 3
    np.testing.assert_allclose(gain**2, 16 / (16 + (15 * time) ** 2), rtol=1e-12)
    factor = np.diff(clock) * RATE
    middle = time[:-1] + 0.5 / RATE
    wanted = 1 - 15 / 343 * (15 * middle) / np.sqrt(16 + (15 * middle) ** 2)
    np.testing.assert_allclose(factor, wanted, rtol=1e-6)
    assert clock[0] == pytest.approx(0, abs=1e-12)
    assert 0.95 < factor.min() < 0.96
    assert 1.04 < factor.max() < 1.05


def test_passing_car_gets_louder_and_softer_by_its_course() -> None:
    power = np.zeros(4 * RATE)
    for seed in range(12):
        event = PassingCar(seconds=4.0, speed_kmh=36.0, distance_m=5.0, tone_db=-40.0, seed=seed)
        power += whole(event) ** 2
    at = [power[round((2 + t) * RATE) - 1600 :][:3200].mean() for t in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    fine = [np.mean(1 / (25 + (10 * (t + np.linspace(-0.1, 0.1, 99))) ** 2)) for t in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    level = 10 * np.log10(np.array(at) / at[2])
    np.testing.assert_allclose(level, 10 * np.log10(np.array(fine) / fine[2]), atol=0.8)


def pitch_at(sound, second, near_hz):
    """The partial near `near_hz` (within 10 %) in half a second around `second`."""
    found = partials(sound[round((second - 0.5) * RATE) : round((second + 0.5) * RATE)])
    return found[np.argmin(np.abs(found - near_hz))]


def test_passing_car_comes_higher_and_leaves_lower() -> None:
    event = PassingCar(seconds=6.0, speed_kmh=60.0, distance_m=2.0, tone_hz=200.0, tone_db=40.0, seed=5)
    sound = whole(event)
    shift = (60 / 3.6) / 343 * np.cos(np.arctan(2 / (60 / 3.6 * 1.5)))
    assert pitch_at(sound, 1.5, 200) == pytest.approx(200 * (1 + shift), rel=1e-3)
    assert pitch_at(sound, 4.5, 200) == pytest.approx(200 * (1 - shift), rel=1e-3)
    assert pitch_at(sound, 1.5, 200) / pitch_at(sound, 4.5, 200) == pytest.approx(1.1, abs=0.01)


@pytest.mark.parametrize(("speed_kmh", "wheelbase_m"), [(30.0, 2.4), (50.0, 2.6), (90.0, 2.9)])
@pytest.mark.parametrize("seed", range(3))
def test_pothole_hits_the_rear_axle_a_wheelbase_later(speed_kmh, wheelbase_m, seed) -> None:
    event = Pothole(seconds=0.6, speed_kmh=speed_kmh, wheelbase_m=wheelbase_m, decay_ms=50.0, seed=seed)
    delay = wheelbase_m / (speed_kmh / 3.6)
    assert period_s(whole(event), 0.07, 0.4) == pytest.approx(delay, abs=0.006)


def test_pothole_is_a_damped_thump_of_its_pitch() -> None:
    sound = whole(Pothole(seconds=0.5, speed_kmh=20.0, hz=100.0, decay_ms=100.0, rear_db=-20.0, seed=1))
    body = filtered(sound, 60, 140)
    spectrum = np.abs(np.fft.rfft(body[: RATE // 4], RATE))
    assert np.argmax(spectrum) == pytest.approx(100, abs=6)
    early, late = (rms_db(body[at : at + 320]) for at in (320, 1920))
    assert early - late == pytest.approx(26, abs=4)


def test_door_clicks_then_thumps() -> None:
    sound = whole(Door(hz=80.0, decay_ms=200.0, latch_ms=30.0, latch_db=0.0, seed=1))
    latch, thump = envelope(filtered(sound, 1300, 8000)), envelope(filtered(sound, 50, 120))
    assert int(np.argmax(latch)) < 4
    assert 30 <= int(np.argmax(thump)) < 50
    assert np.argmax(np.abs(np.fft.rfft(sound, RATE))) == pytest.approx(80, abs=3)


def test_siren_takes_turns_between_its_two_tones() -> None:
    event = Siren(seconds=6.0, hz=440.0, ratio=585 / 440, period_s=2.0, speed_kmh=0.0, seed=6)
    sound = whole(event)
    for second in range(6):
        tone = sound[second * RATE : (second + 1) * RATE]
        assert partials(tone)[0] == pytest.approx((440, 585)[second % 2], abs=0.3)


def test_siren_wails_between_its_ends_with_three_times_the_period() -> None:
    event = Siren(seconds=9.0, kind="wail", hz=430.0, period_s=1.5, speed_kmh=0.0, muffle_hz=20000.0, seed=6)
    sound = whole(event)

    def tone(second):
        return np.argmax(np.abs(np.fft.rfft(sound[round(second * RATE) :][:640] * np.hanning(640), RATE)))

    assert tone(4.48) == pytest.approx(1.4 * 430, abs=10)
    assert tone(2.23) == pytest.approx(3.1 * 430, abs=10)
    assert tone(6.73) == pytest.approx(3.1 * 430, abs=10)
    assert tone(1.105) == pytest.approx(2.25 * 430, abs=20)


def test_siren_comes_higher_and_leaves_lower_and_is_muffled() -> None:
    event = Siren(seconds=8.0, hz=400.0, ratio=1.0, speed_kmh=60.0, distance_m=5.0, muffle_hz=800.0, seed=6)
    sound = whole(event)
    assert pitch_at(sound, 1.5, 400) == pytest.approx(400 * (1 + 60 / 3.6 / 343), rel=2e-3)
    assert pitch_at(sound, 6.5, 400) == pytest.approx(400 * (1 - 60 / 3.6 / 343), rel=2e-3)
    assert rms_db(filtered(sound, 2500, 8000)) < rms_db(sound) - 45
