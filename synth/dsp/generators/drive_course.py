"""How speed, gears, engine speed and gusts run over a clip, at the frames of `gaussian_noise`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.generators.gaussian import frame_count, frame_size
from synth.dsp.generators.virtual_car import VirtualCar

MOST_KMH = 200.0
_ACCELERATION_SECONDS = 15.0
"""After so long an acceleration has spent itself (to 1/e): clips of any length stay at credible speeds. Own guess."""
_SLEW_RPM_PER_S = 500.0


@dataclass(frozen=True, slots=True)
class DriveCourse:
    """Values at each frame, all of shape (frames,); frame k is at k * step / sample_rate seconds."""

    step: int
    kmh: Samples
    rpm: Samples
    """Of the crankshaft, or of an electric motor."""

    def at(self, values: Samples, start: int, stop: int, every: int = 1) -> Samples:
        """Values at the samples start * every, (start + 1) * every, ... before stop * every: straight lines."""
        if every > 1 or start % self.step:
            return np.asarray(np.interp(np.arange(start, stop) * every, np.arange(len(values)) * self.step, values))
        first, steps = start // self.step, -(-(stop - start) // self.step)
        rises = np.diff(values[first : first + steps + 1])
        lines = values[first : first + steps, None] + rises[:, None] * _ramp(self.step)
        return np.asarray(lines.reshape(-1)[: stop - start])


@lru_cache
def _ramp(step: int) -> Samples:
    return np.arange(step) / step


def wander(random: np.random.Generator, frames: int, *, seconds: float, tau: float, sd: float) -> Samples:
    """An Ornstein-Uhlenbeck process with this standard deviation and time constant, frames `seconds` apart."""
    from scipy.signal import lfilter

    keep = math.exp(-seconds / tau)
    steps = random.standard_normal(frames)
    steps[1:] *= math.sqrt(1 - keep * keep)  # the first value is drawn from the whole distribution
    return np.asarray(sd * lfilter([1.0], [1.0, -keep], steps))


def drive_course(
    car: VirtualCar,
    *,
    speed_kmh: float,
    acceleration: float,
    num_samples: int,
    sample_rate: int,
    random: np.random.Generator,
) -> DriveCourse:
    """Speed and rpm over a clip of `num_samples`."""
    step = frame_size(sample_rate) // 2
    seconds, frames = step / sample_rate, frame_count(num_samples, sample_rate)
    kmh = _speed(speed_kmh, acceleration, frames, seconds, random)
    # fast jitter as in science.md 4.6; the slow wandering, as an idle has it, is an own guess
    wobble = 1 + wander(random, frames, seconds=seconds, tau=0.2, sd=car.rpm_jitter)
    wobble += wander(random, frames, seconds=seconds, tau=2.0, sd=1.5 * car.rpm_jitter)
    if car.is_electric:
        return DriveCourse(step, kmh, kmh * car.motor_rpm_per_kmh)
    return DriveCourse(step, kmh, _slewed(_geared(car, kmh), _SLEW_RPM_PER_S * seconds) * wobble)


def _speed(start: float, acceleration: float, frames: int, seconds: float, random: np.random.Generator) -> Samples:
    """Speed in km/h: the start, an acceleration that spends itself, and a wavering of 2 %; a standing car stands."""
    waver = wander(random, frames, seconds=seconds, tau=8.0, sd=0.02 * start)
    if start <= 0:
        return np.zeros(frames)
    gained = acceleration * _ACCELERATION_SECONDS * -np.expm1(-np.arange(frames) * seconds / _ACCELERATION_SECONDS)
    return np.asarray(np.clip(start + gained + (waver - waver[0]), 0.0, MOST_KMH))


def _geared(car: VirtualCar, kmh: Samples) -> Samples:
    """rpm of the gear that an automatic gearbox would be in: up at the car's shift speed, down with a good margin."""
    ratios, top = car.rpm_per_kmh, len(car.rpm_per_kmh) - 1
    gear = next((g for g, ratio in enumerate(ratios) if ratio * kmh[0] <= car.shift_rpm), top)
    down = 0.8 * car.shift_rpm * ratios[1] / ratios[0]
    chosen = np.empty(len(kmh), dtype=np.int64)
    # hundredths of a km/h: a gear must not hang on the last digit of the arithmetic
    for k, speed in enumerate(np.rint(kmh * 100).tolist()):
        rpm = ratios[gear] * speed / 100
        if rpm > car.shift_rpm and gear < top:
            gear += 1
        elif rpm < down and gear > 0:
            gear -= 1
        chosen[k] = gear
    return np.maximum(np.asarray(ratios)[chosen] * kmh, car.idle_rpm)


def _slewed(rpm: Samples, most: float) -> Samples:
    """The same, moving by at most `most` from frame to frame."""
    if np.max(np.abs(np.diff(rpm)), initial=0.0) <= most:
        return rpm
    out = rpm.tolist()
    for k in range(1, len(out)):
        out[k] = min(max(out[k], out[k - 1] - most), out[k - 1] + most)
    return np.asarray(out)
