"""A recipe written back with every default filled in, as JSON values and as YAML."""

from __future__ import annotations

from typing import Any

import yaml

from synth.recipe.fields import RECIPE
from synth.recipe.model import Recipe
from synth.recipe.yaml_text import plain_value


class PlainYaml(yaml.SafeDumper):
    """Plain YAML that means the same in YAML 1.1 and in 1.2."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what is not a word in YAML 1.1, but `1e3` and `0o17` are words there and not in 1.2
    style = None if isinstance(plain_value(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


PlainYaml.add_representer(str, _represent_text)
PlainYaml.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


def resolved_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON with every default filled in: equal for recipes that mean the same.

    Paths are as the recipe has them; the recipe's folder is not in it.
    """
    plain = RECIPE.write(recipe)
    assert isinstance(plain, dict)
    return plain


def dump_resolved(recipe: Recipe) -> str:
    """The recipe as YAML with every default filled in; `load_recipe` reads an equal recipe from it."""
    body = yaml.dump(
        resolved_dict(recipe), Dumper=PlainYaml, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return f"# The recipe as it was run, with every default filled in.\n{body}"
