"""`synth stages`: the stages of training in data sets and manifests, and whether they are in balance."""

from __future__ import annotations

from typing import Annotated

import typer

from synth.cli.output import print_result


def stages(
    sets: Annotated[
        list[str],
        typer.Argument(
            help="Data sets and manifests. STAGE=MANIFEST gives a stage to rows without one.", metavar="SET"
        ),
    ],
    order: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Stages in the order of training, separated by commas.")
    ] = None,
) -> None:
    """Count clips and hours per training stage.

    The command also checks whether the weights of the stages are in balance.
    """
    from synth.cli.show.stages import stages_text
    from synth.commands.stages import count_stages

    report = count_stages(sets, order=[name.strip() for name in order.split(",") if name.strip()] if order else ())
    print_result(report, lambda: stages_text(report))
