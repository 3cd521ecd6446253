"""Spectra of the broadband parts of cabin noise in one car: road, wind, fan, ambient sound, rain.

Shapes are power densities over frequency, each scaled to 0 dBA, so that the level of a part in dBA is its gain. Values
and sources: docs/science.md, "Virtual cars".
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.generators.fleet_spectrum import KNOTS_HZ
from synth.dsp.generators.gaussian import Power, bin_hz
from synth.dsp.generators.virtual_car import VirtualCar
from synth.dsp.levels import a_weighting_power

COMBUSTION_DB = -15.0
"""Level of combustion noise relative to the firing order: chosen (docs/science.md, "Engine and motor")."""


class Part(IntEnum):
    """The rows of `part_powers`."""

    ROAD = 0
    COBBLES = 1
    WIND = 2
    OPEN_WINDOW = 3
    FAN_LOW = 4
    FAN_MID = 5
    FAN_HIGH = 6
    AMBIENT = 7
    PATTER = 8
    ROOF_DROPS = 9
    PANE_DROPS = 10
    COMBUSTION = 11
    SELF_NOISE = 12


_GRID_HZ = np.geomspace(10.0, 20_000.0, 1000)
_GRID_STEP = math.log(_GRID_HZ[1] / _GRID_HZ[0])  # of the logarithm
_SPEED_OF_SOUND = 343.0


def decibels(db: float | Samples) -> Samples:
    """Return the power ratio of levels `db` (dB, any shape)."""
    return np.asarray(np.power(10.0, np.asarray(db) / 10))


def full_scale_power(car: VirtualCar, db: float | Samples) -> Samples:
    """Return the mean square (full scale 1.0) of levels `db` (dB re 20 uPa at the microphone, any shape)."""
    return decibels(np.asarray(db) - _full_scale_db(car))


@lru_cache(maxsize=1024)
def _full_scale_db(car: VirtualCar) -> float:
    """Return the level of full scale: a smooth road at 100 km/h is then recorded at the car's `level_dbfs`."""
    road = _shape(car, Part.ROAD, _GRID_HZ) * response_power(car, _GRID_HZ) * high_pass_power(car, _GRID_HZ)
    recorded_db = car.road_dba + 10 * math.log10(float(np.sum(road * _GRID_HZ)) * _GRID_STEP)
    return recorded_db - car.level_dbfs


def response_power(car: VirtualCar, hz: Samples) -> Samples:
    """Return the power gain of cabin and microphone without the high-pass at frequencies `hz` (Hz, shape (n,))."""
    f = np.maximum(hz, 1.0)
    length = 2.4 * (car.volume_m3 / 3) ** (1 / 3)
    spectrum_db = np.interp(np.log2(f), np.log2(KNOTS_HZ), car.spectrum_db)
    return decibels(spectrum_db + _peak_db(f, _SPEED_OF_SOUND / (2 * length), 5.0, car.mode_db))


def high_pass_power(car: VirtualCar, hz: Samples) -> Samples:
    """Return the power gain of the microphone's Butterworth high-pass at frequencies `hz` (Hz, shape (n,))."""
    ratio = car.high_pass_hz / np.maximum(hz, 1e-3)
    return np.asarray(1 / (1 + ratio ** (2 * car.high_pass_order)))


@lru_cache(maxsize=128)
def part_powers(car: VirtualCar, sample_rate: int) -> Power:
    """Return the power in each bin of `gaussian_noise` of each Part at 0 dBA, as recorded, shape (parts, bins)."""
    hz = bin_hz(sample_rate)
    shapes = np.stack([_shape(car, part, hz) for part in Part])
    shapes[: Part.SELF_NOISE] *= response_power(car, hz) * high_pass_power(car, hz)
    shapes[:, 0] = 0.0  # no DC
    return np.asarray(shapes * full_scale_power(car, 0.0) * (hz[1] - hz[0]))


def _shape(car: VirtualCar, part: Part, hz: Samples) -> Samples:
    """Return the power density at `hz` of one part, scaled to an A-weighted power of 1 over all frequencies.

    COMBUSTION is not scaled: its level is in dB, unweighted, and counts all of `combustion`.
    """
    if part == Part.COMBUSTION:
        return _density(car, part, np.maximum(hz, 1.0))
    both = np.concatenate([np.maximum(hz, 1.0), _GRID_HZ])
    density = _density(car, part, both)
    ears = a_weighting_power(_GRID_HZ) / a_weighting_power(np.array([1000.0]))
    on_grid = density[len(hz) :]
    power = np.sum(on_grid * ears * _GRID_HZ) * _GRID_STEP
    return np.asarray(density[: len(hz)] / power)


