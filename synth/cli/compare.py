"""`synth compare`: how far a training set is from dev."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Html, Jobs, MaxClips
from synth.cli.output import next_step, print_result


def compare(
    training: Annotated[Path, typer.Argument(help="The training set or its profile.", metavar="TRAIN")],
    dev: Annotated[Path, typer.Argument(help="Real audio of the target, or its profile.", metavar="DEV")],
    clean: Annotated[
        Path | None,
        typer.Option(
            metavar="SET",
            help="Clean speech or its profile, as a reference (default: the speech that TRAIN was made from).",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use only this split of TRAIN, such as train.")
    ] = None,
    condition: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use only this condition of TRAIN, such as matched.")
    ] = None,
    html: Html = None,
    fail_above: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="AUC", help="Exit with code 5 if the AUC is above this value.")
    ] = None,
    max_clips: MaxClips = 2000,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="Random seed for the split-half reference.")] = 0,
    jobs: Jobs = 2,
) -> None:
    """Compare a training set with real audio.

    The result is one number for the mismatch, the distance in each feature, and what to change in the recipe.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.compare import compare_text
    from synth.commands.compare import compare_sets

    with Screen() as screen:
        comparison = compare_sets(
            training,
            dev,
            clean=clean,
            split=split,
            condition=condition,
            html=html,
            max_clips=max_clips,
            seed=seed,
            jobs=jobs,
            progress=screen.scanned,
        )
    result = comparison.to_json()
    print_result(result, lambda: compare_text(result))
    comparison.check(fail_above)
    next_step(f"synth fit RECIPE --to {quote(str(dev))} --out fitted")
