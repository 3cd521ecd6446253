"""Virtual cars: what stays the same in one car, drawn once per car.

Ranges and sources: docs/science.md, "Virtual cars" and "Engine and motor". Ranges without a source there are chosen.
"""

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
    """One car and the microphone in it. Levels are in dB re 20 uPa at the microphone (dBA if the name says so)."""

    number: int
    volume_m3: float
    """2.3-4: sets the lowest mode along the cabin (its length is taken as proportional to the cube root: chosen)."""
    mode_db: float
    """Gain of that mode, 2-6 dB: chosen."""
    high_pass_hz: float
    high_pass_order: int
    level_dbfs: float
    """Of a smooth road at 100 km/h, as recorded: -31, SD 3. Chosen."""
    self_noise_dba: float
    """Of the microphone, 22-32 dBA (as data sheets of small electret and MEMS microphones state)."""
    spectrum_db: tuple[float, ...]
    """Of body, trim and microphone, at KNOTS_HZ of `synth.dsp.generators.fleet_spectrum`."""

    cylinders: int
    """0: an electric motor."""
    order_db: tuple[float, ...]
    """Levels of the orders 0.5, 1, ... 10, relative to the firing order's before its own +-4 dB."""
    engine_db: float
    """Of the firing order at 2000 rpm: 66 dB, SD 4. Chosen to give an idle of 40-48 dBA."""
    combustion_depth: float
    idle_rpm: float
    rpm_per_kmh: tuple[float, ...]
    """Of each gear, first gear first. Top gear: 1900-2700 rpm at 100 km/h (chosen)."""
    shift_rpm: float
    rpm_jitter: float
    """Standard deviation of the rpm within fractions of a second: 0.5-1 %."""
    motor_rpm_per_kmh: float
    """Of an electric motor: 70-110 (a gear ratio of about 9 and wheels of 2 m circumference)."""
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
    """(Hz, Q, dB) of the body's resonances between road and cabin."""
    surface_db: float
    """Coarse over smooth: 5 dB, SD 1; cobbles are twice that up to 50 km/h (Schuller's cobbles: 30 km/h)."""
    wind_over_road_kmh: float
    """The speed at which wind is as loud as a smooth road (dBA): 95-135 km/h."""
    wind_slope: float
    wind_rolloff: float
    """dB per octave above 800 Hz: 6-9."""
    open_window_db: float
    fan_dba: tuple[float, float, float]
    """Low, mid, high; high - mid is 10-15 dB."""
    fan_rolloff: float
    blower_hz: float
    """Of the blower's tone at full speed."""
    ambient_dba: float
    """What comes in from outside if everything is off: 26-36 dBA. Chosen."""
    rain_dba: float
    """At 100 drops per second: 48-58 dBA. Chosen."""
    rain_hz: float
    """Center of the unresolved patter: 500-1500 Hz. Chosen."""

    @property
    def name(self) -> str:
        """Return the car's name in the manifest."""
        return f"car-{self.number:03}"

    @property
    def is_electric(self) -> bool:
        """Whether the car has an electric motor."""
        return self.cylinders == 0

    @property
    def wind_dba(self) -> float:
        """Return the level of the wind at 100 km/h in dBA."""
        ratio = np.log10(self.wind_over_road_kmh / 100)
        return float(self.road_dba + (self.road_slope - self.wind_slope) * ratio)


@lru_cache(maxsize=256)
def virtual_car(seed: int, number: int, spectrum: FleetSpectrum = FITTED) -> VirtualCar:
    """Return a car of a fleet: a pure function of its arguments.

    Args:
        seed: of the fleet.
        number: of the car in it.
        spectrum: as fitted to recordings. With another spectrum the cars differ in `spectrum_db` alone.
    """
    rng = audio_generator(seed, _DRAWS_OF_A_CAR + 10_000 * number)
    uniform, normal = rng.uniform, rng.normal
    road_dba = uniform(62, 67)
    return VirtualCar(
        number=number,
        volume_m3=uniform(2.3, 4),
        mode_db=uniform(2, 6),
        high_pass_hz=uniform(40, 150),
        high_pass_order=int(rng.integers(2, 5)),
        level_dbfs=-31 + 3 * _bounded(normal()),
        self_noise_dba=uniform(22, 32),
        **_draw_engine(rng),
        whine_db=tuple(road_dba + 12 - uniform(25, 40) for _ in WHINE_ORDERS),
        road_dba=road_dba,
        road_slope=uniform(25, 35),
        road_hz=(uniform(80, 200), uniform(600, 1500)),
        cavity_hz=uniform(190, 250),
        cavity_db=uniform(3, 10),
        resonances=tuple((uniform(30, 400), uniform(5, 20), uniform(-6, 6)) for _ in range(int(rng.integers(3, 7)))),
        surface_db=5 + _bounded(normal()),
        wind_over_road_kmh=uniform(95, 135),
        wind_slope=uniform(50, 60),
        wind_rolloff=uniform(6, 9),
        open_window_db=uniform(8, 15),
        fan_dba=_draw_fan(rng),
        fan_rolloff=uniform(3, 5),
        blower_hz=uniform(400, 600),
        ambient_dba=uniform(26, 36),
        rain_dba=uniform(48, 58),
        rain_hz=uniform(500, 1500),
        spectrum_db=spectrum.draw_car(rng),
    )


def _bounded(normal: float) -> float:
    return min(max(normal, -2.5), 2.5)


def _draw_fan(rng: np.random.Generator) -> tuple[float, float, float]:
    mid = rng.uniform(43, 49)
    return (mid - rng.uniform(5, 9), mid, mid + rng.uniform(10, 15))


def _draw_engine(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the fields of the drive.

    An electric car draws all of them too, so that its other fields do not depend on it.
    """
    electric = rng.random() < ELECTRIC_SHARE
    cylinders = CYLINDERS[int(np.searchsorted(np.cumsum(CYLINDER_SHARES[:-1]), rng.random(), side="right"))]
    top = rng.uniform(19, 27)
    gears = int(rng.integers(5, 8))
    spread = rng.uniform(4.5, 5.5)
    return {
        "cylinders": 0 if electric else cylinders,
        "order_db": _draw_orders(cylinders, rng),
        "engine_db": 66 + 4 * _bounded(rng.normal()),
        "combustion_depth": rng.uniform(0.3, 0.6),
        "idle_rpm": rng.uniform(700, 900),
        "rpm_per_kmh": tuple(top * spread ** (1 - g / (gears - 1)) for g in range(gears)),
        "shift_rpm": rng.uniform(2000, 2700),
        "rpm_jitter": rng.uniform(0.005, 0.01),
        "motor_rpm_per_kmh": rng.uniform(70, 110),
    }


def _draw_orders(cylinders: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Draw the levels of the orders in dB: see docs/science.md, "Engine and motor".

    Firing order 0, twice that -6..-12, three times -12..-20, four times and more falling on; whole orders between
    -15..-25 and half orders -15..-30; each +-4 dB.
    """
    levels = np.empty(ENGINE_ORDERS)
    ranges = {1: (0, 0), 2: (-12, -6), 3: (-20, -12)}
    for k in range(1, ENGINE_ORDERS + 1):  # order k / 2; the firing order is cylinders / 2
        multiple, rest = divmod(k, cylinders)
        if rest == 0:
            low, high = ranges.get(multiple, (-12 - 4 * multiple, -6 - 4 * multiple))
        else:
            low, high = (-25, -15) if k % 2 == 0 else (-30, -15)
        levels[k - 1] = rng.uniform(low, high) + rng.uniform(-4, 4)
    return tuple(float(x) for x in levels)
