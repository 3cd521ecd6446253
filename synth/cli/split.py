"""`synth split`: dev, test and a share for training from real target audio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Jobs, Json, _print, app, state


@app.command()
def split(
    set_: Annotated[
        Path,
        typer.Argument(
            help="Real target audio: a folder, or a list of it (CSV or JSON lines).",
            metavar="SET",
            envvar="SYNTH_TARGET",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_SPLIT_OUT", help="A folder for the lists.")],
    dev: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation
        typer.Option(envvar="SYNTH_DEV", metavar="SIZE", help="2000 (clips), 2h, 10% or rest."),
    ] = None,
    test: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_TEST", metavar="SIZE", help="As --dev."),
    ] = None,
    train: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_TRAIN", metavar="SIZE", help="As --dev; the rest where nothing is said."),
    ] = None,
    by: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            envvar="SYNTH_BY",
            metavar="COLUMN",
            help="Columns that a group shares (several: a,b); speaker, session and recording where nothing is said.",
        ),
    ] = None,
    keep: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_KEEP", metavar="OLD", help="An earlier split: its clips stay where they are."),
    ] = None,
    on_conflict: Annotated[
        str,
        typer.Option(
            envvar="SYNTH_ON_CONFLICT",
            metavar="WHAT",
            help="Where a group stands on two sides of OLD: refuse, drop, or move it to dev, test or train.",
        ),
    ] = "refuse",
    duplicates: Annotated[
        bool, typer.Option(envvar="SYNTH_DUPLICATES", help="Listen for clips that share their sound.")
    ] = True,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, envvar="SYNTH_SEED", help="Another seed, other groups."),
    ] = None,
    error: Annotated[
        float,
        typer.Option(
            min=0.1, max=50, envvar="SYNTH_ERROR", metavar="PERCENT", help="The error that is expected on dev."
        ),
    ] = 10.0,
    allow_synthesised: Annotated[
        bool, typer.Option("--allow-synthesised", envvar="SYNTH_ALLOW_SYNTHESISED", help="Take synthesised audio, too.")
    ] = False,
    allow_other: Annotated[
        bool,
        typer.Option("--allow-other", envvar="SYNTH_ALLOW_OTHER", help="Take audio that is not of the target, too."),
    ] = False,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Divide real target audio into dev, test and a share for training, by groups that never cross."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.cli.show_split import split_text
    from synth.target.split import Request
    from synth.target.split import split as divide

    request = Request(
        path=set_,
        out=out,
        sizes={"dev": dev, "test": test, "train": train},
        by=tuple(name.strip() for one in by or () for name in one.split(",") if name.strip()),
        seed=seed,
        keep=keep,
        on_conflict=on_conflict,
        duplicates=duplicates,
        allow_synthesised=allow_synthesised,
        allow_other=allow_other,
        error_rate=error / 100,
        jobs=jobs,
    )
    with Screen(state.verbosity) as screen:
        report = divide(request, progress=screen.scanned)
        for warning in report["warnings"]:
            screen.message(f"warning: {warning}")
    _print(as_json({**report, "out": str(out)}) if json_ else split_text(report, out))
