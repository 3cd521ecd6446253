"""A chain of effects: lengths and positions by arithmetic alone, and the rendering."""

from __future__ import annotations

from collections.abc import Sequence

from synth.dsp.effects.effect import Effect
from synth.dsp.effects.trim import Trim
from synth.units import resampled_length


def planned_length(num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> int:
    """Samples that `run_chain` gives for `num_samples` of a source, exactly."""
    return _walk(0, num_samples, source_rate, sample_rate, effects)[1]


def map_position(
    position: int, num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]
) -> int:
    """Where sample `position` of a source of `num_samples` comes to lie in the result of `run_chain`."""
    return _walk(position, num_samples, source_rate, sample_rate, effects)[0]


def _walk(
    position: int, length: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]
) -> tuple[int, int]:
    """(position, length) after the whole chain: trim, resampling, the rest in order."""
    rate = source_rate
    for effect in effects:
        if rate != sample_rate and not isinstance(effect, Trim):
            position, length = _resampled(position, length, rate, sample_rate)
            rate = sample_rate
        position, length = effect.map_position(position, length, rate), effect.output_length(length, rate)
    return _resampled(position, length, rate, sample_rate)


def _resampled(position: int, length: int, rate_in: int, rate_out: int) -> tuple[int, int]:
    return resampled_length(position, rate_in, rate_out), resampled_length(length, rate_in, rate_out)
