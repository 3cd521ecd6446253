"""Speech that is taken as it is: one clip per recording, with nothing drawn and nothing done but resampling."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import numpy.typing as npt

from synth.catalog.catalog import Catalog
from synth.recipe.model import Recipe


def unchanged_sources(recipe: Recipe) -> Set[str]:
    """The names of the speech's sources whose recordings are taken as they are."""
    return {source.name for source in recipe.speech.sources if source.unchanged}


def unchanged_recordings(recipe: Recipe, speech: Catalog) -> npt.NDArray[np.bool_]:
    """Whether each recording of the speech is taken as it is, shape (len(speech),)."""
    names = unchanged_sources(recipe)
    by_source = np.array([source.name in names for source in speech.sources], dtype=bool)
    return by_source[speech.source_indices] if len(speech) else np.zeros(0, dtype=bool)
