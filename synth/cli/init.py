"""`synth init`: a starter recipe."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs
from synth.cli.output import next_step, note, print_result


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder for the recipe.", metavar="DIR")],
    speech: Annotated[
        Path | None,
        typer.Option(
            metavar="SET",
            help="Clean speech: a folder, a list or a file. A metadata list in the folder is used; the layouts of "
            "LibriSpeech, VCTK and Common Voice are recognized.",
        ),
    ] = None,
    noise: Annotated[Path | None, typer.Option(metavar="SET", help="Car noise: a folder, a list or a file.")] = None,
    jobs: Jobs = 2,
) -> None:
    """Write a starter recipe with comments.

    It uses the given speech and noise, and `synth plan` accepts it. What is not given is replaced by a small generated
    example set.
    """
    from synth.cli.progress import Screen
    from synth.commands.init import init as write_starter_recipe

    with Screen() as screen:
        starter = write_starter_recipe(folder, speech=speech, noise=noise, jobs=jobs, progress=screen.scanned)
    print_result({"recipe": str(starter.recipe), "notes": list(starter.notes)}, lambda: str(starter.recipe))
    for line in starter.notes:
        note(line)
    next_step(f"synth plan {quote(str(starter.recipe))}")
