"""The recipe that `synth generate` saves with a data set: where its relative paths start from.

`recipe.yaml` of a data set has the paths of the recipe that was run, so that the files of a data set do not depend on
where it is made. The folder that these paths start from is in `.synth/plan.json`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePath

from synth.errors import UsageError
from synth.paths.folders import PLAN, PRIVATE, is_data_set
from synth.recipe.model import Recipe

SAVED_NAME = "recipe.yaml"
_MOST_BYTES = 1 << 26


def folder_of_paths(recipe: Path) -> Path:
    """The real folder that the relative paths of a recipe file start from: its own, unless a data set has saved it."""
    own = Path(os.path.realpath(recipe.parent))
    return (_recorded_folder(own) or own) if _is_saved(recipe, own) else own


def check_paths_known(path: Path, recipe: Recipe) -> None:
    """Refuse a saved recipe whose relative paths cannot be followed any more.

    Raises:
        UsageError: the folder that they start from is not recorded, or gone.
    """
    own = Path(os.path.realpath(path.parent))
    if not _is_saved(path, own):
        return
    sources = (text for source in recipe.sources for text in (source.path, source.manifest))
    texts = [text for text in (*sources, *(condition.cases for condition in recipe.conditions)) if text is not None]
    relative = next((text for text in texts if not PurePath(text).is_absolute()), None)
    recorded = _recorded_folder(own)
    if relative is None or (recorded is not None and recorded.is_dir()):
        return
    if recorded is None:
        why = f"{own / PRIVATE / PLAN}, which records that folder, is missing or damaged"
    else:
        why = f"that folder, {recorded}, does not exist"
    raise UsageError(
        f"{path}: this recipe was saved with a data set, and its paths, such as {relative}, start from the folder of "
        f"the recipe that the data set was made with; {why}. Copy {path.name} to a folder from which its paths lead to "
        "the audio, and run that copy"
    )


def _is_saved(recipe: Path, own: Path) -> bool:
    return recipe.name == SAVED_NAME and is_data_set(own)


def _recorded_folder(data_set: Path) -> Path | None:
    try:
        with (data_set / PRIVATE / PLAN).open("rb") as file:
            folder = json.loads(file.read(_MOST_BYTES))["recipe_folder"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Path(folder) if isinstance(folder, str) and PurePath(folder).is_absolute() else None
