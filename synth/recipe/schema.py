"""The JSON Schema of a recipe (draft 2020-12), for completion and checks in editors; made from the reader's tables."""

from __future__ import annotations

from typing import Any

from synth.recipe.drawn import COMPANIONS, WHOLE
from synth.recipe.effect_list import effect_schema
from synth.recipe.fields import RECIPE

_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_PAIRS = ("uniform", "log_uniform", "normal", "clip")


def json_schema() -> dict[str, Any]:
    """The schema of what `load_recipe` reads, `extends` included. Rules about two keys at once are not in it."""
    recipe = RECIPE.schema()
    extends = {"type": ["string", "null"], "description": "another recipe, whose keys this one replaces"}
    # a recipe that extends another need not have every required key itself
    complete = {"if": {"required": ["extends"]}, "else": {"required": recipe.pop("required")}}
    recipe["properties"] = {"extends": extends} | recipe["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "synth recipe",
        **recipe,
        **complete,
        "$defs": {
            "distribution": _distributions(tuple(COMPANIONS)),
            "whole": _distributions(WHOLE),
            "effect": effect_schema(),
        },
    }


def _distributions(names: tuple[str, ...]) -> dict[str, Any]:
    """A mapping that names exactly one of these distributions."""
    forms = []
    for name in names:
        keys = [key for key in (name, COMPANIONS[name]) if key is not None]
        properties = {key: _PAIR if key in _PAIRS else _NUMBERS for key in keys}
        forms.append({"type": "object", "properties": properties, "required": [name], "additionalProperties": False})
    return {"oneOf": forms}
