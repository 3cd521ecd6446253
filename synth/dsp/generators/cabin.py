"""cabin: the noise in a virtual car, from a parametric model; no recording is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.generators.drive_course import DriveCourse, drive_course, wander
from synth.dsp.generators.engine_and_rain import engine, loudness_db, rain, whine
from synth.dsp.generators.gaussian import gaussian_frames
from synth.dsp.generators.generator import Generator, Material
from synth.dsp.generators.part_spectra import COMBUSTION_DB, Part, decibels, part_powers
from synth.dsp.generators.virtual_car import VirtualCar, virtual_car
from synth.dsp.parameters import Parameter

ROADS = ("smooth", "coarse", "cobbles")
WINDOWS = ("closed", "open")
FANS = ("off", "low", "mid", "high")

_COURSES, _BROADBAND, _LEVELS, _DRIVE, _RAIN = range(5)
"""Purposes of a clip's random numbers: each has its own generator, so that rain does not change the road."""

_ROAD_TAU_S = (0.3, 2.0)
_ROAD_SD_DB = (0.5, 1.2)
"""On top of the fluctuation of the noise itself: together 1.2-1.6 dB of 100-ms levels, as measured in real cars
(docs/science.md, "Virtual cars")."""
_GUST_TAU_S = (0.5, 3.0)


@dataclass(frozen=True, slots=True)
class Cabin(Generator):
    """Noise in a virtual car: road, wind, engine or motor, fan, rain.

    The car (`synth.dsp.generators.virtual_car`) is number `car` of the fleet `car_seed`; the plan sets both. The level
    is about -30 dBFS at 100 km/h. Distributions and sources: docs/science.md, "Virtual cars". Not modeled: wipers,
    potholes and other events, buffeting of an open window below 25 Hz, wet roads, reverberation. Where engine orders
    stand out (at idle, and in some cars below 50 km/h) the sound is nearly periodic for a second or two, as real
    engines are.
    """

    name = "cabin"
    slow_modules = ("scipy.fft", "scipy.signal")
    is_model = True

    speed_kmh: Annotated[
        float,
        Parameter(
            "speed at the beginning; 0: the car stands",
            low=0,
            high=180,
            unit="km/h",
            # 0 with .1, 20-60 with .45, 60-100 with .25, 100-140 with .2; .1 % lies between 0 and 20
            default={"quantiles": [0, 0, 20, 60, 100, 140], "probabilities": [0, 0.099, 0.1, 0.55, 0.8, 1]},
            resolution=0.1,
        ),
    ] = 80.0
    acceleration_kmh_per_s: Annotated[
        float,
        Parameter(
            "acceleration at the beginning; it spends itself in 15 s",
            low=-5,
            high=5,
            unit="km/h/s",
            default={"normal": [0, 0.8], "clip": [-3, 3]},
            resolution=0.01,
        ),
    ] = 0.0
    road: Annotated[
        str,
        Parameter("surface of the road", choices=ROADS, default={"choice": list(ROADS), "weights": [0.6, 0.3, 0.1]}),
    ] = "smooth"
    wind_db: Annotated[
        float,
        Parameter(
            "wind against that of still air (head wind or lee)",
            low=-10,
            high=10,
            unit="dB",
            default={"normal": [0, 2], "clip": [-5, 5]},
            resolution=0.01,
        ),
    ] = 0.0
    gust_db: Annotated[
        float,
        Parameter(
            "standard deviation of gusts", low=0, high=6, unit="dB", default={"uniform": [1, 3]}, resolution=0.01
        ),
    ] = 1.5
    window: Annotated[
        str, Parameter("side window", choices=WINDOWS, default={"choice": list(WINDOWS), "weights": [0.9, 0.1]})
    ] = "closed"
    fan: Annotated[
        str, Parameter("heater fan", choices=FANS, default={"choice": list(FANS), "weights": [0.35, 0.3, 0.2, 0.15]})
    ] = "off"
    rain_drops_per_s: Annotated[
        float,
        Parameter(
            "rain drops a second",
            low=0,
            high=1000,
            unit="1/s",
            default={"quantiles": [0, 0, 20, 400], "probabilities": [0, 0.899, 0.9, 1]},
            resolution=1,
        ),
    ] = 0.0
    seed: int = 0
    car: int = 0
    car_seed: int = 0

    def __post_init__(self) -> None:
        for value, words in ((self.road, ROADS), (self.window, WINDOWS), (self.fan, FANS)):
            if value not in words:
                raise ValueError(f"{value!r} is not one of {', '.join(words)}")

    def sources(self) -> int:
        """Return 0: it takes no recording."""
        return 0

    def __call__(self, num_samples: int, *, sample_rate: int, materials: Sequence[Material] = ()) -> Samples:
        """Synthesize the noise, float64, shape (num_samples,), full scale 1.0, for this clip's own car."""
        car = virtual_car(self.car_seed, self.car)
        return drive(self, car, num_samples=num_samples, sample_rate=sample_rate)


