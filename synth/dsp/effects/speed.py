"""speed: play faster or slower by resampling. Length, tempo and pitch change together, as in Kaldi."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import TimeScale
from synth.dsp.effects.playback import Playback
from synth.dsp.parameters import Parameter
from synth.dsp.resample import resample
from synth.units import scaled_length, thousandths


@dataclass(frozen=True, slots=True)
class Speed(TimeScale):
    """`factor` times as fast: 0.9 is slower, longer and lower.

    The factor counts in whole thousandths, so that lengths and positions are exact integer arithmetic.

    Source: Ko et al., "Audio augmentation for speech recognition", Interspeech 2015.
    """

    name = "speed"
    main = "factor"

    factor: Annotated[float, Parameter("times as fast; below 1 is slower, longer and lower", low=0.25, high=4.0)]

    def merge_into(self, playback: Playback) -> Playback:
        """Return `playback` followed by this effect (`Effect.merge_into`)."""
        return replace(
            playback,
            num_samples=scaled_length(playback.num_samples, self.factor),
            rate_in=playback.rate_in * thousandths(self.factor),
            rate_out=playback.rate_out * 1000,
        )

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        length = scaled_length(len(samples), self.factor)
        return resample(samples, rate_in=thousandths(self.factor), rate_out=1000, num_samples=length)
