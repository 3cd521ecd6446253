"""Writes what is said about each broken recipe: `python tests/recipe/expected.py`. Read the differences before committing."""

from __future__ import annotations

import os
from pathlib import Path

from synth.errors import RecipeError
from synth.recipe.load import load_recipe

BROKEN = Path(__file__).parent / "broken"


def messages(name: str) -> list[str]:
    """The mistakes of `broken/<name>.yaml`, as a user in that folder sees them."""
    before = Path.cwd()
    os.chdir(BROKEN)
    try:
        load_recipe(f"{name}.yaml")
    except RecipeError as error:
        return error.mistakes
    finally:
        os.chdir(before)
    return []


if __name__ == "__main__":
    for recipe in sorted(BROKEN.glob("*.yaml")):
        recipe.with_suffix(".txt").write_text("\n".join(messages(recipe.stem)) + "\n", encoding="utf-8")
