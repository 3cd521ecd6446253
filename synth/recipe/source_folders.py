"""The folders that a recipe's audio is in, which no output may be written to."""

from __future__ import annotations

import os
from pathlib import Path

from synth.recipe.model import Recipe


def source_folders(recipe: Recipe) -> tuple[Path, ...]:
    """The absolute folders (or files) of all sources: speech, noise, events and rooms.

    A source with a list counts only if its list is in the source's folder and the recipe is not. A folder that holds
    both list and recipe is a project folder, where outputs belong; what is written there is in no list.
    """
    folders: list[Path] = []
    for source in recipe.sources:
        root = Path(os.path.realpath(recipe.folder / source.path))
        if source.manifest is not None:
            list_folder = Path(os.path.realpath(recipe.folder / source.manifest)).parent
            if not list_folder.is_relative_to(root) or recipe.folder.is_relative_to(root):
                continue
        folders.append(root)
    return tuple(dict.fromkeys(folders))
