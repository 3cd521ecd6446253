"""Planned clips rendered in memory: to measure what a recipe would make, without making it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synth.catalog.noise_store import NoiseStore
from synth.dsp.arrays import Samples
from synth.errors import BadInput
from synth.plan.clip_spec import ClipSpec
from synth.plan.plan import Plan
from synth.render.clip import Measurements
from synth.render.clip_renderer import ClipRenderer
from synth.render.progress import NoProgress


@dataclass(frozen=True, slots=True)
class SimulatedClip:
    """One clip as it would be written."""

    spec: ClipSpec
    samples: Samples  # shape (num_samples,), after rounding to 16 bits, full scale 1.0
    measurements: Measurements


def simulate(plan: Plan, noise: NoiseStore, indices: Iterable[int]) -> Iterator[SimulatedClip]:
    """Render the clips at these indices of a plan, in this order; clips that cannot be made are left out.

    `plan` and `noise` are those of `synth.commands.plan.PlannedRecipe`.
    """
    renderer = ClipRenderer(plan, noise)
    for index in indices:
        try:
            clip = renderer.render(index, NoProgress())
        except BadInput:
            continue
        yield SimulatedClip(clip.spec, clip.rendered.pcm / 32768.0, clip.rendered.measurements)
