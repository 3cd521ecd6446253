"""microphone: the band limits of a microphone, a telephone line or a head unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter, SameLength


@dataclass(frozen=True, slots=True)
class Microphone(SameLength):
    """Butterworth high-pass at `low_hz` (0: none) and low-pass at `high_hz` (at half the sample rate or above: none).

    -3 dB at each limit, 6 * order dB an octave outside. Causal, as a real microphone is: what lies well inside the band
    is moved by less than a millisecond.
    """

    low_hz: float = 80.0
    high_hz: float = 7000.0
    order: int = 2

    name: ClassVar[str] = "microphone"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "low_hz": Parameter(
            "lower limit (-3 dB); 0 is none", low=0, high=2000, unit="Hz", default=80.0, resolution=0.1
        ),
        "high_hz": Parameter(
            "upper limit (-3 dB); half the sample rate or more is none",
            low=1000,
            high=96000,
            unit="Hz",
            default=7000.0,
            resolution=0.1,
        ),
        "order": Parameter("steepness: 6 dB an octave each", low=1, high=8, default=2, integer=True, resolution=1),
    }
    main: ClassVar[str | None] = None
    needs_seed: ClassVar[bool] = False

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        from scipy.signal import butter, sosfilt  # loads for most of a second: only where it is used

        sections = [np.empty((0, 6))]
        if self.low_hz > 0:
            sections.append(butter(self.order, self.low_hz, "highpass", fs=sample_rate, output="sos"))
        if self.high_hz < 0.5 * sample_rate:
            sections.append(butter(self.order, self.high_hz, "lowpass", fs=sample_rate, output="sos"))
        filters = np.concatenate(sections)
        return np.asarray(sosfilt(filters, samples)) if len(filters) and len(samples) else samples
