"""Noise synthesizers, one per file; `GENERATORS` lists them. Imports `dsp` and the ground."""

from __future__ import annotations

from synth.dsp.generators.cabin import Cabin
from synth.dsp.generators.generator import Generator
from synth.dsp.generators.quilt import Quilt
from synth.dsp.generators.separate import Separate
from synth.dsp.generators.shaped import Shaped

GENERATORS: dict[str, type[Generator]] = {
    "quilt": Quilt,
    "shaped": Shaped,
    "separate": Separate,
    "cabin": Cabin,
}
"""Every generator by the name that a recipe uses; the place of one here is its number in a plan's tables."""
