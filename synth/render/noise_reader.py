"""The noise of a plan as samples: read from decoded recordings, or grown. Memory does not grow with the plan."""

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
from synth.render.noise_stem import KnownPowers
from synth.units import seconds_to_samples

T = TypeVar("T")

_MATERIALS_KEPT: Final = 24  # of 30 s at 16 kHz and int16: 1 MB each, and 3 to 6 MB of what is known of them
_LARGE: Final = ("separate",)  # keeps two whole recordings of each
_LARGE_KEPT: Final = 3
_FADE_IN_SECONDS: Final = 0.002
_FADE_OUT_SECONDS: Final = 0.01


def remembered(method: Callable[..., T], count: int) -> Callable[..., T]:
    """The bound method with its last `count` answers kept, without holding its object: the files of a plan are closed
    when nobody has it any more, not when garbage is collected."""
    weak = WeakMethod(method)

    @lru_cache(maxsize=count)
    def called(*args: Any) -> T:
        bound = weak()
        assert bound is not None, "whoever calls holds the object"
        return bound(*args)

    return called


class NoiseReader:
    """Reads what a plan's clips ask for. What was found out about a recording is kept for the next clip."""

    def __init__(self, plan: Plan, store: NoiseStore) -> None:
        self._plan = plan
        self._store = store
        self._material = remembered(self._read_material, _MATERIALS_KEPT)
        self._large = remembered(self._read_material, _LARGE_KEPT)

    def piece(self, spec: ClipSpec, piece: NoiseSegment) -> Samples:
        """The source samples of a noise piece, shape (source_num_samples,), in the scale of its recording."""
        if piece.synthesis is None:
            place = RecordingSpan(piece.recording, piece.recording_id, piece.offset, piece.source_num_samples)
            return self._recorded(piece.layer, spec.pool, place)
        read = self._large if piece.kind in _LARGE else self._material
        materials = [read(piece.layer, spec.pool, place) for place in piece.synthesis.materials]
        generator = piece.synthesis.generator
        return generator(piece.source_num_samples, sample_rate=spec.sample_rate, materials=materials)

    def event(self, spec: ClipSpec, event: PlannedEvent) -> Samples:
        """The samples of an event, shape (num_samples,)."""
        if event.synthesized is not None:
            return event.synthesized(event.num_samples, sample_rate=spec.sample_rate)
        assert event.recorded is not None
        samples = self._recorded(event.layer, spec.pool, event.recorded)
        return faded(samples, sample_rate=spec.sample_rate)

    def _recorded(self, layer: str, pool: str, place: RecordingSpan) -> Samples:
        circle = self._plan.circle(layer, pool, place.recording)
        samples = self._store.samples(place.recording)
        found = read_circle(samples, circle, offset=place.offset, num_samples=place.num_samples)
        found *= self._store.scale(place.recording)
        return found

    def _read_material(self, layer: str, pool: str, place: RecordingSpan) -> Material:
        circle = self._plan.circle(layer, pool, place.recording)
        samples = self._store.samples(place.recording)
        joined = read_circle(samples, circle, offset=place.offset, num_samples=place.num_samples)
        whole = np.rint(joined).clip(-32768, 32767).astype(np.int16)
        return Material(whole, scale=self._store.scale(place.recording), sample_rate=self._plan.recipe.sample_rate)

    def known_powers(self, spec: ClipSpec, piece: NoiseSegment, start: int, stop: int) -> KnownPowers:
        """Powers of samples start..stop of a noise piece that no effect has changed, from its recording's power
        table."""
        circle = self._plan.circle(piece.layer, spec.pool, piece.recording)
        table, length = self._store.power_table(piece.recording), int(self._store.num_samples[piece.recording])
        energy, at, joins = np.zeros(len(power_table.WEIGHTINGS)), 0, 0
        for stretch, inside, count in circle.runs(piece.offset, piece.source_num_samples):
            first, last = max(start, at), min(stop, at + count)
            if first < last:
                source = circle.stretches[stretch][0] + inside - at
                energy += power_table.energy_between(table, source + first, source + last, num_samples=length)
            joins += inside < circle.crossfade
            at += count
        power = energy * (self._store.scale(piece.recording) ** 2 / (stop - start))
        exact = joins == 0 and start >= power_table.SETTLING_SECONDS * spec.sample_rate
        return KnownPowers(dict(zip(power_table.WEIGHTINGS, map(float, power), strict=True)), exact)


def faded(samples: Samples, *, sample_rate: int) -> Samples:
    """The samples without a click at either end, shape (n,)."""
    made = samples.copy()
    for seconds, end in ((_FADE_IN_SECONDS, slice(None)), (_FADE_OUT_SECONDS, slice(None, None, -1))):
        count = min(len(made), seconds_to_samples(seconds, sample_rate))
        made[end][:count] *= (np.arange(count) + 0.5) / count
    return made
