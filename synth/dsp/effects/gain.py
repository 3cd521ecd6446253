"""gain: louder or softer by a fixed number of dB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter, SameLength
from synth.units import db_to_gain


@dataclass(frozen=True, slots=True)
class Gain(SameLength):
    """Amplitude times 10 ** (db / 20)."""

    db: float

    name: ClassVar[str] = "gain"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "db": Parameter("louder, or softer where negative", low=-60, high=60, unit="dB"),
    }
    main: ClassVar[str | None] = "db"
    needs_seed: ClassVar[bool] = False

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return samples * db_to_gain(self.db)
