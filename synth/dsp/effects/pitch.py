"""pitch: shift in semitones and keep the duration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Parameter, SameLength
from synth.dsp.effects.stretch import ENGINES, resample_and_stretch


@dataclass(frozen=True, slots=True)
class Pitch(SameLength):
    """Up by `semitones` (down where negative), equal-tempered: frequencies times 2 ** (semitones / 12).

    Built as resampling and tempo, because Signalsmith's own transposition is 13 cents off on a harmonic tone.
    """

    semitones: float
    engine: str = "signalsmith"

    name: ClassVar[str] = "pitch"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "semitones": Parameter("up, or down where negative; the duration stays", low=-12, high=12, unit="semitones"),
        "engine": Parameter(
            "signalsmith keeps clicks sharp; librosa is the phase vocoder",
            default="signalsmith",
            choices=ENGINES,
        ),
    }
    main: ClassVar[str | None] = "semitones"
    needs_seed: ClassVar[bool] = False

    @property
    def ratio(self) -> float:
        """What every frequency is multiplied by."""
        return float(2.0 ** (self.semitones / 12))

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return resample_and_stretch(
            samples,
            rate_in=self.ratio,
            rate_out=1,
            num_samples=len(samples),
            source_rate=sample_rate,
            sample_rate=sample_rate,
            engine=self.engine,
        )
