"""`synth schema`: the JSON Schema of recipes."""

from __future__ import annotations

from synth.cli.output import print_text


def schema() -> None:
    """Print the JSON Schema of recipes.

    Editors use it to complete and check a recipe.
    """
    from synth.commands.schema import schema_text

    print_text(schema_text())
