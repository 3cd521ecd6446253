"""The parametric cabin: what a virtual car must sound like, judged by formulas of its own."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from scipy import signal, stats

from synth.dsp.generators.cabin import FANS, ROADS, WINDOWS, Cabin, drive, rpm_course
from synth.dsp.generators.virtual_car import VirtualCar, virtual_car
from tests.dsp.generators.sound_measures import band_profile, envelope_peak, window_correlation

RATE = 16_000
FLEET = 11


def car_with(cylinders: int) -> VirtualCar:
    """The first car of the fleet with so many cylinders (0: electric)."""
    return next(car for car in (virtual_car(FLEET, k) for k in range(400)) if car.cylinders == cylinders)


def flat(car: VirtualCar, **changes: object) -> VirtualCar:
    """The same car without spectrum, resonances and gusts of its own, so that formulas can foretell its spectrum."""
    plain = {"spectrum_db": (0.0,) * len(car.spectrum_db), "resonances": (), "mode_db": 0.0, "cavity_db": 0.0}
    return dataclasses.replace(car, **{**plain, **changes})


def heard(car: VirtualCar, seconds: float = 10.0, **fields: object) -> np.ndarray:
    cabin = Cabin(**{"gust_db": 0.0, "seed": 5, "car": car.number, "car_seed": FLEET, **fields})
    return drive(cabin, car, num_samples=round(seconds * RATE), sample_rate=RATE)


def level(samples: np.ndarray, low: float, high: float) -> float:
    """dB between two frequencies, from a Welch spectrum."""
    hz, density = signal.welch(samples, RATE, nperseg=4096)
    inside = (hz >= low) & (hz <= high)
    return float(10 * np.log10(np.sum(density[inside]) * hz[1]))


# --- the engine -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kmh", [0.0, 45.0, 110.0])
@pytest.mark.parametrize("cylinders", [3, 4, 6, 8])
def test_firing_lines_stand_where_the_rpm_says(cylinders: int, kmh: float) -> None:
    car = car_with(cylinders)
    quiet = dataclasses.replace(car, high_pass_hz=20.0, high_pass_order=2, road_dba=10.0, level_dbfs=-80.0)
    cabin = Cabin(speed_kmh=kmh, acceleration_kmh_per_s=0.3, seed=3, car=car.number, car_seed=FLEET)
    samples = drive(cabin, quiet, num_samples=10 * RATE, sample_rate=RATE)
    rpm = rpm_course(cabin, 10 * RATE, RATE)
    # the strongest line near rpm / 60 * cylinders / 2, second by second
    ratios = []
    for start in range(0, 10 * RATE, RATE):
        expected = float(rpm[start : start + RATE].mean()) / 60 * cylinders / 2
        piece = samples[start : start + RATE] * np.hanning(RATE)
        spectrum = np.abs(np.fft.rfft(piece, 8 * RATE)) ** 2
        hz = np.fft.rfftfreq(8 * RATE, 1 / RATE)
        near = (hz > 0.85 * expected) & (hz < 1.15 * expected)
        ratios.append(float(np.sum(hz[near] * spectrum[near] ** 2) / np.sum(spectrum[near] ** 2)) / expected)
    assert np.median(ratios) == pytest.approx(1.0, abs=0.01)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.01)


def test_rpm_is_idle_when_standing_and_credible_when_driving() -> None:
    car = car_with(4)
    standing = rpm_course(Cabin(speed_kmh=0, acceleration_kmh_per_s=2, car=car.number, car_seed=FLEET), 20 * RATE, RATE)
    assert standing.min() > 0.93 * 700
    assert standing.max() < 1.07 * 900
    for number in range(30):
        town, road = (
            rpm_course(Cabin(speed_kmh=kmh, car=number, car_seed=FLEET), RATE, RATE).mean() for kmh in (40, 120)
        )
        if not virtual_car(FLEET, number).is_electric:
            assert 1000 < town < 2800
            assert 1800 < road < 3700


def test_engine_speed_moves_by_500_rpm_a_second_at_most_beside_its_jitter() -> None:
    car = dataclasses.replace(car_with(4), rpm_jitter=0.0)
    from synth.dsp.generators.cabin import course_of

    course = course_of(Cabin(speed_kmh=20, acceleration_kmh_per_s=5, seed=2), car, 20 * RATE, RATE)
    assert len(set(np.rint(course.rpm / np.maximum(course.kmh, 1)).tolist())) > 2  # it did shift
    assert np.max(np.abs(np.diff(course.rpm))) <= 500 * course.step / RATE + 1e-9


def line_over_floor(samples: np.ndarray, hz: float) -> float:
    """dB of a line at `hz` over the median within a third of an octave on both sides."""
    at, density = signal.welch(samples, RATE, nperseg=RATE)
    near = (at > hz * 0.79) & (at < hz * 1.26)
    peak = (at > hz * 0.97) & (at < hz * 1.03)
    return float(10 * np.log10(density[peak].max() / np.median(density[near])))


def test_an_electric_car_has_no_firing_lines_but_a_whine_that_follows_its_speed() -> None:
    electric, four = (flat(car_with(n), high_pass_hz=20.0, engine_db=86.0) for n in (0, 4))
    for kmh in (50.0, 100.0):
        fields = {"speed_kmh": kmh, "seed": 4}
        firing = rpm_course(Cabin(**fields, car=four.number, car_seed=FLEET), 10 * RATE, RATE).mean() / 30
        assert line_over_floor(heard(four, **fields), firing) > 8
        assert line_over_floor(heard(electric, **fields), firing) < 5
        whine = rpm_course(Cabin(**fields, car=electric.number, car_seed=FLEET), 10 * RATE, RATE).mean() / 60 * 8
        loud = dataclasses.replace(electric, whine_db=(70.0,) * 3)
        assert line_over_floor(heard(loud, **fields), float(whine)) > 20


def test_an_electric_motor_is_silent_when_it_stands() -> None:
    car = car_with(0)
    assert np.all(rpm_course(Cabin(speed_kmh=0, car=car.number, car_seed=FLEET), RATE, RATE) == 0)
    loud = dataclasses.replace(car, whine_db=(150.0,) * 3)
    assert np.array_equal(heard(car, 1.0, speed_kmh=0), heard(loud, 1.0, speed_kmh=0))


# --- road, wind, window, fan, rain, microphone ------------------------------------------------------------------------


def test_road_grows_with_speed_by_the_cars_slope() -> None:
    car = dataclasses.replace(car_with(0), wind_over_road_kmh=1000.0, ambient_dba=-50.0, self_noise_dba=-50.0)
    found = level(heard(car, 40, speed_kmh=100), 100, 300) - level(heard(car, 40, speed_kmh=50), 100, 300)
    assert found == pytest.approx(car.road_slope * np.log10(2), abs=0.4)
    assert 25 <= car.road_slope <= 35


def test_wind_grows_with_speed_by_the_cars_slope_and_by_wind_db() -> None:
    car = dataclasses.replace(
        car_with(0), wind_over_road_kmh=20.0, ambient_dba=-50.0, self_noise_dba=-50.0, whine_db=(-50.0,) * 3
    )
    slow, fast = (heard(car, 40, speed_kmh=kmh) for kmh in (70, 140))
    found = level(fast, 400, 3000) - level(slow, 400, 3000)
    assert found == pytest.approx(car.wind_slope * np.log10(2), abs=0.4)
    assert 50 <= car.wind_slope <= 60
    assert level(heard(car, 40, speed_kmh=140, wind_db=5.0), 400, 3000) - level(fast, 400, 3000) == pytest.approx(
        5, abs=0.4
    )


def test_road_dominates_in_town_and_wind_on_the_motorway() -> None:
    """Pang: road at 50-80 km/h, wind above 100 km/h; here by the levels in dBA, for every car."""
    for number in range(50):
        car = virtual_car(FLEET, number)
        difference = {
            v: car.wind_dba - car.road_dba + (car.wind_slope - car.road_slope) * np.log10(v / 100) for v in (60, 140)
        }
        assert difference[60] < -3
        assert difference[140] > 0


def test_level_is_about_minus_30_dbfs_at_100_kmh() -> None:
    levels = [level(heard(virtual_car(FLEET, k), 2.0, speed_kmh=100), 20, 8000) for k in range(40)]
    assert np.median(levels) == pytest.approx(-30, abs=2)
    assert np.std(levels) < 4


def test_gusts_move_the_wind_and_not_the_road() -> None:
    car = dataclasses.replace(flat(car_with(0)), wind_over_road_kmh=95.0)

    def wavering(gust_db: float, low: float, high: float) -> float:
        heard_band = signal.sosfilt(
            signal.butter(4, [low, high], "bandpass", fs=RATE, output="sos"),
            heard(car, 60, speed_kmh=130, gust_db=gust_db),
        )
        return float(np.std(10 * np.log10(np.mean(heard_band.reshape(-1, RATE // 2) ** 2, axis=1))))

    assert wavering(4.0, 1500, 4000) > wavering(0.0, 1500, 4000) + 1.5
    assert wavering(4.0, 60, 110) < wavering(0.0, 60, 110) + 0.7


def test_the_microphones_high_pass() -> None:
    car = flat(car_with(0), ambient_dba=-50.0, self_noise_dba=-80.0)
    low = dataclasses.replace(car, high_pass_hz=40.0, high_pass_order=2)
    high = dataclasses.replace(car, high_pass_hz=150.0, high_pass_order=4)
    quiet, full = heard(high, 40, speed_kmh=80), heard(low, 40, speed_kmh=80)
    above = level(quiet, 1000, 2000) - level(
        full, 1000, 2000
    )  # the same gain for both but for the level set at 100 km/h
    for hz in (60.0, 90.0, 150.0, 300.0):
        expected = -10 * np.log10(1 + (150 / hz) ** 8) + 10 * np.log10(1 + (40 / hz) ** 4)
        found = level(quiet, hz * 0.94, hz * 1.06) - level(full, hz * 0.94, hz * 1.06) - above
        assert found == pytest.approx(expected, abs=1.2)


def test_an_open_window_is_8_to_15_db_louder() -> None:
    for number in range(8):
        car = virtual_car(FLEET, number)
        closed, opened = (heard(car, 10, speed_kmh=120, window=window) for window in ("closed", "open"))
        assert 5 < level(opened, 500, 4000) - level(closed, 500, 4000) < 16


def test_the_fan_is_a_hump_with_a_tone_and_four_levels() -> None:
    car = flat(car_with(0), ambient_dba=-20.0, self_noise_dba=-20.0, high_pass_hz=40.0)
    sound = {fan: heard(car, 20, speed_kmh=0, fan=fan) for fan in FANS}
    levels = [level(sound[fan], 500, 4000) for fan in FANS]
    assert levels == sorted(levels)
    assert 9.5 < levels[3] - levels[2] < 15.5
    # 3-5 dB an octave within the hump, of density: the upper half octave is wider by 1.5 dB
    slope = (level(sound["high"], 1000, 1414) - level(sound["high"], 707, 1000) - 1.505) * 2
    assert -car.fan_rolloff - 1.2 < slope < -car.fan_rolloff + 0.3
    assert line_over_floor(sound["high"], car.blower_hz) > 4
    assert level(sound["high"], 500, 1000) - level(sound["high"], 50, 75) > 10


def test_rain_is_made_of_drops() -> None:
    """Sparse strikes have heavy tails; with ever more of them the sound grows and comes nearer to Gaussian noise."""
    car = flat(car_with(0), ambient_dba=10.0)
    dry, drizzle, heavy = (heard(car, 20, speed_kmh=0, rain_drops_per_s=rain) for rain in (0.0, 20.0, 400.0))
    assert abs(stats.kurtosis(dry)) < 0.3
    assert stats.kurtosis(drizzle) > 10
    assert stats.kurtosis(drizzle) > 2 * stats.kurtosis(heavy) > 2
    growth = level(heavy, 300, 6000) - level(drizzle, 300, 6000)
    assert growth == pytest.approx(10 * np.log10(20), abs=2.5)


def test_rain_adds_drops_and_changes_nothing_else() -> None:
    car = car_with(4)
    rain_alone = heard(car, 5, speed_kmh=60, rain_drops_per_s=30.0) - heard(car, 5, speed_kmh=60, rain_drops_per_s=0.0)
    # outside of the strikes nothing but the fine patter is left, far below the dry noise
    assert np.median(np.abs(rain_alone)) < 3 * np.median(np.abs(heard(car, 5, speed_kmh=60)))


def test_cobbles_are_louder_and_lower_than_a_coarse_road_and_that_than_a_smooth_one() -> None:
    car = dataclasses.replace(car_with(0), wind_over_road_kmh=200.0)
    smooth, coarse, cobbles = (heard(car, 20, speed_kmh=30, road=road) for road in ROADS)
    assert level(coarse, 80, 300) - level(smooth, 80, 300) == pytest.approx(car.surface_db, abs=1)
    assert level(cobbles, 80, 300) - level(smooth, 80, 300) > 1.8 * car.surface_db
    tilt = [level(x, 80, 300) - level(x, 600, 1200) for x in (coarse, cobbles)]
    assert tilt[1] - tilt[0] > 2


# --- what holds for every generator -----------------------------------------------------------------------------------


def test_same_fields_same_samples_and_another_seed_other_ones() -> None:
    cabin = Cabin(speed_kmh=70, rain_drops_per_s=50, fan="mid", seed=8, car=3, car_seed=FLEET)
    first = cabin(RATE, sample_rate=RATE, materials=())
    virtual_car.cache_clear()
    again = dataclasses.replace(cabin)(RATE, sample_rate=RATE, materials=())
    assert np.array_equal(first, again)
    other = dataclasses.replace(cabin, seed=9)(RATE, sample_rate=RATE, materials=())
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.3


def test_a_car_keeps_its_spectrum_and_differs_from_others() -> None:
    def profile(number: int, seed: int) -> np.ndarray:
        samples = heard(virtual_car(FLEET, number), 10, speed_kmh=80, seed=seed)
        return band_profile(samples, RATE, low_hz=63.0)

    within = [np.mean(np.abs(profile(k, 1) - profile(k, 2))) for k in range(8)]
    between = [np.mean(np.abs(profile(k, 1) - profile(k + 1, 1))) for k in range(8)]
    assert max(within) < 1.0
    assert min(between) > 1.5
    assert np.mean(between) > 3


def test_a_fleet_is_drawn_as_it_is_described() -> None:
    fleet = [virtual_car(2, k) for k in range(2000)]
    cylinders = np.array([car.cylinders for car in fleet])
    assert np.mean(cylinders == 0) == pytest.approx(0.25, abs=0.03)
    shares = [np.mean(cylinders[cylinders > 0] == n) for n in (3, 4, 6, 8)]
    assert shares == pytest.approx([0.2, 0.6, 0.15, 0.05], abs=0.03)
    for name, low, high in (
        ("volume_m3", 2.3, 4),
        ("high_pass_hz", 40, 150),
        ("high_pass_order", 2, 4),
        ("cavity_hz", 190, 250),
        ("road_slope", 25, 35),
        ("wind_slope", 50, 60),
        ("idle_rpm", 700, 900),
    ):
        values = np.array([getattr(car, name) for car in fleet])
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    assert {len(car.resonances) for car in fleet} == {3, 4, 5, 6}
    assert len({car.spectrum_db for car in fleet}) == len(fleet)
    assert virtual_car(2, 17) == virtual_car(2, 17) != virtual_car(3, 17)
    assert virtual_car(2, 17).name == "car-017"


def test_speed_is_never_negative() -> None:
    from synth.dsp.generators.cabin import course_of

    course = course_of(Cabin(speed_kmh=10, acceleration_kmh_per_s=-3, seed=1), car_with(4), 30 * RATE, RATE)
    assert course.kmh.min() == 0
    assert np.all(np.isfinite(heard(car_with(0), 30, speed_kmh=10, acceleration_kmh_per_s=-3)))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("cylinders", [0, 4])
def test_any_rate_and_any_length(rate: int, cylinders: int) -> None:
    car = car_with(cylinders)
    cabin = Cabin(speed_kmh=60, rain_drops_per_s=100, fan="high", window="open", seed=1, car=car.number, car_seed=FLEET)
    for count in (1, 2, rate // 3, 2 * rate + 7):
        samples = cabin(count, sample_rate=rate, materials=())
        assert samples.shape == (count,)
        assert samples.dtype == np.float64
        assert np.all(np.isfinite(samples))
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(
        level(heard(car, 2, **_fields(cabin)), 20, 8000), abs=2.5
    )


def _fields(cabin: Cabin) -> dict[str, object]:
    return {name: getattr(cabin, name) for name in ("speed_kmh", "rain_drops_per_s", "fan", "window")}


def test_no_period_and_no_repeat_in_ten_minutes_and_bounded_memory() -> None:
    car = car_with(4)
    cabin = Cabin(speed_kmh=80, fan="low", gust_db=2.0, rain_drops_per_s=20, seed=1, car=car.number, car_seed=FLEET)
    rate = 8000
    tracemalloc.start()
    samples = cabin(600 * rate, sample_rate=rate, materials=())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 * samples.nbytes
    assert envelope_peak(samples, rate)[0] < 0.2
    assert window_correlation(samples, rate, templates=8) < 0.5


@pytest.mark.parametrize(("field", "known"), [("road", ROADS), ("window", WINDOWS), ("fan", FANS)])
def test_unknown_words_are_named(field: str, known: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"'x' is not one of {', '.join(known)}"):
        Cabin(**{field: "x"})


def test_what_the_plan_sets_is_no_parameter() -> None:
    fields = {field.name for field in dataclasses.fields(Cabin)}
    assert fields - set(Cabin.parameters) == {"seed", "car", "car_seed"}
    assert Cabin().sources() == 0
    assert Cabin.is_model and Cabin.needs_seed and Cabin.main is None
