"""agc: automatic gain control, as a head unit or a telephone has it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.dsp.sections import running_mean


@dataclass(frozen=True, slots=True)
class Agc(Effect):
    """Turns the running level towards `target_dbfs` by at most `range_db` up or down.

    The running level is the power behind a one-pole low-pass with time constant `seconds`, in dBFS (RMS, full-scale
    sine = -3.01); it starts at the mean power of the first `seconds`, so that there is no jump at the start.
    """

    name = "agc"
    main = "target_dbfs"

    target_dbfs: Annotated[float, Parameter("the level it turns to (RMS)", low=-60, high=-3, unit="dBFS")] = -26.0
    range_db: Annotated[float, Parameter("the most it turns up or down", low=0, high=40, unit="dB")] = 12.0
    seconds: Annotated[float, Parameter("time constant of the running level", low=0.01, high=10, unit="s")] = 0.5

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        if not len(samples):
            return samples.copy()
        level_db = 10 * np.log10(np.maximum(self._running_power(samples, sample_rate), 1e-20))
        gain_db = np.clip(self.target_dbfs - level_db, -self.range_db, self.range_db)
        return samples * 10.0 ** (gain_db / 20)

    def _running_power(self, samples: Samples, sample_rate: int) -> Samples:
        power = samples**2
        keep = math.exp(-1 / (self.seconds * sample_rate))
        start = power[: max(1, round(self.seconds * sample_rate))].mean()
        return running_mean(power, keep, float(start))
