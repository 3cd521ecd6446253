"""`synth select`: a subset of a data set, or weights for it, matched to a target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import DataSet, Jobs, Json, _print, app, state


@app.command()
def select(
    dataset: DataSet,
    to: Annotated[Path, typer.Option("--to", envvar="SYNTH_TO", help="The target: its profile, or a set.")],
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_SELECT_OUT", help="The manifest to write.")],
    hours: Annotated[
        Optional[float],  # noqa: UP045 - typer reads the annotation
        typer.Option(envvar="SYNTH_SELECT_HOURS", metavar="H", help="A subset of so many hours."),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", envvar="SYNTH_WEIGHTS", help="Weights for all clips in place of a subset.")
    ] = False,
    method: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="SYNTH_SELECT_METHOD",
            help="quotas (of a subset the default), ratio (by a classifier) or balance (of weights the default).",
        ),
    ] = None,
    profile: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_PROFILE", metavar="FILE", help="The data set's profile, where there is one."),
    ] = None,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPLIT", help="Of this split (train, where there are several)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, envvar="SYNTH_SEED", help="Another seed, other clips.")] = 0,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Choose clips of a data set, or weigh them, so that they are distributed as a target is; writes a manifest."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.cli.show_match import selected_text
    from synth.match.compare_sets import profile_of
    from synth.match.profile import read_profile
    from synth.match.select import select as choose

    with Screen(state.verbosity) as screen:
        chosen = choose(
            dataset,
            profile_of(to, jobs=jobs, progress=screen.scanned),
            out,
            hours=hours,
            weights=weights,
            method=method,
            seed=seed,
            split=split,
            profile=read_profile(profile) if profile else None,
            jobs=jobs,
            progress=screen.scanned,
        )
    told = {**chosen.to_json(), "out": str(out)}
    _print(as_json(told) if json_ else selected_text(told))
