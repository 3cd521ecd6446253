"""shelf: more treble, or less, from a frequency upwards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.dsp.sections import filtered


@dataclass(frozen=True, slots=True)
class Shelf(Effect):
    """A high shelf: 0 dB far below `hz`, half of `db` at it, `db` far above.

    No change if `hz` is half the sample rate or more. Second order, slope 1 (the steepest that only rises). Causal
    and minimum-phase: what it moves, it moves by less than a millisecond at the default `hz`. Source: R.
    Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients" (W3C note 2021).
    """

    name = "shelf"
    main = "db"

    db: Annotated[float, Parameter("gain above hz, or loss where negative", low=-20, high=20, unit="dB")]
    hz: Annotated[
        float,
        Parameter(
            "where half of it is reached; half the sample rate or more is no change",
            low=50,
            high=20000,
            unit="Hz",
            resolution=0.1,
        ),
    ] = 1000.0

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        if not self.db or self.hz >= sample_rate / 2 or not len(samples):
            return samples
        return filtered(self._section(sample_rate), samples)

    def _section(self, sample_rate: int) -> Samples:
        """Return the cookbook's highShelf with S = 1 as one second-order section, shape (1, 6)."""
        a = 10 ** (self.db / 40)
        cosine, sine = math.cos(2 * math.pi * self.hz / sample_rate), math.sin(2 * math.pi * self.hz / sample_rate)
        up, down, root = a + 1, a - 1, math.sqrt(2 * a) * sine
        b = [a * (up + down * cosine + root), -2 * a * (down + up * cosine), a * (up + down * cosine - root)]
        first = up - down * cosine + root
        poles = [1.0, 2 * (down - up * cosine) / first, (up - down * cosine - root) / first]
        return np.array([[*(x / first for x in b), *poles]])
