"""The noise of a plan as samples: read from decoded recordings, or synthesized. Memory does not grow with the plan."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar
from weakref import WeakMethod

import numpy as np

from synth.catalog.noise_store import NoiseStore
from synth.dsp.analysis import power_table
from synth.dsp.arrays import Samples
from synth.dsp.generators.generator import Material
from synth.dsp.segments import read_circle
from synth.plan.clip_spec import ClipSpec, NoiseSegment, PlannedEvent, RecordingSpan
from synth.plan.plan import Plan
from synth.render.noise_power import TabulatedPowers
from synth.render.stored_noise import Noise, StoredNoise
from synth.units import seconds_to_samples

T = TypeVar("T")

_MATERIALS_KEPT: Final = 24  # of 30 s at 16 kHz and int16: 1 MB each, and 3 to 6 MB of what is known of them
_LARGE: Final = ("separate",)  # generators that keep two whole recordings of each material
_LARGE_KEPT: Final = 3
_FADE_IN_SECONDS: Final = 0.002
_FADE_OUT_SECONDS: Final = 0.01


def keep_results(method: Callable[..., T], count: int) -> Callable[..., T]:
    """The bound method with its last `count` results kept, without holding its object.

    A plain lru_cache on a method makes a cycle, and the files of a plan would stay open until garbage is collected.
    """
    weak = WeakMethod(method)

    @lru_cache(maxsize=count)
    def call(*args: Any) -> T:
        bound = weak()
        assert bound is not None, "whoever calls holds the object"
        return bound(*args)

    return call


class NoiseReader:
    """Reads the noise of a plan's clips. What was found out about a recording is kept for the next clip."""

    def __init__(self, plan: Plan, store: NoiseStore) -> None:
        self._plan = plan
        self._store = store
        self._material = keep_results(self._read_material, _MATERIALS_KEPT)
        self._large_material = keep_results(self._read_material, _LARGE_KEPT)

    def read_segment(self, spec: ClipSpec, segment: NoiseSegment) -> Noise:
        """Read or synthesize a noise segment: shape (source_num_samples,), in the scale of its recording.

        It is as it is stored, unless it is synthesized or runs over a join of its recording.
        """
        if segment.synthesis is None:
            span = RecordingSpan(segment.recording, segment.recording_id, segment.offset, segment.source_num_samples)
            circle = self._plan.circle(segment.layer, spec.pool, segment.recording)
            start = circle.place_without_join(span.offset, span.num_samples)
            if start is None:
                return self._read_recorded(segment.layer, spec.pool, span)
            steps = self._store.samples(segment.recording)[start : start + span.num_samples]
            return StoredNoise(steps, self._store.scale(segment.recording))
        read = self._large_material if segment.kind in _LARGE else self._material
        materials = [read(segment.layer, spec.pool, span) for span in segment.synthesis.materials]
        generator = segment.synthesis.generator
        return generator(segment.source_num_samples, sample_rate=spec.sample_rate, materials=materials)

    def read_event(self, spec: ClipSpec, event: PlannedEvent) -> Samples:
        """Read or synthesize an event: float64, shape (num_samples,)."""
        if event.synthesized is not None:
            return event.synthesized(event.num_samples, sample_rate=spec.sample_rate)
        assert event.recorded is not None
        samples = self._read_recorded(event.layer, spec.pool, event.recorded)
        return fade_ends(samples, sample_rate=spec.sample_rate)

    def look_up_powers(self, spec: ClipSpec, segment: NoiseSegment, start: int, stop: int) -> TabulatedPowers:
        """Powers of samples start..stop of a noise segment that no effect has changed."""
        circle = self._plan.circle(segment.layer, spec.pool, segment.recording)
        table, length = self._store.power_table(segment.recording), int(self._store.num_samples[segment.recording])
        energy, at, joins = np.zeros(len(power_table.WEIGHTINGS)), 0, 0
        for stretch, inside, count in circle.runs(segment.offset, segment.source_num_samples):
            first, last = max(start, at), min(stop, at + count)
            if first < last:
                source = circle.stretches[stretch][0] + inside - at
                energy += power_table.energy_between(table, source + first, source + last, num_samples=length)
            joins += inside < circle.crossfade
            at += count
        power = energy * (self._store.scale(segment.recording) ** 2 / (stop - start))
        # The table was filtered through the whole recording; a segment starts from silence, and its filter settles.
        exact = joins == 0 and start >= power_table.SETTLING_SECONDS * spec.sample_rate
        return TabulatedPowers(dict(zip(power_table.WEIGHTINGS, map(float, power), strict=True)), exact)

    def _read_recorded(self, layer: str, pool: str, span: RecordingSpan) -> Samples:
        samples = self._read_steps(layer, pool, span)
        samples *= self._store.scale(span.recording)
        return samples

    def _read_material(self, layer: str, pool: str, span: RecordingSpan) -> Material:
        steps = np.rint(self._read_steps(layer, pool, span)).clip(-32768, 32767).astype(np.int16)
        return Material(steps, scale=self._store.scale(span.recording), sample_rate=self._plan.recipe.sample_rate)

    def _read_steps(self, layer: str, pool: str, span: RecordingSpan) -> Samples:
        """Samples of a recording in steps of its int16, shape (num_samples,); fractions at the joins."""
        circle = self._plan.circle(layer, pool, span.recording)
        samples = self._store.samples(span.recording)
        return read_circle(samples, circle, offset=span.offset, num_samples=span.num_samples)


def fade_ends(samples: Samples, *, sample_rate: int) -> Samples:
    """A copy of samples that begins and ends without a click, float64, shape (n,); `sample_rate` in Hz."""
    faded = samples.copy()
    for seconds, direction in ((_FADE_IN_SECONDS, slice(None)), (_FADE_OUT_SECONDS, slice(None, None, -1))):
        count = min(len(faded), seconds_to_samples(seconds, sample_rate))
        faded[direction][:count] *= (np.arange(count) + 0.5) / count
    return faded
