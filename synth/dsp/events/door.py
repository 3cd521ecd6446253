"""door: a car door falls shut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.sounds import add_at, band_noise, ring
from synth.dsp.parameters import Parameter
from synth.units import db_to_gain, seconds_to_samples

_PANEL_RATIOS = np.array([2.3, 3.6, 5.2, 7.9])
_LATCH_HZ = np.array([1400.0, 2300.0, 3100.0])
_SEAL_S = 0.02


@dataclass(frozen=True, slots=True)
class Door(Event):
    """A latch that clicks, `latch_ms` later a thump at `hz` with the door's panels, and a puff of the seals.

    The thump has 50 to 110 Hz and is 26 dB down after 120 to 250 ms; the panels ring at 2.3 to 7.9 times that, softer
    and shorter. All values are chosen by ear: docs/science.md, "Events in a car".
    """

    name = "door"

    seconds: Annotated[float, duration(0.1, 3, default={"uniform": [0.3, 0.6]})] = 0.4
    hz: Annotated[
        float, Parameter("pitch of the thump", low=30, high=250, unit="Hz", default={"uniform": [50, 110]})
    ] = 80.0
    decay_ms: Annotated[
        float,
        Parameter(
            "length of the thump, until it is 26 dB down", low=20, high=1000, unit="ms", default={"uniform": [120, 250]}
        ),
    ] = 180.0
    latch_ms: Annotated[
        float,
        Parameter("from the latch's click to the thump", low=0, high=100, unit="ms", default={"uniform": [8, 25]}),
    ] = 15.0
    latch_db: Annotated[
        float,
        Parameter("the latch's click against the thump", low=-40, high=10, unit="dB", default={"uniform": [-20, -6]}),
    ] = -12.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        out = np.zeros(count_sounding(self, num_samples, sample_rate))
        rng = audio_generator(self.seed)
        add_at(out, self._latch(rng, sample_rate), 0)
        at = seconds_to_samples(self.latch_ms / 1000, sample_rate)
        add_at(out, self._thump(rng, sample_rate), at)
        add_at(out, self._seal(rng, sample_rate), at)
        return fade_out(out, num_samples, sample_rate)

    def _latch(self, rng: np.random.Generator, sample_rate: int) -> Samples:
        strength = 0.05 * db_to_gain(self.latch_db)
        hz = _LATCH_HZ * rng.uniform(0.85, 1.15, len(_LATCH_HZ))
        return ring(hz, 0.002, [strength, 0.7 * strength, 0.5 * strength], sample_rate=sample_rate)

    def _thump(self, rng: np.random.Generator, sample_rate: int) -> Samples:
        panels = self.hz * _PANEL_RATIOS * rng.uniform(0.9, 1.1, len(_PANEL_RATIOS))
        strength = 0.035 * rng.uniform(0.3, 1.0, len(panels)) * rng.choice([-1.0, 1.0], len(panels))
        decay = self.decay_ms / 3000
        return ring(
            [self.hz, *panels],
            [decay] + [decay / 3] * len(panels),
            [0.08, *strength],
            sample_rate=sample_rate,
        )

    def _seal(self, rng: np.random.Generator, sample_rate: int) -> Samples:
        size = seconds_to_samples(10 * _SEAL_S, sample_rate)
        time = np.arange(size) / sample_rate
        puff = band_noise(size, 100.0, 700.0, order=1, sample_rate=sample_rate, rng=rng)
        return puff * (0.015 * np.exp(1 - time / _SEAL_S) * time / _SEAL_S)
