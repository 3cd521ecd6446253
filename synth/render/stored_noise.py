"""Noise as it is stored: 16-bit steps and a scale. Noise that is played as it is needs no floats before it is mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from synth.dsp import levels
from synth.dsp.arrays import Samples


@dataclass(frozen=True, slots=True)
class StoredNoise:
    """Part of a decoded recording, which lies in a memory-mapped file."""

    steps: npt.NDArray[np.int16]  # shape (n,)
    scale: float  # factor from a step to full scale 1.0

    def samples(self) -> Samples:
        """As float64, shape (n,), full scale 1.0."""
        samples = self.steps.astype(np.float64)
        samples *= self.scale
        return samples


Noise: TypeAlias = Samples | StoredNoise
"""Noise, full scale 1.0: float64 samples of shape (n,), or as it is stored."""


def as_samples(noise: Noise) -> Samples:
    """The samples of a noise: float64, shape (n,), full scale 1.0."""
    return noise.samples() if isinstance(noise, StoredNoise) else noise


def power_in(noise: Noise, span: slice) -> float:
    """The mean power of the samples in a span (full scale 1.0)."""
    if not isinstance(noise, StoredNoise):
        return levels.mean_power(noise[span])
    from synth.dsp.kernels import native

    steps = noise.steps[span]
    energy: int = native.load("mixing", "energy_of_steps")(steps)
    return energy / max(1, steps.size) * noise.scale**2
