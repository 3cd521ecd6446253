"""The recipes of a fit: the user's own, with other sources or seen from another folder, and the text of the result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from synth import files
from synth.catalog.source_files import source_from_path
from synth.errors import UsageError
from synth.recipe.load import load_recipe
from synth.recipe.model import Recipe, Source
from synth.recipe.resolved import PlainYaml, resolved_dict

_LIST_NAMES = ("metadata.csv", "manifest.csv")
# Written even if they are as by default: a reader looks for them.
_ALWAYS_WRITTEN = ("schema", "seed", "sample_rate", "copies", "hours", "name", "path", "weight", "snr_db", "train")
_COMMENTS = {
    "speech": "the clean speech",
    "margins_s": "noise only, before and after the speech",
    "noise": "the noise; if a condition has cases or a spectrum, a clip's noise is equalized before its SNR is set",
    "level_dbfs": "of the finished clip (RMS), unless its condition says otherwise",
    "conditions": "a clip draws one of these first; its values replace those above",
}
_LEAST_RECIPE = """\
schema: 1
seed: 0
copies: 1
speech: {sources: x}
noise: {snr_db: 0, layers: [{name: a, sources: x}]}
conditions: [{name: a}]
"""


def base_recipe(
    path: Path, overrides: Sequence[str] = (), *, speech: Path | None = None, noise: Path | None = None
) -> Recipe:
    """The recipe of a file, without conditions.

    Args:
        path: the recipe.
        overrides: as in `load_recipe`.
        speech: a folder or list that replaces the speech.
        noise: a folder or list that replaces the noise of the first layer.

    Raises:
        RecipeError: mistakes in the recipe.
        UsageError: the recipe mixes no noise, or a folder is missing.
    """
    recipe = replace(load_recipe(path, overrides), conditions=())
    if recipe.noise is None or not recipe.noise.layers:
        raise UsageError(f"{path}: the recipe mixes no noise, so there is nothing to match; give it a layer of noise")
    if speech is not None:
        source = source_from_path(speech, name="speech", list_names=_LIST_NAMES)
        recipe = replace(recipe, speech=replace(recipe.speech, sources=(source,)))
    if noise is not None:
        source = source_from_path(noise, name="noise", list_names=_LIST_NAMES)
        assert recipe.noise is not None
        layers = (replace(recipe.noise.layers[0], sources=(source,)), *recipe.noise.layers[1:])
        recipe = replace(recipe, noise=replace(recipe.noise, layers=layers))
    return recipe


def with_paths_from(recipe: Recipe, folder: Path) -> Recipe:
    """The same recipe for a file in another folder: its relative paths lead to the same files."""

    def path_of(text: str) -> str:
        return Path(os.path.relpath(recipe.folder.absolute() / text, folder.absolute())).as_posix()

    def moved(sources: Sequence[Source]) -> tuple[Source, ...]:
        return tuple(
            replace(s, path=path_of(s.path), manifest=None if s.manifest is None else path_of(s.manifest))
            for s in sources
        )

    speech, noise = recipe.speech, recipe.noise
    room = None if speech.room is None else replace(speech.room, sources=moved(speech.room.sources))
    if noise is not None:
        layers = tuple(replace(layer, sources=moved(layer.sources)) for layer in noise.layers)
        events = tuple(replace(event, sources=moved(event.sources)) for event in noise.events)
        noise = replace(noise, layers=layers, events=events)
    speech = replace(speech, sources=moved(speech.sources), room=room)
    return replace(recipe, folder=folder.absolute(), speech=speech, noise=noise)


def recipe_text(recipe: Recipe, notes: Sequence[str]) -> str:
    """The recipe as a person would write it: without values that are the default, and with a comment per section."""
    with files.scratch_folder() as folder:
        files.write_file(folder / "least.yaml", _LEAST_RECIPE.encode())
        defaults = resolved_dict(load_recipe(folder / "least.yaml"))
    lines = [*(f"# {note}" for note in notes), ""]
    for key, value in _without_defaults(resolved_dict(recipe), defaults).items():
        if key in _COMMENTS:
            lines.append(f"\n# {_COMMENTS[key]}")
        # None: mappings of plain values on one line, others in a block; this must not be set for plain values.
        style = {"default_flow_style": None} if isinstance(value, dict | list) else {}
        text = yaml.dump({key: value}, Dumper=PlainYaml, sort_keys=False, allow_unicode=True, width=118, **style)
        lines.append(text.rstrip("\n"))
    return "\n".join(lines) + "\n"


def _without_defaults(value: Any, default: Any) -> Any:
    """The value without what equals the default; items of a list are compared with the default's first item."""
    if isinstance(value, dict) and isinstance(default, dict):
        return {
            key: _without_defaults(item, default.get(key))
            for key, item in value.items()
            if (key in _ALWAYS_WRITTEN and item is not None) or key not in default or item != default[key]
        }
    if isinstance(value, list) and isinstance(default, list) and default and isinstance(default[0], dict):
        return [_without_defaults(item, default[0]) for item in value]
    return value
