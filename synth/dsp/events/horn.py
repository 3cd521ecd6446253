"""horn: two tones of one chord."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.sounds import harmonics_below, make_cycle, muffle, play_tone, swell
from synth.dsp.parameters import Parameter

_HARMONICS = 24
_RISE_S, _FALL_S = 0.015, 0.04


@dataclass(frozen=True, slots=True)
class Horn(Event):
    """A pair of disc horns, tuned about a third apart, heard through the body of a car.

    The lower tone has 350 to 450 Hz, the ratio is 1.18 to 1.28 (usual: 420 and 500 Hz). Up to 24 harmonics fall by 3 dB
    per octave, each with a random 3 dB (SD); a low-pass of 12 dB per octave stands for the body. Values:
    docs/science.md, "Events in a car".
    """

    name = "horn"

    seconds: Annotated[float, duration(0.1, 10, default={"log_uniform": [0.2, 1.5]})] = 0.6
    hz: Annotated[float, Parameter("the lower tone", low=150, high=900, unit="Hz", default={"uniform": [350, 450]})] = (
        420.0
    )
    ratio: Annotated[
        float, Parameter("of the higher tone to the lower", low=1, high=2, default={"uniform": [1.18, 1.28]})
    ] = 1.2
    muffle_hz: Annotated[
        float,
        Parameter(
            "the car's body keeps out what is above",
            low=200,
            high=20000,
            unit="Hz",
            default={"log_uniform": [800, 4000]},
        ),
    ] = 2000.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        time = np.arange(count_sounding(self, num_samples, sample_rate)) / sample_rate
        rng = audio_generator(self.seed)
        tones = [self._tone(hz, time, rng, sample_rate) for hz in (self.hz, self.hz * self.ratio)]
        sound = muffle(tones[0] + tones[1], self.muffle_hz, order=2, sample_rate=sample_rate)
        swell(sound, seconds=self.seconds, rise_s=_RISE_S, fall_s=_FALL_S, sample_rate=sample_rate)
        return fade_out(sound, num_samples, sample_rate)

    def _tone(self, hz: float, time: Samples, rng: np.random.Generator, sample_rate: int) -> Samples:
        level_db, phases = rng.normal(0, 3, _HARMONICS), rng.uniform(0, 2 * math.pi, _HARMONICS)
        level_db[0] = 0.0
        count = harmonics_below(hz, _HARMONICS, sample_rate)
        amplitudes = 0.03 * 10 ** (level_db / 20) / np.sqrt(np.arange(1, _HARMONICS + 1))
        return play_tone(make_cycle(amplitudes[:count], phases[:count]), hz * time)
