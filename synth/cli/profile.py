"""`synth profile`: measure a set of audio."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs
from synth.cli.output import next_step, print_result, report_inputs


def profile(
    set_: Annotated[
        Path,
        typer.Argument(
            help="A folder of audio, a list (CSV, JSON lines), or a data set (also of other tools).", metavar="SET"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The profile to write.")],
    max_clips: Annotated[
        int, typer.Option(min=1, help="Measure at most this many clips, spread evenly over groups.")
    ] = 2000,
    group_by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that defines the groups, or `folder`, `file` or `speaker`."),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Use only this split.")] = None,
    condition: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use only clips of this condition of the recipe.")
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Measure a set: SNR, level, noise, bandwidth.

    No clean reference is needed. In a data set made by synth, the measurements are checked against the true values.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.profile import profile_text
    from synth.commands.profile import profile_to
    from synth.match.measure.summary import summary

    with Screen() as screen:
        measured = profile_to(
            set_,
            out,
            max_clips=max_clips,
            jobs=jobs,
            progress=screen.scanned,
            group_by=group_by,
            split=split,
            condition=condition,
        )
    result = {**summary(measured), "out": str(out)}
    print_result(result, lambda: profile_text(result))
    report_inputs(result["refused"], result["warnings"])
    next_step(f"synth compare TRAIN {quote(str(out))}")
