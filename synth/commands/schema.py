"""The JSON Schema of recipes, as text: `synth schema`, and the file that `synth init` writes beside a recipe."""

from __future__ import annotations

import json

from synth.recipe.schema import json_schema

__all__ = ["schema_text"]


def schema_text() -> str:
    """Return the JSON Schema of recipes, indented, without a line end."""
    return json.dumps(json_schema(), indent=2)
