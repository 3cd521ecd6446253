"""speed: play faster or slower by resampling; length, tempo and pitch change together, as in Kaldi."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter
from synth.dsp.resample import resample
from synth.units import scaled_length, thousandths


@dataclass(frozen=True, slots=True)
class Speed:
    """`factor` times as fast: 0.9 is slower, longer and lower.

    Source: Ko et al., "Audio augmentation for speech recognition", Interspeech 2015.
    The factor counts in whole thousandths, so that lengths and positions are exact integer arithmetic.
    """

    factor: float

    name: ClassVar[str] = "speed"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "factor": Parameter("times as fast; below 1 is slower, longer and lower", low=0.25, high=4.0),
    }
    main: ClassVar[str | None] = "factor"
    needs_seed: ClassVar[bool] = False

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        return scaled_length(num_samples, self.factor)

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        return scaled_length(position, self.factor)

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        length = scaled_length(len(samples), self.factor)
        return resample(samples, rate_in=thousandths(self.factor), rate_out=1000, num_samples=length)
