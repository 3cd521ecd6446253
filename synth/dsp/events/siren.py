"""siren: an emergency vehicle goes past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synth.draws import audio_generator
from synth.dsp.arrays import Samples
from synth.dsp.events.event import Event, count_sounding, duration, fade_out
from synth.dsp.events.pass_by import PassBy
from synth.dsp.events.sounds import harmonics_below, interpolate, make_cycle, muffle, play_tone, swell
from synth.dsp.parameters import Parameter

KINDS = ("two_tone", "wail")
_HARMONICS = 8
_EDGE_S = 0.5
_WAIL, _WAIL_PERIODS = (1.4, 3.1), 3
_GLIDE_STEPS = 512  # of even frequency in one wail: at most 0.5 % apart, which is heard as a glide


@dataclass(frozen=True, slots=True)
class Siren(Event):
    """A siren that passes at `speed_kmh` relative to our car, heard through its body, with the Doppler shift.

    two_tone: `hz` and `ratio` times that in turn, both once in `period_s` (Europe; 440 and 585 Hz in DIN 14610). wail:
    up and down between 1.4 and 3.1 times `hz`, once in three times `period_s` (America). Up to 8 harmonics fall by 9 dB
    per octave; a low-pass of 12 dB per octave stands for the body. It is nearest, at `distance_m`, in the middle of
    `seconds`; at most half a second at each end fades in and out. Values: docs/science.md, "Events in a car".
    """

    name = "siren"

    seconds: Annotated[float, duration(1, 120, default={"uniform": [3, 15]})] = 8.0
    kind: Annotated[str, Parameter("two tones in turn, or one that goes up and down", choices=KINDS)] = "two_tone"
    hz: Annotated[
        float, Parameter("the lower tone", low=200, high=1000, unit="Hz", default={"uniform": [400, 460]})
    ] = 440.0
    ratio: Annotated[
        float,
        Parameter("of the higher tone to the lower, of two_tone", low=1, high=2, default={"uniform": [1.12, 1.36]}),
    ] = 1.33
    period_s: Annotated[
        float,
        Parameter(
            "from low to low again; three times that for wail",
            low=0.2,
            high=10,
            unit="s",
            default={"uniform": [1.2, 1.8]},
        ),
    ] = 1.5
    speed_kmh: Annotated[
        float, Parameter("against our car", low=0, high=62, unit="km/h", default={"uniform": [10, 60]})
    ] = 40.0
    distance_m: Annotated[
        float, Parameter("where it is nearest", low=2, high=200, unit="m", default={"log_uniform": [5, 60]})
    ] = 20.0
    muffle_hz: Annotated[
        float,
        Parameter(
            "our car's body keeps out what is above",
            low=200,
            high=20000,
            unit="Hz",
            default={"log_uniform": [700, 2000]},
        ),
    ] = 1200.0
    seed: int = 0

    def __call__(self, num_samples: int, *, sample_rate: int) -> Samples:
        """Synthesize the sound: float64, shape (num_samples,), full scale 1.0."""
        count = count_sounding(self, num_samples, sample_rate)
        gain, clock = PassBy(self.distance_m, self.speed_kmh, self.seconds).at_listener(count, sample_rate)
        sound = play_tone(self._cycle(sample_rate), self._phase(clock))
        gain *= 0.1
        sound *= gain
        sound = muffle(sound, self.muffle_hz, order=2, sample_rate=sample_rate)
        edge = min(_EDGE_S, self.seconds / 4)
        swell(sound, seconds=self.seconds, rise_s=edge, fall_s=edge, sample_rate=sample_rate)
        return fade_out(sound, num_samples, sample_rate)

    def _cycle(self, sample_rate: int) -> Samples:
        phases = audio_generator(self.seed).uniform(0, 2 * math.pi, _HARMONICS)
        highest_hz = self.hz * (self.ratio if self.kind == "two_tone" else _WAIL[1])
        # 1.05: the Doppler shift may raise it so far
        count = max(1, harmonics_below(1.05 * highest_hz, _HARMONICS, sample_rate))
        return make_cycle(np.arange(1.0, count + 1) ** -1.5, phases[:count])

    def _phase(self, clock: Samples) -> Samples:
        """Return how many cycles the siren has played by these times on its clock (s, ascending, from 0)."""
        period, tones = self._tones()
        length = period / len(tones)
        cycles = np.concatenate([[0.0], np.cumsum(tones)]) * length
        position = clock / period
        periods = np.floor(position)
        position -= periods
        position *= len(tones)
        phase = interpolate(cycles, position)
        periods *= cycles[-1]
        phase += periods
        return phase

    def _tones(self) -> tuple[float, Samples]:
        """Return the period in s, and the frequencies in Hz in its equal steps."""
        if self.kind == "two_tone":
            return self.period_s, np.array([self.hz, self.hz * self.ratio])
        low, high = self.hz * _WAIL[0], self.hz * _WAIL[1]
        risen = 0.5 - 0.5 * np.cos(2 * math.pi * (np.arange(_GLIDE_STEPS) + 0.5) / _GLIDE_STEPS)
        return _WAIL_PERIODS * self.period_s, low + (high - low) * risen
