"""tempo: stretch time and keep the pitch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter
from synth.dsp.effects.stretch import ENGINES, stretch
from synth.units import scaled_length


@dataclass(frozen=True, slots=True)
class Tempo:
    """`factor` times as fast at the same pitch; the factor counts in whole thousandths."""

    factor: float
    engine: str = "signalsmith"

    name: ClassVar[str] = "tempo"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "factor": Parameter("times as fast; below 1 is slower and longer, the pitch stays", low=0.5, high=2.0),
        "engine": Parameter(
            "signalsmith keeps clicks sharp; librosa is the phase vocoder",
            default="signalsmith",
            choices=ENGINES,
        ),
    }
    main: ClassVar[str | None] = "factor"
    needs_seed: ClassVar[bool] = False

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        return scaled_length(num_samples, self.factor)

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        return scaled_length(position, self.factor)

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return stretch(
            samples,
            num_samples=scaled_length(len(samples), self.factor),
            sample_rate=sample_rate,
            engine=self.engine,
        )
