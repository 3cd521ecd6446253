"""Every command that reads a recipe takes its folder as well, and `--set`."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main

from synth.cli.app import app
from synth.errors import UsageError
from synth.match.fit.recipe import base_recipe
from synth.recipe.load import load_recipe
from synth.training.plan import open_plan

RECIPE = """\
speech: {sources: speech}
noise:
  snr_db: [0, 20]
  layers: [{name: cabin, sources: noise}]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_every_command_with_a_recipe_has_set() -> None:
    """D18: `fit` had no `--set`."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    with_recipe = {
        name: [option for parameter in command.params for option in parameter.opts]
        for name, command in commands.items()
        if any(parameter.name == "recipe" for parameter in command.params)
    }
    assert {"plan", "generate", "fit"} <= set(with_recipe)
    assert [name for name, options in with_recipe.items() if "--set" not in options] == []


def test_fit_starts_from_the_recipe_with_overrides(recipe: Path) -> None:
    """D18: what `--set` changes is in the recipe that `fit` starts from."""
    changed = base_recipe(recipe, ["noise.layers.cabin.min_recordings=3"])
    assert changed.noise is not None
    assert changed.noise.layers[0].min_recordings == 3


def test_a_folder_with_a_recipe_is_a_recipe(recipe: Path) -> None:
    """Section L of the trials: `synth plan my-set` was refused ("not a regular file")."""
    assert load_recipe(recipe.parent) == load_recipe(recipe)
    assert base_recipe(recipe.parent) == base_recipe(recipe)


def test_a_folder_without_a_recipe_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: this folder has no recipe.yaml; name a recipe, or run `synth init {tmp_path}`"
    )


def test_open_plan_takes_a_folder_with_a_recipe(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def plan(path: Path, **options: object) -> object:
        seen.append(path)
        raise UsageError("planned")

    monkeypatch.setattr("synth.commands.plan.make_plan", plan)
    with pytest.raises(UsageError, match=r"^planned$"):
        open_plan(recipe.parent)
    assert seen == [recipe]
