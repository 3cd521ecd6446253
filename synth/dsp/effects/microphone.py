"""microphone: the band limits of a microphone, a telephone line or a head unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.dsp.sections import NOTHING, butterworth, filtered


@dataclass(frozen=True, slots=True)
class Microphone(Effect):
    """Butterworth high-pass at `low_hz` (0: none) and low-pass at `high_hz` (at half the sample rate or above: none).

    -3 dB at each limit, 6 * order dB an octave outside. Causal, as a real microphone is: what lies well inside the band
    is moved by less than a millisecond.
    """

    name = "microphone"

    low_hz: Annotated[
        float, Parameter("lower limit (-3 dB); 0 is none", low=0, high=2000, unit="Hz", resolution=0.1)
    ] = 80.0
    high_hz: Annotated[
        float,
        Parameter(
            "upper limit (-3 dB); half the sample rate or more is none",
            low=1000,
            high=96000,
            unit="Hz",
            resolution=0.1,
        ),
    ] = 7000.0
    order: Annotated[int, Parameter("steepness: 6 dB an octave each", low=1, high=8, integer=True, resolution=1)] = 2

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        sections = [NOTHING]
        if self.low_hz > 0:
            sections.append(butterworth(self.order, low_hz=self.low_hz, sample_rate=sample_rate))
        if self.high_hz < 0.5 * sample_rate:
            sections.append(butterworth(self.order, high_hz=self.high_hz, sample_rate=sample_rate))
        both = np.concatenate(sections)
        return filtered(both, samples) if len(both) and len(samples) else samples