def _density(car: VirtualCar, part: Part, f: Samples) -> Samples:
    match part:
        case Part.ROAD:
            return _road(car, f)
        case Part.COBBLES:
            return _road(car, f) * decibels(6 * np.exp(-(np.log2(f / 150) ** 2) / 2))
        case Part.WIND:
            return _wind(car, f)
        case Part.OPEN_WINDOW:
            return _wind(car, f) + _below(f, 80, 2) * _wind(car, np.array([300.0])) * 10
        case Part.FAN_LOW | Part.FAN_MID | Part.FAN_HIGH:
            return _fan(car, f, (0.5, 0.7, 1.0)[part - Part.FAN_LOW])
        case Part.AMBIENT:
            return _below(f, 200, 0.75)
        case Part.PATTER:
            return _below(f, car.rain_hz, 1) / (1 + (car.rain_hz / 3 / f) ** 2)
        case Part.ROOF_DROPS:
            return _below(f, 1500, 2) / (1 + (300 / f) ** 4)
        case Part.PANE_DROPS:
            return _below(f, 6000, 2) / (1 + (1000 / f) ** 4)
        case Part.COMBUSTION:
            return combustion(f) * (1 - beats(f))
        case Part.SELF_NOISE:
            return np.ones_like(f)


def combustion(hz: Samples) -> Samples:
    """Return the power density per Hz of combustion noise at frequencies `hz` (Hz, shape (n,)); its integral is 1.

    It lies between 200 Hz and 1 kHz, and falls by 12 dB per octave on both sides.
    """
    f = np.maximum(hz, 1.0)
    return np.asarray(1 / (1 + (200 / f) ** 4) / (1 + (f / 1000) ** 4) / _COMBUSTION_WIDTH_HZ)


_COMBUSTION_WIDTH_HZ = 889.0
"""Integral of the unscaled curve from 0 to infinity."""


def beats(hz: Samples) -> Samples:
    """Return the share of combustion noise that the firing modulates, at frequencies `hz` (Hz, shape (n,)).

    It is what lies below 1.2 kHz (chosen).
    """
    return np.asarray(1 / (1 + (hz / 1200) ** 8))


def _road(car: VirtualCar, f: Samples) -> Samples:
    """Filter white noise by poles at 80-200 and 600-1500 Hz, with peaks of the cavity of the tires and the body."""
    peaks = _peak_db(f, car.cavity_hz, 12.0, car.cavity_db)
    for hz, q, db in car.resonances:
        peaks = peaks + _peak_db(f, hz, q, db)
    first, second = car.road_hz
    return _below(f, first, 2) * _below(f, second, 1) * decibels(peaks)


def _wind(car: VirtualCar, f: Samples) -> Samples:
    """Pink noise from about 150 Hz (chosen) to 5 kHz; the density falls by 6-9 dB per octave above 800 Hz."""
    fall = (car.wind_rolloff - 3) / 6.02
    return 1 / (f + 20) / (1 + (150 / f) ** 2) * _below(f, 800, fall) * _below(f, 5000, 1)


def _fan(car: VirtualCar, f: Samples, turning: float) -> Samples:
    """A hump from 150 Hz to 3 kHz that falls by 3-5 dB per octave, and the blower's tone 20 dB below the total.

    The tone is a few Hz wide: as narrow as the frames of `gaussian_noise` allow.
    """
    hump = (f / 500) ** (-car.fan_rolloff / 3.01) / (1 + (150 / f) ** 4) * _below(f, 3000, 1)
    total = np.sum(hump[-len(_GRID_HZ) :] * _GRID_HZ) * _GRID_STEP
    tone = np.exp(-(((f - car.blower_hz * turning) / 4) ** 2) / 2) / (4 * np.sqrt(2 * np.pi))
    return np.asarray(hump + 0.01 * total * tone)


def _below(f: Samples, corner: float, poles: float) -> Samples:
    """Power gain of a low-pass with so many real poles at `corner` Hz."""
    return np.asarray((1 + (f / corner) ** 2) ** -poles)


def _peak_db(f: Samples, center: float, q: float, db: float) -> Samples:
    """A resonance in dB: `db` at the center, half of it at about center +- center / 2q."""
    return np.asarray(db / (1 + (q * (f / center - center / f)) ** 2))
