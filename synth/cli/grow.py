"""`synth grow`: more noise, synthesized to files."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import GrowMethod, Jobs
from synth.cli.output import next_step, note, print_result


def grow(
    source: Annotated[
        Path | None,
        typer.Argument(help="Folder, list or file of noise; omit it for `--method cabin`.", metavar="SOURCE"),
    ] = None,
    *,
    method: Annotated[GrowMethod, typer.Option(help="How the noise is synthesized, as in `grow` of a recipe.")],
    minutes: Annotated[float, typer.Option(min=0.001, max=100_000, help="Length of all files together, in minutes.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the files.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of the method, such as segment_ms='[30, 120]'. Repeatable."
        ),
    ] = None,
    file_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Longest length of a file, in seconds.")
    ] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the noise.")] = 0,
    sample_rate: Annotated[int, typer.Option(min=4000, max=192_000, help="Sample rate of the files, in Hz.")] = 16000,
    jobs: Jobs = 2,
) -> None:
    """Synthesize more noise, and write it to files.

    The noise is made from a few recordings, or from a model of a car (`--method cabin`). The minutes are shared among
    all recordings: each gets at least one file, if that file is at least a second long.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.grow import grown_text
    from synth.commands.grow import grow as grow_files

    with Screen() as screen:
        folder = grow_files(
            source,
            out,
            method=method,
            minutes=minutes,
            file_seconds=file_seconds,
            seed=seed,
            sample_rate=sample_rate,
            settings=set_ or (),
            jobs=jobs,
            progress=screen.scanned,
            message=screen.message,
        )
    print_result(folder.to_json(), lambda: grown_text(folder))
    for text in folder.refused:
        note(f"refused: {text}")
    next_step(f"synth noise {quote(str(out))}")
