"""A source that drives past on a straight line: its level at the listener, and its Doppler shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synth.dsp.arrays import Samples, Vector

SOUND_M_S = 343.0
"""Speed of sound in air at 20 degrees Celsius."""


@dataclass(frozen=True, slots=True)
class PassBy:
    """A straight line past the listener, nearest after half of `seconds`.

    The power falls with the square of the distance, as 1 / (d^2 + (vt)^2). The Doppler shift follows from the delay of
    sound: the frequency is multiplied by 1 - r'(t) / c, at most by 1 +- v / c (5 % at 62 km/h).
    """

    distance_m: float  # at the nearest point
    speed_kmh: float  # relative to the listener
    seconds: float  # of the whole pass

    def at_listener(self, num_samples: int, sample_rate: int) -> tuple[Samples, Vector]:
        """Return what reaches the listener at each sample.

        Returns:
            The amplitude relative to the nearest point, and the time when the sound was emitted (s, from 0), each of
            shape (num_samples,).
        """
        speed = self.speed_kmh / 3.6
        clock = np.arange(num_samples) / sample_rate
        distance = clock - self.seconds / 2
        distance *= speed
        distance *= distance
        distance += self.distance_m**2
        np.sqrt(distance, out=distance)
        first = math.sqrt(self.distance_m**2 + (speed * self.seconds / 2) ** 2)
        gain = self.distance_m / distance
        distance -= first
        distance /= SOUND_M_S
        clock -= distance
        return gain, clock
