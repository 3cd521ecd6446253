"""Virtual cars: what stays the same in one car, drawn once and kept (science.md 4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from synth.draws import audio_generator
from synth.dsp.generators.fleet_spectrum import FITTED, FleetSpectrum

ELECTRIC_SHARE = 0.25
CYLINDERS = (3, 4, 6, 8)
CYLINDER_SHARES = (0.2, 0.6, 0.15, 0.05)
ENGINE_ORDERS = 20
"""Orders 0.5, 1, ... 10 of the crankshaft."""
WHINE_ORDERS = (8, 24, 48)

_DRAWS_OF_A_CAR = 7001


@dataclass(frozen=True, slots=True)
class VirtualCar:
    """One car and the microphone in it. Levels are in dB re 20 uPa at the microphone (dBA where the name says so).

    The ranges that are drawn stand in science.md 4.6, where most are marked as known from memory; those marked "own
    guess" below have no source at all. What is cited there: tyre cavity 190-250 Hz (one recording: 224 Hz), firing
    order = cylinders / 2 of a four-stroke engine, wind as a dipole (level ~ 60 log10 v), road dominating at 50-80 km/h
    and wind above 100 km/h (Pang, "Noise and Vibration Control in Automotive Bodies", chapter 6), fans never to be left
    out (Huber 2017, SAE 2017-01-1693).
    """

    number: int
    volume_m3: float
    """2.3-4: sets the lowest mode along the cabin (length ~ cube root of the volume: own guess)."""
    mode_db: float
    """Gain of that mode, 2-6 dB: own guess."""
    high_pass_hz: float
    high_pass_order: int
    level_dbfs: float
    """Of a smooth road at 100 km/h, as recorded: -31, SD 3. Own guess."""
    self_noise_dba: float
    """Of the microphone, 22-32 dBA (data sheets of small electret and MEMS microphones, from memory)."""
    spectrum_db: tuple[float, ...]
    """Of body, trim and microphone, at KNOTS_HZ of `cabin_colour`."""

    cylinders: int
    """0: an electric motor."""
    order_db: tuple[float, ...]
    """Levels of the orders 0.5, 1, ... 10, relative to the firing order's before its own +-4 dB."""
    engine_db: float
    """Of the firing order at 2000 rpm: 66 dB, SD 4. Own guess, to give an idle of 40-48 dBA."""
    combustion_depth: float
    idle_rpm: float
    rpm_per_kmh: tuple[float, ...]
    """Of each gear, first gear first. Top gear: 1900-2700 rpm at 100 km/h (own guess, within 4.6's highway range)."""
    shift_rpm: float
    rpm_jitter: float
    """Standard deviation of the rpm within fractions of a second: 0.5-1 %, the upper part of 4.6's range."""
    motor_rpm_per_kmh: float
    """Of an electric motor: 70-110 (gear of about 9 and wheels of 2 m around: own guess)."""
    whine_db: tuple[float, ...]
    """Levels of WHINE_ORDERS at 100 km/h: 25-40 dB below the road's."""

    road_dba: float
    """Road at 100 km/h on a smooth surface: 62-67 dBA."""
    road_slope: float
    """Level ~ slope * log10(speed): 25-35."""
    road_hz: tuple[float, float]
    cavity_hz: float
    cavity_db: float
    resonances: tuple[tuple[float, float, float], ...]
    """(Hz, Q, dB) of the body's resonances on the road's path."""
    surface_db: float
    """Coarse over smooth: 5 dB, SD 1; cobbles are twice that up to 50 km/h (Schuller's cobbles: 30 km/h)."""
    wind_over_road_kmh: float
    """The speed at which wind is as loud as a smooth road (dBA): 95-135 km/h."""
    wind_slope: float
    wind_rolloff: float
    """dB an octave above 800 Hz: 6-9."""
    open_window_db: float
    fan_dba: tuple[float, float, float]
    """Low, mid, high. Own guess but for high - mid = 10-15 dB."""
    fan_rolloff: float
    blower_hz: float
    """Of the blower's tone at full speed."""
    ambient_dba: float
    """What comes in from outside when all is off: 26-36 dBA. Own guess."""
    rain_dba: float
    """At 100 drops a second: 48-58 dBA. Own guess."""
    rain_hz: float
    """Middle of the unresolved patter: 500-1500 Hz. Own guess."""

    @property
    def name(self) -> str:
        return f"car-{self.number:03}"

    @property
    def is_electric(self) -> bool:
        return self.cylinders == 0

    @property
    def wind_dba(self) -> float:
        """Wind at 100 km/h."""
        ratio = np.log10(self.wind_over_road_kmh / 100)
        return float(self.road_dba + (self.road_slope - self.wind_slope) * ratio)


