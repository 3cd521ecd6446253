"""The folders that a recipe's audio lies in, which no output may be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from synth.recipe.model import Recipe, Source


def source_folders(recipe: Recipe) -> tuple[Path, ...]:
    """The absolute folders (or files) of all sources: speech, noise, events and rooms.

    A source with a list counts only if its list lies in the source's folder and the recipe does not. A folder that
    holds both list and recipe is a project folder, where outputs belong; what is written there is in no list.
    """
    return tuple(dict.fromkeys(folder for source in recipe.sources for folder in _folders(source, recipe.folder)))


def _folders(source: Source, home: Path) -> Iterator[Path]:
    root = Path(os.path.realpath(home / source.path))
    if source.manifest is None:
        yield root
        return
    beside = Path(os.path.realpath(home / source.manifest)).parent
    holds_recipe = root == home or root in home.parents
    if (beside == root or root in beside.parents) and not holds_recipe:
        yield root
