"""`synth select`: a subset of a data set, or weights for it, matched to a target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synth.cli.options import DataSet, Jobs, SelectMethod
from synth.cli.output import print_result, report_inputs


def select(
    dataset: DataSet,
    to: Annotated[Path, typer.Option("--to", metavar="SET", help="The target: a set of real audio, or its profile.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The manifest to write.")],
    hours: Annotated[float | None, typer.Option(metavar="HOURS", help="Select a subset of this many hours.")] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Write weights for all clips instead of a subset.")
    ] = False,
    method: Annotated[
        SelectMethod | None,
        typer.Option(
            help="quotas (default with --hours), balance (default with --weights), or ratio (density ratio from a "
            "classifier)."
        ),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Profile of the data set (default: it is measured).")
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Use only this split (default: train).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed for the selection.")] = 0,
    jobs: Jobs = 2,
) -> None:
    """Select or weight clips to match a target.

    The result is a manifest whose clips are distributed as those of the target.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.select import selection_text
    from synth.commands.select import select_clips

    with Screen() as screen:
        selection = select_clips(
            dataset,
            to,
            out,
            hours=hours,
            weights=weights,
            method=method,
            seed=seed,
            split=split,
            profile=profile,
            jobs=jobs,
            progress=screen.scanned,
        )
    result = {**selection.to_json(), "out": str(out)}
    print_result(result, lambda: selection_text(result))
    report_inputs((), result["warnings"])
