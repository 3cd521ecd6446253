"""polarity: turn the waveform upside down (give it a `probability`, such as 0.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter, SameLength


@dataclass(frozen=True, slots=True)
class Polarity(SameLength):
    """Every sample times -1."""

    name: ClassVar[str] = "polarity"
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    main: ClassVar[str | None] = None
    needs_seed: ClassVar[bool] = False

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return -samples
