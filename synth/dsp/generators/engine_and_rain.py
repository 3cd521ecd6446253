"""The parts of cabin noise that are not Gaussian: engine orders, combustion, electric whine, rain drops.

See docs/science.md, "Engine and motor" for the first three.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.generators.drive_course import DriveCourse
from synth.dsp.generators.gaussian import bin_hz, gaussian_noise
from synth.dsp.generators.part_spectra import (
    COMBUSTION_DB,
    Part,
    beats,
    combustion,
    decibels,
    full_scale_power,
    high_pass_power,
    part_powers,
    response_power,
)
from synth.dsp.generators.virtual_car import ENGINE_ORDERS, WHINE_ORDERS, VirtualCar

ENGINE_RATE = 4000
"""The engine is synthesized at about this rate, Hz, at least: its highest order at 6000 rpm is 1 kHz."""

_CHUNK = 16384  # samples at a time: they stay in the cache, and memory stays bounded
_TAPS = 8  # of the interpolator on each side, in samples of the engine's rate


def engine(
    car: VirtualCar,
    course: DriveCourse,
    *,
    load_db: float,
    num_samples: int,
    sample_rate: int,
    rng: np.random.Generator,
) -> Samples:
    """Synthesize the orders and the combustion noise of a four-stroke engine, shape (num_samples,), full scale 1.0.

    Orders are powers of one phasor that turns with half the crank angle, computed at about 4 kHz and interpolated. The
    part of the combustion noise above 1.2 kHz is not included: it is Part.COMBUSTION.
    """
    from scipy.signal import upfirdn

    factor = sample_rate // ENGINE_RATE
    count = -(-num_samples // factor) + 2 * _TAPS
    slow = _at_slow_rate(car, course, factor, count, sample_rate, rng)
    level = np.sqrt(decibels(loudness_db(course.rpm) + load_db))
    slow *= course.at(level, 0, count, factor)
    fine = upfirdn(_interpolator(factor), slow, up=factor)
    return np.asarray(fine[_TAPS * factor : _TAPS * factor + num_samples])


def loudness_db(rpm: Samples) -> Samples:
    """Return the level of an engine relative to 2000 rpm in dB, for rpm of any shape: 30 log10 (chosen)."""
    return np.asarray(30 * np.log10(rpm / 2000))


@lru_cache
def _interpolator(factor: int) -> Samples:
    """Return a low-pass for upsampling by `factor`, centered on sample _TAPS * factor."""
    from scipy.signal import firwin

    taps: Samples = firwin(2 * _TAPS * factor + 1, 0.9 / factor, window=("kaiser", 6.0))
    return taps * factor


def _at_slow_rate(
    car: VirtualCar, course: DriveCourse, factor: int, count: int, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Synthesize the engine at the slow rate, shape (count,), all at its level for 2000 rpm."""
    from scipy.signal import butter, sosfilt

    rate = sample_rate / factor
    weights = _order_weights(car, float(np.median(course.rpm)), rng)
    orders = np.empty(count)
    roar = _combustion(car, count, round(rate), rng)
    for at, angle in _turning(course.rpm / 2, course, count, factor, rate):
        phasor = np.exp(1j * angle)
        orders[at] = _sum_of_powers(phasor, weights)
        roar[at] *= 1 + car.combustion_depth * np.cos(car.cylinders * angle)
    high_pass = butter(car.high_pass_order, car.high_pass_hz, "highpass", fs=rate, output="sos")
    return np.asarray(sosfilt(high_pass, orders) + roar)


def _turning(
    rpm: Samples, course: DriveCourse, count: int, factor: int, rate: float
) -> Iterator[tuple[slice, Samples]]:
    """Yield stretches of samples with the angle in radians of something that turns at `rpm`."""
    angle = 0.0
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        turned = np.cumsum(course.at(rpm, start, stop, factor)) * (2 * math.pi / 60 / rate)
        yield slice(start, stop), turned + angle
        angle = float(turned[-1] + angle) % (2 * math.pi)


def _order_weights(car: VirtualCar, rpm: float, rng: np.random.Generator) -> list[complex]:
    """Return complex amplitudes of the orders 0.5, 1, ... at 2000 rpm.

    They have the spectrum of the car at the usual rpm of the clip.
    """
    hz = rpm / 60 * np.arange(1, ENGINE_ORDERS + 1) / 2
    power = 2 * full_scale_power(car, car.engine_db + np.asarray(car.order_db)) * response_power(car, hz)
    phases = rng.uniform(0, 2 * math.pi, ENGINE_ORDERS)
    return [complex(w) for w in np.sqrt(power) * np.exp(1j * phases)]


