"""How speed, gears and engine speed change over a clip, at the frames of `gaussian_noise`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Samples, Vector
from synth.dsp.generators.gaussian import frame_count, frame_size
from synth.dsp.generators.virtual_car import VirtualCar

MAX_KMH = 200.0
_ACCELERATION_SECONDS = 15.0
"""Time constant with which an acceleration fades away: clips of any length stay at credible speeds. Chosen."""
_SLEW_RPM_PER_S = 500.0  # chosen: a gear change takes one to two seconds


@dataclass(frozen=True, slots=True)
class DriveCourse:
    """Speed and rpm at each frame, shape (frames,); frame k is at k * step / sample_rate seconds."""

    step: int  # samples between frames
    kmh: Vector
    rpm: Vector  # of the crankshaft, or of an electric motor

    def at(self, values: Vector, start: int, stop: int, every: int = 1) -> Vector:
        """Interpolate values per frame, shape (frames,), any unit, on straight lines.

        Returns:
            The values at the samples start * every, (start + 1) * every, ... before stop * every, in the same unit.
        """
        if every > 1 or start % self.step:
            return np.asarray(np.interp(np.arange(start, stop) * every, np.arange(len(values)) * self.step, values))
        first, steps = start // self.step, -(-(stop - start) // self.step)
        rises = np.diff(values[first : first + steps + 1])
        lines = values[first : first + steps, None] + rises[:, None] * _ramp(self.step)
        return np.asarray(lines.reshape(-1)[: stop - start])


@lru_cache
def _ramp(step: int) -> Samples:
    return np.arange(step) / step


def wander(rng: np.random.Generator, frames: int, *, seconds: float, tau: float, sd: float) -> Samples:
    """Draw an Ornstein-Uhlenbeck process.

    Args:
        rng: where it comes from.
        frames: number of values.
        seconds: between two values.
        tau: time constant, s.
        sd: standard deviation, in the unit of the result.

    Returns:
        Shape (frames,).
    """
    from scipy.signal import lfilter

    keep = math.exp(-seconds / tau)
    steps = rng.standard_normal(frames)
    steps[1:] *= math.sqrt(1 - keep * keep)  # the first value has the stationary distribution already
    return np.asarray(sd * lfilter([1.0], [1.0, -keep], steps))


def drive_course(
    car: VirtualCar,
    *,
    speed_kmh: float,
    acceleration: float,
    num_samples: int,
    sample_rate: int,
    rng: np.random.Generator,
) -> DriveCourse:
    """Draw speed and rpm over a clip.

    Args:
        car: its gears and jitter.
        speed_kmh: at the beginning; 0: it stands.
        acceleration: at the beginning, km/h per s.
        num_samples: length of the clip.
        sample_rate: Hz.
        rng: where it comes from.
    """
    step = frame_size(sample_rate) // 2
    seconds, frames = step / sample_rate, frame_count(num_samples, sample_rate)
    kmh = _speed(speed_kmh, acceleration, frames, seconds, rng)
    # fast jitter and a slow drift, as an engine has at idle: docs/science.md, "Engine and motor"
    wobble = 1 + wander(rng, frames, seconds=seconds, tau=0.2, sd=car.rpm_jitter)
    wobble += wander(rng, frames, seconds=seconds, tau=2.0, sd=1.5 * car.rpm_jitter)
    if car.is_electric:
        return DriveCourse(step, kmh, kmh * car.motor_rpm_per_kmh)
    return DriveCourse(step, kmh, _slewed(_geared(car, kmh), _SLEW_RPM_PER_S * seconds) * wobble)


def _speed(start: float, acceleration: float, frames: int, seconds: float, rng: np.random.Generator) -> Samples:
    """Return the speed in km/h: the start, an acceleration that fades, and a fluctuation of 2 %.

    A car with speed 0 does not move.
    """
    fluctuation = wander(rng, frames, seconds=seconds, tau=8.0, sd=0.02 * start)
    if start <= 0:
        return np.zeros(frames)
    gained = acceleration * _ACCELERATION_SECONDS * -np.expm1(-np.arange(frames) * seconds / _ACCELERATION_SECONDS)
    return np.asarray(np.clip(start + gained + (fluctuation - fluctuation[0]), 0.0, MAX_KMH))


def _geared(car: VirtualCar, kmh: Samples) -> Samples:
    """Return the rpm in the gear of an automatic gearbox: up at the car's shift speed, down with a good margin."""
    ratios, top = car.rpm_per_kmh, len(car.rpm_per_kmh) - 1
    gear = next((g for g, ratio in enumerate(ratios) if ratio * kmh[0] <= car.shift_rpm), top)
    down = 0.8 * car.shift_rpm * ratios[1] / ratios[0]
    chosen = np.empty(len(kmh), dtype=np.int64)
    # in hundredths of a km/h, so that a gear does not depend on the last digit of the arithmetic
    for k, speed in enumerate(np.rint(kmh * 100).tolist()):
        rpm = ratios[gear] * speed / 100
        if rpm > car.shift_rpm and gear < top:
            gear += 1
        elif rpm < down and gear > 0:
            gear -= 1
        chosen[k] = gear
    return np.maximum(np.asarray(ratios)[chosen] * kmh, car.idle_rpm)


def _slewed(rpm: Samples, most: float) -> Samples:
    """Limit how much the rpm moves from frame to frame."""
    if np.max(np.abs(np.diff(rpm)), initial=0.0) <= most:
        return rpm
    out = rpm.tolist()
    for k in range(1, len(out)):
        out[k] = min(max(out[k], out[k - 1] - most), out[k - 1] + most)
    return np.asarray(out)
