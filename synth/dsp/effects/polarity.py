"""polarity: turn the waveform upside down (give it a `probability`, such as 0.5)."""

from __future__ import annotations

from dataclasses import dataclass

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect


@dataclass(frozen=True, slots=True)
class Polarity(Effect):
    """Every sample times -1."""

    name = "polarity"

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return -samples
