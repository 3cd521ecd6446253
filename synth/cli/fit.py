"""`synth fit`: a recipe matched to a dev set."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs, Overrides, Recipe
from synth.cli.output import next_step, note, print_result


def fit(
    recipe: Recipe,
    to: Annotated[
        Path, typer.Option("--to", metavar="DEV", help="Real dev audio: a profile, a folder, a list or a data set.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the recipe and its report.")
    ],
    set_: Overrides = None,
    noise: Annotated[
        Path | None,
        typer.Option(metavar="SET", help="Noise (folder or list) that replaces the noise of the recipe's first layer."),
    ] = None,
    speech: Annotated[
        Path | None, typer.Option(metavar="SET", help="Speech (folder or list) that replaces the speech of the recipe.")
    ] = None,
    shareable: Annotated[
        bool, typer.Option("--shareable", help="Write distributions only, no values of single dev clips.")
    ] = False,
    clips: Annotated[int, typer.Option(min=50, max=20_000, help="Number of clips to simulate per round.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the held-out split and the tests.")] = 0,
    not_a_test_set: Annotated[
        bool,
        typer.Option("--not-a-test-set", help="Accept DEV although its name contains 'test'; it is not a test set."),
    ] = False,
    jobs: Jobs = 2,
) -> None:
    """Match a recipe to real dev audio.

    SNR, noise spectrum, level and band are fitted, and judged on held-out groups.
    """
    from synth.cli.progress import Screen
    from synth.commands.fit import FitRequest, fit_recipe

    request = FitRequest(
        recipe=recipe,
        dev=to,
        out=out,
        overrides=tuple(set_ or ()),
        speech=speech,
        noise=noise,
        shareable=shareable,
        jobs=jobs,
        seed=seed,
        clips=clips,
        not_a_test=not_a_test_set,
    )
    with Screen() as screen:
        result = fit_recipe(request, progress=screen.scanned, message=screen.message)
    for warning in result.fit.warnings:
        note(f"warning: {warning}")
    print_result(result.report, lambda: result.text.rstrip("\n"))
    next_step(f"synth plan {quote(str(out / 'recipe.yaml'))}")
