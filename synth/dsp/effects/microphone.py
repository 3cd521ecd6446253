"""microphone: the band limits of a microphone, a telephone line or a head unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter


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
        from scipy.signal import butter, sosfilt  # loads for most of a second: only where it is used

        sections = [np.empty((0, 6))]
        if self.low_hz > 0:
            sections.append(butter(self.order, self.low_hz, "highpass", fs=sample_rate, output="sos"))
        if self.high_hz < 0.5 * sample_rate:
            sections.append(butter(self.order, self.high_hz, "lowpass", fs=sample_rate, output="sos"))
        filters = np.concatenate(sections)
        return np.asarray(sosfilt(filters, samples)) if len(filters) and len(samples) else samples
