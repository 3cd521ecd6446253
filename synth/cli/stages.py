"""`synth stages`: the stages of training in data sets and manifests, and whether they are in balance."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from synth.cli.app import Json, _print, app


@app.command()
def stages(
    sets: Annotated[
        list[str],
        typer.Argument(
            help="Data sets and manifests; stage=manifest gives a stage to rows that have none.", metavar="SET..."
        ),
    ],
    order: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation
        typer.Option(envvar="SYNTH_STAGES", metavar="NAMES", help="The stages in the order of training, by commas."),
    ] = None,
    json_: Json = False,
) -> None:
    """Count clips, hours and weight of each stage of training, and check whether their balance makes sense."""
    from synth.cli.show import as_json
    from synth.cli.show_labels import stages_text
    from synth.dataset.stage_advice import look_at_stages

    told = look_at_stages(sets, order=[name.strip() for name in order.split(",") if name.strip()] if order else ())
    _print(as_json(told) if json_ else stages_text(told))
