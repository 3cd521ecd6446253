"""indicator: the relay of the turn signal, tick and tock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.sounds import add_at, ring
from synth.dsp.parameters import Parameter
from synth.units import db_to_gain, seconds_to_samples

_SHAPE = np.array([1.0, 1.35, 1.8, 2.5])  # partials of a click over the lowest: chosen, inharmonic as plastic is
_DASHBOARD_HZ = 350.0  # chosen


@dataclass(frozen=True, slots=True)
class Indicator(Event):
    """Turn signal: two different clicks per cycle, at `rate_hz` cycles per second.

    A click is four ringing partials from `click_hz` up and a soft knock of the dashboard. The second click is lower by
    `ratio`, and comes after `duty` of the cycle. Clicks differ by up to 1 dB. 90 +- 30 flashes per minute are allowed
    (UN Regulation No. 48, 6.5.9); the sound is chosen: docs/science.md, "Events in a car".
    """

    name = "indicator"

    seconds: Annotated[float, duration(0.5, 60, default={"uniform": [2, 8]})] = 4.0
    rate_hz: Annotated[float, Parameter("cycles a second", low=0.5, high=4, unit="Hz", default={"uniform": [1, 2]})] = (
        1.5
    )
    duty: Annotated[
        float, Parameter("when the second click comes, in a cycle", low=0.2, high=0.8, default={"uniform": [0.4, 0.6]})
    ] = 0.5
    click_hz: Annotated[
        float,
        Parameter(
            "lowest partial of the first click", low=500, high=6000, unit="Hz", default={"log_uniform": [1000, 2500]}
        ),
    ] = 2000.0
    ratio: Annotated[
        float,
        Parameter("of the second click's pitch to the first's", low=0.5, high=1.5, default={"uniform": [0.65, 0.9]}),
    ] = 0.8
    click_ms: Annotated[
        float,
        Parameter("length of a click, until it is 26 dB down", low=1, high=20, unit="ms", default={"uniform": [2, 5]}),
    ] = 3.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        out = np.zeros(count_sounding(self, num_samples, sample_rate))
        rng = audio_generator(self.seed)
        clicks = [self._click(self.click_hz * pitch, rng, sample_rate) for pitch in (1.0, self.ratio)]
        gains = rng.uniform(-0.5, 0.5, (math.ceil(self.seconds * self.rate_hz), 2))
        for cycle, pair in enumerate(gains):
            for part, (click, db) in enumerate(zip(clicks, pair, strict=True)):
                at = seconds_to_samples((cycle + part * self.duty) / self.rate_hz, sample_rate)
                add_at(out, click * db_to_gain(db), at)
        return fade_out(out, num_samples, sample_rate)

    def _click(self, hz: float, rng: np.random.Generator, sample_rate: int) -> Samples:
        partials = hz * _SHAPE * rng.uniform(0.95, 1.05, len(_SHAPE))
        strength = 0.07 * rng.uniform(0.3, 1.0, len(_SHAPE)) * rng.choice([-1.0, 1.0], len(_SHAPE))
        strength[0] = 0.07
        decay = self.click_ms / 3000
        return ring(
            [*partials, _DASHBOARD_HZ],
            [decay] * len(partials) + [2 * decay],
            [*strength, 0.02],
            sample_rate=sample_rate,
        )