def _sum_of_powers(phasor: np.ndarray[tuple[int], np.dtype[np.complex128]], weights: list[complex]) -> Samples:
    """Return the real part of the sum of weights[k] * phasor**(k + 1), by Horner's rule."""
    total = np.full_like(phasor, weights[-1])
    for weight in reversed(weights[:-1]):
        total *= phasor
        total += weight
    total *= phasor
    return np.asarray(total.real)


def _combustion(car: VirtualCar, count: int, rate: int, rng: np.random.Generator) -> Samples:
    """Synthesize the lower part of the combustion noise, before the firing modulates it, shape (count,)."""
    hz = bin_hz(rate)
    shape = combustion(hz) * beats(hz) * response_power(car, hz) * high_pass_power(car, hz)
    level = full_scale_power(car, car.engine_db + COMBUSTION_DB) / (1 + car.combustion_depth**2 / 2)
    power = shape * level * (hz[1] - hz[0])
    return gaussian_noise(power, num_samples=count, sample_rate=rate, rng=rng)


def whine(
    car: VirtualCar, course: DriveCourse, *, num_samples: int, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Synthesize the orders 8, 24 and 48 of an electric motor, shape (num_samples,), full scale 1.0.

    Their level follows the speed by 20 log10 (chosen). A line is silent while it is above 0.45 of the sample rate.
    """
    phases = rng.uniform(0, 2 * math.pi, len(WHINE_ORDERS))
    levels = [_whine_level(car, course, k, sample_rate) for k in range(len(WHINE_ORDERS))]
    out = np.empty(num_samples)
    for at, angle in _turning(course.rpm * WHINE_ORDERS[0], course, num_samples, 1, sample_rate):
        base = np.exp(1j * angle)
        cube = base * base * base
        # orders 8, 24 = 3 x 8 and 48 = 6 x 8
        lines = (base, cube, cube * cube)
        out[at] = sum(
            (line * np.exp(1j * phase)).real * course.at(level, at.start, at.stop)
            for line, phase, level in zip(lines, phases, levels, strict=True)
        )
    return out


def _whine_level(car: VirtualCar, course: DriveCourse, which: int, sample_rate: int) -> Samples:
    hz = course.rpm / 60 * WHINE_ORDERS[which]
    power = 2 * full_scale_power(car, car.whine_db[which]) * (course.kmh / 100) ** 2
    power = power * response_power(car, hz) * high_pass_power(car, hz)
    return np.asarray(np.sqrt(power) * (hz < 0.45 * sample_rate))


_DROPS = ((Part.ROOF_DROPS, 0.006), (Part.PANE_DROPS, 0.003))
"""Kinds of drops and their decay in seconds, 2 to 8 ms: chosen (docs/science.md, "Virtual cars")."""
_DROP_SPREAD = 8 / (20 / math.log(10))  # 8 dB, of the logarithm of the amplitude


def rain(
    car: VirtualCar, *, drops_per_s: float, num_samples: int, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Synthesize drops at random times on the roof and on the panes, shape (num_samples,), full scale 1.0.

    A drop is a burst of noise that decays within milliseconds. Amplitudes are log-normal with an SD of 8 dB, and the
    powers of drops that fall together add up. At 100 drops per second the drops have the car's `rain_dba`.
    """
    out = np.zeros(num_samples)
    for part, decay in _DROPS:
        envelope = _drop_envelope(drops_per_s / len(_DROPS), decay, num_samples, sample_rate, rng)
        power = part_powers(car, sample_rate)[part] * decibels(car.rain_dba) / len(_DROPS)
        envelope *= gaussian_noise(power, num_samples=num_samples, sample_rate=sample_rate, rng=rng)
        out += envelope
    return out


def _drop_envelope(
    drops_per_s: float, decay: float, num_samples: int, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Return the amplitude of drops of one kind; its mean square is 1 at this kind's share of 100 drops per second."""
    from scipy.signal import lfilter

    count = int(rng.poisson(drops_per_s * num_samples / sample_rate))
    positions, sizes = rng.random(count), rng.standard_normal(count)
    powers = np.exp(2 * _DROP_SPREAD * sizes - 2 * _DROP_SPREAD**2)  # their mean is 1
    strikes = np.bincount((positions * num_samples).astype(np.int64), powers, num_samples)
    keep = math.exp(-2 / (decay * sample_rate))  # of power, from sample to sample
    per_sample = 100 / len(_DROPS) / sample_rate
    power: Samples = lfilter([(1 - keep) / per_sample], [1.0, -keep], strikes)
    return np.sqrt(power, out=power)
