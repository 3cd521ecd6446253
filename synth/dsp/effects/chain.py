"""A chain of effects: lengths and positions by arithmetic alone, and the rendering.

The order is: trims that stand first (in samples of the source), resampling to the data set's rate, the other effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from synth.dsp.arrays import Samples
from synth.dsp.effects.audiomentations import Audiomentations
from synth.dsp.effects.effect import Effect
from synth.dsp.effects.pitch import Pitch
from synth.dsp.effects.playback import Playback
from synth.dsp.effects.speed import Speed
from synth.dsp.effects.tempo import Tempo
from synth.dsp.effects.trim import Trim
from synth.units import resampled_length

Drawn = dict[str, Any]
"""What a library drew at random while it rendered: parameter -> JSON value."""


def planned_length(num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> int:
    """Samples that `run_chain` gives for `num_samples` of a source, exactly."""
    return _walk(0, num_samples, source_rate, sample_rate, effects)[1]


def map_position(position: int, num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> int:
    """Where sample `position` of a source of `num_samples` comes to lie in the result of `run_chain`."""
    return _walk(position, num_samples, source_rate, sample_rate, effects)[0]


def run_chain(
    samples: Samples, *, source_rate: int, sample_rate: int, effects: Sequence[Effect]
) -> tuple[Samples, list[Drawn | None]]:
    """Resample and apply the effects in their order.

    Parameters
    ----------
    samples: shape (n,), at `source_rate`; not changed, but the result may share its memory.
    source_rate, sample_rate: Hz.
    effects: neighbours among speed, tempo and pitch, and the resampling, cost one pass of soxr and one stretch.

    Returns
    -------
    Samples at `sample_rate`, shape (planned_length(n, ...),), and for each effect what it drew by itself, or None.
    """
    trims = list(takewhile(lambda effect: isinstance(effect, Trim), effects))
    for trim in trims:
        samples = trim(samples, sample_rate=source_rate)
    drawn: list[Drawn | None] = [None] * len(trims)
    pending = Playback.resampling(len(samples), source_rate, sample_rate)
    for effect in effects[len(trims) :]:
        record = None
        if not isinstance(effect, (Speed, Tempo, Pitch)):
            samples, record = _apply(effect, pending(samples), sample_rate)
            pending = Playback.resampling(len(samples), sample_rate, sample_rate)
        elif pending.takes(effect):
            pending = pending.then(effect)
        else:
            samples = pending(samples)
            pending = Playback.resampling(len(samples), sample_rate, sample_rate).then(effect)
        drawn.append(record)
    return pending(samples), drawn


def _apply(effect: Effect, samples: Samples, sample_rate: int) -> tuple[Samples, Drawn | None]:
    if isinstance(effect, Audiomentations):
        return effect.apply_with_parameters(samples, sample_rate=sample_rate)
    return effect(samples, sample_rate=sample_rate), None


def _walk(position: int, length: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> tuple[int, int]:
    """(position, length) after the whole chain."""
    rate = source_rate
    for effect in effects:
        if rate != sample_rate and not isinstance(effect, Trim):
            position, length = _resampled(position, length, rate, sample_rate)
            rate = sample_rate
        position, length = effect.map_position(position, length, rate), effect.output_length(length, rate)
    return _resampled(position, length, rate, sample_rate)


def _resampled(position: int, length: int, rate_in: int, rate_out: int) -> tuple[int, int]:
    return resampled_length(position, rate_in, rate_out), resampled_length(length, rate_in, rate_out)
