"""`synth fit`: a recipe matched to a dev set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Jobs, Json, Set, _print, app, state


@app.command()
def fit(
    recipe: Annotated[Path, typer.Argument(help="The recipe to start from.", envvar="SYNTH_RECIPE")],
    to: Annotated[
        Path,
        typer.Option(
            "--to", envvar="SYNTH_TO", metavar="DEV", help="Real dev audio: a profile, a folder, a list or a data set."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_OUT", help="A new folder for recipe and report.")],
    set_: Set = None,
    noise: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation
        typer.Option(envvar="SYNTH_NOISE", help="Noise in place of that of the recipe's first layer: folder or list."),
    ] = None,
    speech: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPEECH", help="Speech in place of the recipe's: folder or list."),
    ] = None,
    shareable: Annotated[
        bool, typer.Option("--shareable", envvar="SYNTH_SHAREABLE", help="Distributions alone, no case of a dev clip.")
    ] = False,
    clips: Annotated[
        int, typer.Option(min=50, max=20_000, envvar="SYNTH_CLIPS", help="Clips simulated in each round.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, envvar="SYNTH_SEED", help="Of what is held out and of the tests.")] = 0,
    not_a_test_set: Annotated[
        bool,
        typer.Option("--not-a-test-set", envvar="SYNTH_NOT_A_TEST_SET", help="DEV is called test, but it is none."),
    ] = False,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Fit a recipe to real dev audio: SNR, noise colour, level and band, judged on groups held out."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.match.fitting import Request
    from synth.match.fitting import fit as run
    from synth.pipeline import make_plan

    request = Request(
        recipe=recipe,
        dev=to,
        out=out,
        overrides=tuple(set_ or ()),
        speech=speech,
        noise=noise,
        shareable=shareable,
        jobs=jobs,
        seed=seed,
        clips=clips,
        not_a_test=not_a_test_set,
    )
    with Screen(state.verbosity) as screen:
        result = run(
            request,
            make_plan=lambda path: make_plan(path, jobs=jobs, progress=screen.scanned, check=False),
            progress=screen.scanned,
            message=screen.message,
        )
        for warning in result.fitted.warnings:
            screen.message(f"warning: {warning}")
    _print(as_json(result.report) if json_ else result.text.rstrip("\n"))
