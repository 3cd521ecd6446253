"""pitch: shift in semitones and keep the duration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect
from synth.dsp.effects.playback import Playback
from synth.dsp.effects.stretch import DEFAULT_ENGINE, ENGINE_HELP, ENGINE_MODULES, ENGINES, resample_and_stretch
from synth.dsp.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Pitch(Effect):
    """Up by `semitones` (down if negative), equal-tempered: frequencies times 2 ** (semitones / 12).

    Built as resampling and tempo, because Signalsmith's own transposition is 13 cents off on a harmonic tone.
    """

    name = "pitch"
    main = "semitones"
    slow_modules_of = ENGINE_MODULES

    semitones: Annotated[
        float, Parameter("up, or down where negative; the duration stays", low=-12, high=12, unit="semitones")
    ]
    engine: Annotated[str, Parameter(ENGINE_HELP, choices=ENGINES)] = DEFAULT_ENGINE

    @property
    def ratio(self) -> float:
        """Return the factor on every frequency."""
        return float(2.0 ** (self.semitones / 12))

    def merge_into(self, playback: Playback) -> Playback | None:
        """Return `playback` followed by this effect, or None (`Effect.merge_into`)."""
        return playback.then_stretch(self.engine, playback.num_samples, ratio=self.ratio)

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return resample_and_stretch(
            samples,
            rate_in=self.ratio,
            rate_out=1,
            num_samples=len(samples),
            source_rate=sample_rate,
            sample_rate=sample_rate,
            engine=self.engine,
        )
