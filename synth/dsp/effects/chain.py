"""A chain of effects: its lengths and positions by arithmetic alone, and its rendering.

Trims at the start run first, in samples of the source. Then the sound is resampled to the data set's rate, and the
other effects follow in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect, Report
from synth.dsp.effects.playback import Playback
from synth.units import resampled_length


def planned_length(num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> int:
    """Return exactly how many samples `run_chain` gives for `num_samples` of a source."""
    return _walk(0, num_samples, source_rate, sample_rate, effects)[1]


def map_position(position: int, num_samples: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> int:
    """Return where sample `position` of a source of `num_samples` is in the result of `run_chain`."""
    return _walk(position, num_samples, source_rate, sample_rate, effects)[0]


def run_chain(
    samples: Samples, *, source_rate: int, sample_rate: int, effects: Sequence[Effect]
) -> tuple[Samples, list[Report | None]]:
    """Resample and apply the effects in their order.

    Neighbors among speed, tempo and pitch, and the resampling, cost one pass of soxr and one stretch.

    Args:
        samples: float64, shape (n,), at `source_rate`; not changed, but the result may share its memory.
        source_rate: Hz, of `samples`.
        sample_rate: Hz, of the result.
        effects: in their order.

    Returns:
        The samples, shape (planned_length(n, ...),), and for each effect what a library drew, or None.
    """
    first = list(takewhile(lambda effect: effect.before_resampling, effects))
    for effect in first:
        samples = effect(samples, sample_rate=source_rate)
    reports: list[Report | None] = [None] * len(first)
    pending = Playback.resampling(len(samples), source_rate, sample_rate)
    for effect in effects[len(first) :]:
        report = None
        merged = effect.merge_into(pending)
        if merged is None:
            samples = pending(samples)
            pending = Playback.resampling(len(samples), sample_rate, sample_rate)
            merged = effect.merge_into(pending)
        if merged is None:
            samples, report = effect.apply_and_report(samples, sample_rate=sample_rate)
            merged = Playback.resampling(len(samples), sample_rate, sample_rate)
        pending = merged
        reports.append(report)
    return pending(samples), reports


def _walk(position: int, length: int, source_rate: int, sample_rate: int, effects: Sequence[Effect]) -> tuple[int, int]:
    """Return (position, length) after the whole chain."""
    rate = source_rate
    for effect in effects:
        if rate != sample_rate and not effect.before_resampling:
            position, length = (resampled_length(count, rate, sample_rate) for count in (position, length))
            rate = sample_rate
        position, length = effect.map_position(position, length, rate), effect.output_length(length, rate)
    return resampled_length(position, rate, sample_rate), resampled_length(length, rate, sample_rate)
