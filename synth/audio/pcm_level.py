"""Level and peak of 16-bit samples, in integers: exact, however the samples come."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from synth.units import gain_to_db, power_to_db

_AT_ONCE = 1 << 14  # samples: as float64 they fit into the processor's cache


@dataclasses.dataclass(slots=True)
class PcmLevel:
    """Level and peak of int16 samples that come in blocks."""

    count: int = 0  # samples
    energy: int = 0  # sum of their squares
    peak: int = 0  # largest absolute sample

    def add(self, samples: npt.NDArray[np.int16]) -> None:
        """Take the next samples, int16, shape (n,)."""
        if len(samples):
            self.count += len(samples)
            for start in range(0, len(samples), _AT_ONCE):
                steps = samples[start : start + _AT_ONCE].astype(np.float64)
                self.energy += int(np.dot(steps, steps))  # exact: 30 bits each, blocks of less than 8 million
            self.peak = max(self.peak, int(samples.max()), -int(samples.min()))

    @property
    def level_dbfs(self) -> float:
        """RMS, -inf for silence."""
        return power_to_db(self.energy / (max(1, self.count) << 30))

    @property
    def peak_dbfs(self) -> float:
        """Largest absolute sample, -inf for silence."""
        return gain_to_db(self.peak / 32768.0) if self.peak else -math.inf
