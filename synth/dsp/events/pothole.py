"""pothole: the front wheels fall into it, then the rear wheels."""

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

_SLAP_S = 0.012  # decay of the tire's slap: chosen
_SLAP_HZ = (150.0, 900.0)


@dataclass(frozen=True, slots=True)
class Pothole(Event):
    """A pothole or a joint of the road: a thump at `hz` for each axle, wheelbase / speed apart.

    Each is a resonance of the body that is 26 dB down after `decay_ms`, and a short slap of the tire (150 to 900 Hz).
    The rear axle's is `rear_db` louder; it is missing if it comes after `seconds` (below 24 km/h in 0.4 s). The sound
    is
    chosen: docs/science.md, "Events in a car".
    """

    name = "pothole"

    seconds: Annotated[float, duration(0.1, 3, default={"uniform": [0.45, 0.6]})] = 0.5
    speed_kmh: Annotated[
        float, Parameter("of our car", low=5, high=250, unit="km/h", default={"uniform": [30, 110]})
    ] = 50.0
    wheelbase_m: Annotated[
        float, Parameter("between the axles", low=1.5, high=5, unit="m", default={"uniform": [2.4, 2.9]})
    ] = 2.6
    hz: Annotated[
        float, Parameter("pitch of the thump", low=30, high=300, unit="Hz", default={"uniform": [60, 150]})
    ] = 100.0
    decay_ms: Annotated[
        float,
        Parameter(
            "length of a thump, until it is 26 dB down", low=10, high=500, unit="ms", default={"uniform": [50, 100]}
        ),
    ] = 80.0
    rear_db: Annotated[
        float,
        Parameter(
            "the rear axle's thump against the front one's", low=-20, high=10, unit="dB", default={"uniform": [-6, 2]}
        ),
    ] = -2.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        out = np.zeros(count_sounding(self, num_samples, sample_rate))
        rng = audio_generator(self.seed)
        delay = seconds_to_samples(self.wheelbase_m / (self.speed_kmh / 3.6), sample_rate)
        add_at(out, self._thump(rng, sample_rate), 0)
        add_at(out, db_to_gain(self.rear_db) * self._thump(rng, sample_rate), delay)
        return fade_out(out, num_samples, sample_rate)

    def _thump(self, rng: np.random.Generator, sample_rate: int) -> Samples:
        decay = self.decay_ms / 3000
        hz = self.hz * rng.uniform(0.95, 1.05)
        body = ring([hz, 1.7 * hz], [decay, decay / 2], [0.08, 0.03], sample_rate=sample_rate)
        size = seconds_to_samples(10 * _SLAP_S, sample_rate)
        slap = band_noise(size, *_SLAP_HZ, order=2, sample_rate=sample_rate, rng=rng)
        time = np.arange(size) / sample_rate
        slap *= 0.05 * np.exp(1 - time / _SLAP_S) * time / _SLAP_S  # from zero up to its peak after 12 ms
        sound = np.zeros(max(len(body), size))
        add_at(sound, body, 0)
        add_at(sound, slap, 0)
        return sound
