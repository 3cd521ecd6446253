"""passing_car: another car, overtaken or oncoming."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.pass_by import PassBy
from synth.dsp.events.sounds import band_noise, harmonics_below, interpolate, make_cycle, play_tone, swell
from synth.dsp.parameters import Parameter
from synth.units import db_to_gain

_LOW_HZ = 100.0
_HARMONICS = 6


@dataclass(frozen=True, slots=True)
class PassingCar(Event):
    """A car that passes at `speed_kmh` relative to ours: tire noise and a tone of its engine, with the Doppler shift.

    Its power goes as 1 / (d^2 + (vt)^2), d = `distance_m`, nearest in the middle of `seconds`; the first and the last
    quarter also fade in and out. The noise lies between 100 Hz and `noise_hz` and falls by 6 dB per octave outside. The
    tone at `tone_hz` has six harmonics, and lies at `tone_db` relative to the noise. Distances and speeds are chosen:
    docs/science.md, "Events in a car".
    """

    name = "passing_car"

    seconds: Annotated[float, duration(0.5, 30, default={"uniform": [2, 5]})] = 3.0
    speed_kmh: Annotated[
        float, Parameter("against our car", low=1, high=62, unit="km/h", default={"uniform": [15, 60]})
    ] = 40.0
    distance_m: Annotated[
        float, Parameter("where it is nearest", low=1, high=50, unit="m", default={"uniform": [3, 8]})
    ] = 5.0
    noise_hz: Annotated[
        float,
        Parameter(
            "upper limit of its noise in our car", low=200, high=6000, unit="Hz", default={"log_uniform": [500, 1500]}
        ),
    ] = 1000.0
    tone_hz: Annotated[
        float, Parameter("pitch of its engine", low=30, high=400, unit="Hz", default={"log_uniform": [60, 150]})
    ] = 100.0
    tone_db: Annotated[
        float,
        Parameter("tone of its engine against its noise", low=-60, high=40, unit="dB", default={"uniform": [-20, -3]}),
    ] = -10.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        count = count_sounding(self, num_samples, sample_rate)
        gain, clock = PassBy(self.distance_m, self.speed_kmh, self.seconds).at_listener(count, sample_rate)
        sound = self._noise(clock, sample_rate)
        tone = db_to_gain(self.tone_db)
        sound += tone * self._tone(clock, sample_rate)
        sound *= 0.03 / math.hypot(1.0, tone)
        sound *= gain
        quarter = self.seconds / 4
        swell(sound, seconds=self.seconds, rise_s=quarter, fall_s=quarter, sample_rate=sample_rate)
        return fade_out(sound, num_samples, sample_rate)

    def _noise(self, clock: Samples, sample_rate: int) -> Samples:
        """Return noise of standard deviation 1 at these times on the car's clock (s, ascending, from 0)."""
        position = clock * sample_rate
        size = int(position[-1] if len(position) else 0) + 2
        rng = audio_generator(self.seed)
        noise = band_noise(size, _LOW_HZ, self.noise_hz, order=1, sample_rate=sample_rate, rng=rng)
        return interpolate(noise, position)

    def _tone(self, clock: Samples, sample_rate: int) -> Samples:
        """Return the engine's tone with standard deviation 1."""
        phases = audio_generator(self.seed, 1).uniform(0, 2 * math.pi, _HARMONICS)
        count = harmonics_below(1.05 * self.tone_hz, _HARMONICS, sample_rate)
        amplitudes = 1.0 / np.arange(1, count + 1)
        amplitudes *= math.sqrt(2 / float(np.square(amplitudes).sum()))
        return play_tone(make_cycle(amplitudes, phases[:count]), self.tone_hz * clock)