def rpm_course(cabin: Cabin, num_samples: int, sample_rate: int) -> Samples:
    """Return the rpm of the crankshaft (or of an electric motor) at each sample, shape (num_samples,)."""
    course = course_of(cabin, virtual_car(cabin.car_seed, cabin.car), num_samples, sample_rate)
    return course.at(course.rpm, 0, num_samples)


def course_of(cabin: Cabin, car: VirtualCar, num_samples: int, sample_rate: int) -> DriveCourse:
    """Return speed and rpm of a clip in a car."""
    return drive_course(
        car,
        speed_kmh=cabin.speed_kmh,
        acceleration=cabin.acceleration_kmh_per_s,
        num_samples=num_samples,
        sample_rate=sample_rate,
        rng=audio_generator(cabin.seed, _COURSES),
    )


def drive(cabin: Cabin, car: VirtualCar, *, num_samples: int, sample_rate: int) -> Samples:
    """Synthesize the clip `cabin` in any car, whatever `cabin.car` is.

    float64, shape (num_samples,), full scale 1.0.
    """
    course = course_of(cabin, car, num_samples, sample_rate)
    size = {"num_samples": num_samples, "sample_rate": sample_rate}
    levels = _levels_dba(cabin, car, course, course.step / sample_rate)
    spectra = part_powers(car, sample_rate)[[int(part) for part in levels]]
    gains = decibels(np.stack(np.broadcast_arrays(*levels.values(), course.kmh)[:-1], axis=-1))

    def amplitude(first: int, last: int) -> Samples:
        return np.sqrt(gains[first:last] @ spectra)

    # independent Gaussian noises add up in power, so one noise replaces the sum of all parts
    out = gaussian_frames(amplitude, rng=audio_generator(cabin.seed, _BROADBAND), **size)
    drive_rng = audio_generator(cabin.seed, _DRIVE)
    if not car.is_electric:
        out += engine(car, course, load_db=_load_db(cabin), rng=drive_rng, **size)
    elif cabin.speed_kmh > 0:
        out += whine(car, course, rng=drive_rng, **size)
    if cabin.rain_drops_per_s > 0:
        out += rain(car, drops_per_s=cabin.rain_drops_per_s, rng=audio_generator(cabin.seed, _RAIN), **size)
    return out


def _load_db(cabin: Cabin) -> float:
    """Return how much louder an engine is under load: 2 dB for each km/h per second, 6 dB at most (chosen)."""
    return min(max(2.0 * cabin.acceleration_kmh_per_s, 0.0), 6.0) if cabin.speed_kmh > 0 else 0.0


def _surface_db(cabin: Cabin, car: VirtualCar, kmh: Samples) -> float | Samples:
    """Return how many dB the road is louder than a smooth one.

    Cobbles that allow more than 50 km/h are flatter: at 100 km/h they are as loud as a coarse road (chosen).
    """
    if cabin.road == "cobbles":
        return car.surface_db * np.interp(np.log2(np.maximum(kmh, 1.0)), np.log2([50.0, 100.0]), [2.0, 1.0])
    return car.surface_db if cabin.road == "coarse" else 0.0


def _levels_dba(cabin: Cabin, car: VirtualCar, course: DriveCourse, seconds: float) -> dict[Part, Samples | float]:
    """Return the level of each part that sounds in this clip, in dBA, at each frame or constant."""
    rng = audio_generator(cabin.seed, _LEVELS)
    frames = len(course.kmh)
    road_tau, road_sd = rng.uniform(*_ROAD_TAU_S), rng.uniform(*_ROAD_SD_DB)
    gust_tau = rng.uniform(*_GUST_TAU_S)
    bumps = wander(rng, frames, seconds=seconds, tau=road_tau, sd=road_sd)
    gusts = wander(rng, frames, seconds=seconds, tau=gust_tau, sd=cabin.gust_db)
    faster = np.log10(np.maximum(course.kmh, 0.1) / 100)
    is_open = cabin.window == "open"
    wind = car.wind_dba + car.wind_slope * faster + cabin.wind_db + gusts
    levels: dict[Part, Samples | float] = {
        Part.COBBLES if cabin.road == "cobbles" else Part.ROAD: (
            car.road_dba + car.road_slope * faster + _surface_db(cabin, car, course.kmh) + bumps + 3.0 * is_open
        ),
        Part.OPEN_WINDOW if is_open else Part.WIND: wind + car.open_window_db * is_open,
        Part.AMBIENT: car.ambient_dba + 12.0 * is_open,
        Part.SELF_NOISE: car.self_noise_dba,
    }
    if not car.is_electric:
        levels[Part.COMBUSTION] = car.engine_db + COMBUSTION_DB + loudness_db(course.rpm) + _load_db(cabin)
    if cabin.fan != "off":
        which = FANS.index(cabin.fan) - 1
        levels[Part(Part.FAN_LOW + which)] = car.fan_dba[which]
    if cabin.rain_drops_per_s > 0:
        # the patter of drops too small and too many to tell apart: half the power of the others (chosen)
        levels[Part.PATTER] = car.rain_dba + 10 * float(np.log10(cabin.rain_drops_per_s / 100)) - 3
    return levels
