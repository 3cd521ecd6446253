"""Resampling, speed, tempo and pitch merged into one step: at most one pass of soxr and one stretch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from synth.dsp.arrays import Samples
from synth.dsp.effects.stretch import resample_and_stretch
from synth.dsp.resample import resample
from synth.units import resampled_length


@dataclass(frozen=True, slots=True)
class Playback:
    """From samples at `source_rate` to `num_samples` at `sample_rate`: resampled by rate_out / rate_in, stretched."""

    num_samples: int  # of the result
    source_rate: int  # Hz
    sample_rate: int  # Hz, of the result
    rate_in: float
    rate_out: float
    engine: str | None = None  # of the stretch (synth.dsp.effects.stretch.ENGINES); None if there is none

    @classmethod
    def resampling(cls, num_samples: int, source_rate: int, sample_rate: int) -> Playback:
        """Return the resampling of `num_samples` at `source_rate` to `sample_rate`, and nothing else."""
        length = resampled_length(num_samples, source_rate, sample_rate)
        return cls(length, source_rate, sample_rate, rate_in=source_rate, rate_out=sample_rate)

    def then_stretch(self, engine: str, num_samples: int, *, ratio: float = 1.0) -> Playback | None:
        """Return this, then played `ratio` times as fast and stretched to `num_samples`.

        None if this is already a stretch by another engine: one pass has one engine.
        """
        if self.engine not in (None, engine):
            return None
        # a tempo has ratio 1.0, and x * 1.0 is x to the bit
        return replace(self, num_samples=num_samples, rate_in=self.rate_in * ratio, engine=engine)

    def __call__(self, samples: Samples) -> Samples:
        """Play samples of shape (n,) at `source_rate`; returns shape (num_samples,) at `sample_rate`."""
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
