"""tempo: stretch time and keep the pitch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import TimeScale
from synth.dsp.effects.playback import Playback
from synth.dsp.effects.stretch import DEFAULT_ENGINE, ENGINE_HELP, ENGINE_MODULES, ENGINES, stretch
from synth.dsp.parameters import Parameter
from synth.units import scaled_length


@dataclass(frozen=True, slots=True)
class Tempo(TimeScale):
    """`factor` times as fast at the same pitch; the factor counts in whole thousandths."""

    name = "tempo"
    main = "factor"
    slow_modules_of = ENGINE_MODULES

    factor: Annotated[
        float, Parameter("times as fast; below 1 is slower and longer, the pitch stays", low=0.5, high=2.0)
    ]
    engine: Annotated[str, Parameter(ENGINE_HELP, choices=ENGINES)] = DEFAULT_ENGINE

    def merge_into(self, playback: Playback) -> Playback | None:
        """Return `playback` followed by this effect, or None (`Effect.merge_into`)."""
        return playback.then_stretch(self.engine, scaled_length(playback.num_samples, self.factor))

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return stretch(
            samples,
            num_samples=scaled_length(len(samples), self.factor),
            sample_rate=sample_rate,
            engine=self.engine,
        )
