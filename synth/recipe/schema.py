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
    """The schema of what `load_recipe` reads, `extends` included. What needs two keys at once it cannot say."""
    recipe = RECIPE.schema()
    extends = {"type": ["string", "null"], "description": "another recipe, whose keys this one replaces"}
    # a recipe that extends another need not say everything itself
    complete = {"if": {"required": ["extends"]}, "else": {"required": recipe.pop("required")}}
    recipe["properties"] = {"extends": extends} | recipe["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "synth recipe",
        **recipe,
        **complete,
        "$defs": {
            "distribution": _distribution(tuple(COMPANIONS)),
            "whole": _distribution(WHOLE),
            "effect": effect_schema(),
        },
    }


def _distribution(names: tuple[str, ...]) -> dict[str, Any]:
    """A mapping that names exactly one of these distributions."""
    return {"oneOf": [_named(name, COMPANIONS[name]) for name in names]}


def _named(name: str, beside: str | None) -> dict[str, Any]:
    keys = [name] if beside is None else [name, beside]
    properties = {key: _PAIR if key in _PAIRS else _NUMBERS for key in keys}
    return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}
