"""The two noise pools of each layer: one for train and train-dev, one for train-dev-noise alone; nothing in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synth.catalog.synthesized_noise import SynthesizedFile
from synth.dsp.segments import Circle
from synth.plan.splits import HELD_OUT_SPLIT
from synth.recipe.model import Recipe

POOLS = ("train", "held_out")


@dataclass(frozen=True, slots=True)
class PoolRecording:
    """A noise recording in one pool of one layer."""

    index: int  #: into the noise catalog
    id: str
    circle: Circle  #: its usable sound in this pool
    group: str  #: the recordings of one group count as one recording
    grown_file: SynthesizedFile | None = None  #: set if it is a file of `synth grow`


Pools = Mapping[tuple[str, str], tuple[PoolRecording, ...]]
"""(layer name, pool) -> its recordings."""


def needs_held_out(recipe: Recipe) -> bool:
    """Whether the recipe makes a split with held-out noise."""
    return recipe.splits.shares.get(HELD_OUT_SPLIT, 0) > 0
