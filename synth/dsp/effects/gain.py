"""gain: louder or softer by a fixed number of dB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.parameters import Parameter
from synth.units import db_to_gain


@dataclass(frozen=True, slots=True)
class Gain(Effect):
    """Amplitude times 10 ** (db / 20)."""

    name = "gain"
    main = "db"

    db: Annotated[float, Parameter("louder, or softer where negative", low=-60, high=60, unit="dB")]

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return samples * db_to_gain(self.db)
