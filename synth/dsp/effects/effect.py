"""What an effect is: a frozen dataclass of parameters that can be called on samples."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, TypeAlias

from synth.dsp.arrays import Samples
from synth.dsp.effects.playback import Playback
from synth.dsp.parameters import Parametrized
from synth.units import scaled_length

Report: TypeAlias = dict[str, Any]
"""What a library drew at random while it rendered: parameter -> JSON value."""


class Effect(Parametrized):
    """Base of all effects. One that changes the length or moves the signal says so by the methods below.

    An effect never changes its input, and the same fields give the same samples in any process.
    """

    __slots__ = ()

    keeps_length: ClassVar[bool] = True
    """False: not allowed in a channel, whose stems must stay aligned."""
    before_resampling: ClassVar[bool] = False
    """True: counts in samples of the recording at its own rate, and so runs first."""

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        """Return exactly how many samples come out of `num_samples` at `sample_rate` (Hz)."""
        return num_samples

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        """Return where sample `position` of an input of `num_samples` is in the output (for alignments)."""
        return position

    def merge_into(self, playback: Playback) -> Playback | None:
        """Return `playback` followed by this effect, so that both cost one pass; None if that is not possible.

        Speed, tempo, pitch and the resampling to the data set's rate merge: each pass of a resampler or a stretch
        costs time and quality. A mere resampling (`Playback.resampling`) takes any of them.
        """
        return None

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect.

        Args:
            samples: float64, shape (n,), full scale 1.0.
            sample_rate: Hz.

        Returns:
            float64, shape (output_length(n),). May share memory with the input.
        """
        raise NotImplementedError

    def apply_and_report(self, samples: Samples, *, sample_rate: int) -> tuple[Samples, Report | None]:
        """Apply the effect, and also return what a library drew while it rendered; None for effects of our own.

        Args:
            samples: float64, shape (n,), full scale 1.0.
            sample_rate: Hz.
        """
        return self(samples, sample_rate=sample_rate), None


class TimeScale(Effect):
    """Base of effects that play `factor` times as fast; the factor counts in whole thousandths."""

    __slots__ = ()

    keeps_length = False
    factor: float

    def output_length(self, num_samples: int, sample_rate: int) -> int:
        """Return the length over the factor, exactly: integer arithmetic, rounded half up."""
        return scaled_length(num_samples, self.factor)

    def map_position(self, position: int, num_samples: int, sample_rate: int) -> int:
        """Return the position over the factor, rounded as the length is."""
        return scaled_length(position, self.factor)


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """Return `{"name": ..., **fields}`: the manifest's form, which `effect_from_json` reads."""
    fields = {f.name: getattr(effect, f.name) for f in dataclasses.fields(effect)}  # type: ignore[arg-type]
    return {"name": effect.name, **fields}
