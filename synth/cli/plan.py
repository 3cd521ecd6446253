"""`synth plan`: a dry run of `synth generate`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs, Overrides, Recipe, StrictInputs
from synth.cli.output import next_step, print_result, report_inputs


def plan(
    recipe: Recipe,
    set_: Overrides = None,
    jobs: Jobs = 2,
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of a data set: count how many of its clips would change.")
    ] = None,
    strict_inputs: StrictInputs = False,
) -> None:
    """Check a recipe and preview its data set.

    This dry run prints clips, hours, size, use of noise and the first clips. Only the cache is written.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.plan import plan_text
    from synth.commands.plan import changed_clips, make_plan

    with Screen() as screen:
        planned = make_plan(
            recipe, overrides=set_ or (), jobs=jobs, progress=screen.scanned, strict_inputs=strict_inputs
        )
    changed = changed_clips(planned, against) if against else None
    result = {**planned.to_json(), "against": None if changed is None else changed._asdict()}
    print_result(result, lambda: plan_text(planned, changed))
    report_inputs(result["refused"], planned.warnings, notes=planned.notes)
    next_step(f"synth generate {quote(str(recipe))} --out {quote(str(against)) if against else 'DIR'}")
