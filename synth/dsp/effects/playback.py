"""Several changes of speed, tempo and pitch as one: at most one pass of soxr and one stretch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from synth.dsp.arrays import Samples
from synth.dsp.effects.pitch import Pitch
from synth.dsp.effects.speed import Speed
from synth.dsp.effects.stretch import resample_and_stretch
from synth.dsp.effects.tempo import Tempo
from synth.dsp.resample import resample
from synth.units import resampled_length, thousandths


@dataclass(frozen=True, slots=True)
class Playback:
    """From samples at `source_rate` to `num_samples` at `sample_rate`: resampled by rate_out / rate_in, stretched."""

    num_samples: int
    source_rate: int
    sample_rate: int
    rate_in: float
    rate_out: float
    engine: str | None = None
    """Of the stretch; None where there is none."""

    @classmethod
    def resampling(cls, num_samples: int, source_rate: int, sample_rate: int) -> Playback:
        """Of `num_samples` at `source_rate` to `sample_rate`, nothing else."""
        length = resampled_length(num_samples, source_rate, sample_rate)
        return cls(length, source_rate, sample_rate, rate_in=source_rate, rate_out=sample_rate)

    def takes(self, effect: Speed | Tempo | Pitch) -> bool:
        """Whether `then` can add it: all stretches of one playback have the same engine."""
        return isinstance(effect, Speed) or self.engine in (None, effect.engine)

    def then(self, effect: Speed | Tempo | Pitch) -> Playback:
        """This, followed by `effect`. The length is rounded at each step, as it is planned."""
        length = effect.output_length(self.num_samples, self.sample_rate)
        if isinstance(effect, Speed):
            rate_in, rate_out = self.rate_in * thousandths(effect.factor), self.rate_out * 1000
            return replace(self, num_samples=length, rate_in=rate_in, rate_out=rate_out)
        rate_in = self.rate_in * effect.ratio if isinstance(effect, Pitch) else self.rate_in
        return replace(self, num_samples=length, rate_in=rate_in, engine=effect.engine)

    def __call__(self, samples: Samples) -> Samples:
        """Shape (n,) to (num_samples,)."""
        if self.engine is None:
            return resample(samples, rate_in=self.rate_in, rate_out=self.rate_out, num_samples=self.num_samples)
        return resample_and_stretch(
            samples,
            rate_in=self.rate_in,
            rate_out=self.rate_out,
            num_samples=self.num_samples,
            source_rate=self.source_rate,
            sample_rate=self.sample_rate,
            engine=self.engine,
        )
