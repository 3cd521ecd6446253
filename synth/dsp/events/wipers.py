"""wipers: a swish out, a swish back, and a thump where each turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.sounds import add_at, band_noise, ring
from synth.dsp.parameters import Parameter
from synth.units import db_to_gain, seconds_to_samples

_SWISH_S = 0.25
_LATEST_RETURN_S = 0.6
_THUMP_DECAY_S = 0.025
_RETURN_DB = -2.0
_BAND = 2.5  # the swish reaches from swish_hz divided by this to swish_hz times this


@dataclass(frozen=True, slots=True)
class Wipers(Event):
    """Windshield wipers, out and back once in `period_s`; above 1.2 s with a pause after that (interval: 3 to 8 s).

    A stroke is 0.25 s of noise from swish_hz / 2.5 to swish_hz * 2.5, then a thump at `thump_hz`, `thump_db` louder at
    its peak than the swish. Values: docs/science.md, "Events in a car".
    """

    name = "wipers"

    seconds: Annotated[float, duration(0.5, 600, default={"uniform": [3, 20]})] = 8.0
    period_s: Annotated[
        float, Parameter("from one wipe to the next", low=0.6, high=20, unit="s", default={"uniform": [0.8, 1.5]})
    ] = 1.2
    swish_hz: Annotated[
        float, Parameter("middle of the swish", low=200, high=3000, unit="Hz", default={"log_uniform": [600, 1000]})
    ] = 800.0
    thump_hz: Annotated[
        float, Parameter("pitch of the thump", low=40, high=400, unit="Hz", default={"uniform": [60, 200]})
    ] = 110.0
    thump_db: Annotated[
        float,
        Parameter(
            "peak of the thump against that of the swish", low=-30, high=20, unit="dB", default={"uniform": [-9, 3]}
        ),
    ] = 0.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        out = np.zeros(count_sounding(self, num_samples, sample_rate))
        starts = self._starts()
        thump = self._thump(sample_rate)
        for start, stroke in zip(starts, self._strokes(len(starts), sample_rate), strict=True):
            at = seconds_to_samples(start, sample_rate)
            add_at(out, stroke, at)
            add_at(out, thump, at + int(0.9 * len(stroke)))
        return fade_out(out, num_samples, sample_rate)

    def _starts(self) -> list[float]:
        """Return when each stroke starts, in s: out, back, out, ..."""
        back = min(self.period_s / 2, _LATEST_RETURN_S)
        cycles = range(math.ceil(self.seconds / self.period_s))
        return [cycle * self.period_s + part for cycle in cycles for part in (0.0, back)]

    def _strokes(self, count: int, sample_rate: int) -> Samples:
        """Return the swishes, shape (count, n), with a standard deviation of 0.03 in their middle."""
        size = seconds_to_samples(_SWISH_S, sample_rate)
        low, high = self.swish_hz / _BAND, self.swish_hz * _BAND
        noise = band_noise((count, size), low, high, order=2, sample_rate=sample_rate, rng=audio_generator(self.seed))
        noise *= 0.03 * np.sin(math.pi * np.arange(size) / size) ** 2
        noise[1::2] *= db_to_gain(_RETURN_DB)
        return noise

    def _thump(self, sample_rate: int) -> Samples:
        peak = 0.08 * db_to_gain(self.thump_db)  # noise of 0.03 peaks at about 0.08 in a quarter of a second
        return ring([self.thump_hz], [_THUMP_DECAY_S], [peak], sample_rate=sample_rate)
