"""drift: let the level wander slowly, as cabin noise does with the road and the wind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter

_TONES = 16  # enough that no period is heard


@dataclass(frozen=True, slots=True)
class Drift(Effect):
    """A random gain whose standard deviation is `depth_db` and whose fastest movement is `rate_hz`.

    The gain in dB is a sum of 16 sines with random phases, one in each sixteenth of the band from 0 to `rate_hz`
    (S. O. Rice, "Mathematical analysis of random noise", 1944). It never leaves 3 depths.
    """

    name = "drift"
    main = "depth_db"

    depth_db: Annotated[float, Parameter("standard deviation of the level", low=0, high=12, unit="dB")]
    rate_hz: Annotated[float, Parameter("fastest movement", low=0.01, high=5, unit="Hz")] = 0.2
    seed: int = 0

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        # 50 points per period of the fastest tone, with straight lines between, are within 0.2 % of the curve
        step = max(1, int(sample_rate / (50 * self.rate_hz)))
        points = np.arange(0, len(samples) + step, step)
        curve_db = self._curve_db(points / sample_rate)
        return samples * np.interp(np.arange(len(samples)), points, 10.0 ** (curve_db / 20))

    def _curve_db(self, seconds: Samples) -> Samples:
        rng = np.random.Generator(np.random.Philox(key=self.seed))  # not `audio_generator`: its stream differs
        frequencies = self.rate_hz * (np.arange(_TONES) + rng.random(_TONES)) / _TONES
        phases = rng.random(_TONES)
        tones = np.sin(2 * math.pi * (seconds[:, None] * frequencies + phases))
        curve: Samples = tones.sum(axis=1) * (self.depth_db * math.sqrt(2 / _TONES))
        return np.clip(curve, -3 * self.depth_db, 3 * self.depth_db)
