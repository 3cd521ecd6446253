"""Every recipe of the repo: clips rendered on the fly by two processes are those that were written, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

import synth
from synth.commands.generate import generate
from tests.helpers import ROOT
from tests.rendered_rows import check_equal, in_processes

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"), key=lambda path: path.name)


def few(path: Path) -> list[str]:
    """Overrides that leave a handful of clips, beside those of unchanged speech, which are made in no time."""
    hours = 0.042 if "unchanged: true" in path.read_text(encoding="utf-8") else 0.004
    return ["copies=null", f"hours={hours}", "splits={by: [speaker], train: 1.0}"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_gives_the_written_samples_in_several_processes(path: Path, tmp_path: Path) -> None:
    plan = synth.open_plan(path, overrides=few(path))
    plan[0]  # the libraries are loaded once, before all forks
    generate(path, tmp_path / "out", overrides=few(path))
    check_equal(plan, tmp_path / "out", in_processes(plan, "fork", 2))
