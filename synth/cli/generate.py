"""`synth generate`: make a data set, or resume it."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs, Overrides, Recipe, StrictInputs
from synth.cli.output import next_step, note, print_result


def generate(
    recipe: Recipe,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the data set.")],
    set_: Overrides = None,
    jobs: Jobs = 2,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Render only this share of the shards, counted from 0; `auto` inside a job array."
        ),
    ] = None,
    strict_inputs: StrictInputs = False,
) -> None:
    """Make the data set of a recipe.

    Run the same command again to resume after an interruption; finished shards are kept.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.generate import generated_text
    from synth.commands.generate import Listeners
    from synth.commands.generate import generate as generate_dataset

    with Screen() as screen:
        result = generate_dataset(
            recipe,
            out,
            overrides=set_ or (),
            jobs=jobs,
            part=part,
            strict_inputs=strict_inputs,
            listeners=Listeners(scan=screen.scanned, render=screen.rendered, message=screen.message),
        )
    print_result({"out": str(out), **result.to_json()}, lambda: generated_text(result, out))
    if result.content is not None:
        if result.content["clips"]:
            from synth.training.dataset import open_dataset

            path = open_dataset(out)[0].path
            if path.parent.is_dir():
                note(f"listen: {out / path.relative_to(os.path.abspath(out))}")  # noqa: PTH100 - links stay links
            else:  # in a tar file, where no player finds it
                note(f"listen: synth replay {quote(str(out))} {path.stem} --out {path.name}")
        next_step(f"synth verify {quote(str(out))}")
