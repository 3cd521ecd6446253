"""`synth profile`: measure a set of audio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Jobs, Json, _print, app, state


@app.command()
def profile(
    set_: Annotated[
        Path,
        typer.Argument(help="A folder of audio, a list (CSV, JSON lines), or a data set.", metavar="SET"),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_PROFILE_OUT", help="The profile's file.")],
    max_clips: Annotated[
        int, typer.Option(min=1, envvar="SYNTH_MAX_CLIPS", help="Measure so many clips, evenly by group.")
    ] = 2000,
    group_by: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation
        typer.Option(
            envvar="SYNTH_GROUP_BY", metavar="COLUMN", help="What belongs together: a column, folder, file or speaker."
        ),
    ] = None,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPLIT", help="Only this split."),
    ] = None,
    condition: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_CONDITION", help="Only clips of this condition of the recipe."),
    ] = None,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Measure each clip of a set, blind: SNR, levels, noise spectrum, bandwidth; checked where the truth is known."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.cli.show_match import profile_text
    from synth.match.profiling import profile_to
    from synth.match.summary import summary

    with Screen(state.verbosity) as screen:
        made = profile_to(
            set_,
            out,
            max_clips=max_clips,
            jobs=jobs,
            progress=screen.scanned,
            group_by=group_by,
            split=split,
            condition=condition,
        )
    told = {**summary(made), "out": str(out)}
    _print(as_json(told) if json_ else profile_text(told))