@lru_cache(maxsize=256)
def virtual_car(seed: int, number: int, spectrum: FleetSpectrum = FITTED) -> VirtualCar:
    """The car of this number in the fleet of this seed: a pure function of its arguments.

    `colour` is what `cabin_fit` found in recordings; cars of another colour are the same cars but for `spectrum_db`.
    """
    random = audio_generator(seed, _DRAWS_OF_A_CAR + 10_000 * number)
    uniform, normal = random.uniform, random.normal
    road_dba = uniform(62, 67)
    return VirtualCar(
        number=number,
        volume_m3=uniform(2.3, 4),
        mode_db=uniform(2, 6),
        high_pass_hz=uniform(40, 150),
        high_pass_order=int(random.integers(2, 5)),
        level_dbfs=-31 + 3 * _bounded(normal()),
        self_noise_dba=uniform(22, 32),
        **_engine_of(random),
        whine_db=tuple(road_dba + 12 - uniform(25, 40) for _ in WHINE_ORDERS),
        road_dba=road_dba,
        road_slope=uniform(25, 35),
        road_hz=(uniform(80, 200), uniform(600, 1500)),
        cavity_hz=uniform(190, 250),
        cavity_db=uniform(3, 10),
        resonances=tuple((uniform(30, 400), uniform(5, 20), uniform(-6, 6)) for _ in range(int(random.integers(3, 7)))),
        surface_db=5 + _bounded(normal()),
        wind_over_road_kmh=uniform(95, 135),
        wind_slope=uniform(50, 60),
        wind_rolloff=uniform(6, 9),
        open_window_db=uniform(8, 15),
        fan_dba=_fan_of(random),
        fan_rolloff=uniform(3, 5),
        blower_hz=uniform(400, 600),
        ambient_dba=uniform(26, 36),
        rain_dba=uniform(48, 58),
        rain_hz=uniform(500, 1500),
        spectrum_db=spectrum.draw_car(random),
    )


def _bounded(normal: float) -> float:
    return min(max(normal, -2.5), 2.5)


def _fan_of(random: np.random.Generator) -> tuple[float, float, float]:
    mid = random.uniform(43, 49)
    return (mid - random.uniform(5, 9), mid, mid + random.uniform(10, 15))


def _engine_of(random: np.random.Generator) -> dict[str, Any]:
    """Fields of the drive; an electric car draws them all too, so that its other fields do not depend on it."""
    electric = random.random() < ELECTRIC_SHARE
    cylinders = CYLINDERS[int(np.searchsorted(np.cumsum(CYLINDER_SHARES[:-1]), random.random(), side="right"))]
    top = random.uniform(19, 27)
    gears = int(random.integers(5, 8))
    spread = random.uniform(4.5, 5.5)
    return {
        "cylinders": 0 if electric else cylinders,
        "order_db": _order_levels(cylinders, random),
        "engine_db": 66 + 4 * _bounded(random.normal()),
        "combustion_depth": random.uniform(0.3, 0.6),
        "idle_rpm": random.uniform(700, 900),
        "rpm_per_kmh": tuple(top * spread ** (1 - g / (gears - 1)) for g in range(gears)),
        "shift_rpm": random.uniform(2000, 2700),
        "rpm_jitter": random.uniform(0.005, 0.01),
        "motor_rpm_per_kmh": random.uniform(70, 110),
    }


def _order_levels(cylinders: int, random: np.random.Generator) -> tuple[float, ...]:
    """Firing order 0 dB, twice that -6..-12, three times -12..-20, four times and more falling on; whole orders between
    -15..-25 and half orders -15..-30 (science.md 4.6, from memory); each +-4 dB."""
    levels = np.empty(ENGINE_ORDERS)
    ranges = {1: (0, 0), 2: (-12, -6), 3: (-20, -12)}
    for k in range(1, ENGINE_ORDERS + 1):  # order k / 2; the firing order is cylinders / 2
        multiple, rest = divmod(k, cylinders)
        if rest == 0:
            low, high = ranges.get(multiple, (-12 - 4 * multiple, -6 - 4 * multiple))
        else:
            low, high = (-25, -15) if k % 2 == 0 else (-30, -15)
        levels[k - 1] = random.uniform(low, high) + random.uniform(-4, 4)
    return tuple(float(x) for x in levels)
