"""`synth finish`: merge the parts of a data set."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import DataSet
from synth.cli.output import next_step, print_result


def finish(
    dataset: DataSet,
    accept_timeouts: Annotated[
        bool, typer.Option("--accept-timeouts", help="Treat clips that timed out as permanently refused.")
    ] = False,
) -> None:
    """Merge the parts of a data set.

    All shards must be rendered. The command may be run again at any time.
    """
    from synth.cli.show.dataset import content_text
    from synth.commands.dataset import finish as finish_dataset

    content = finish_dataset(dataset, accept_timeouts=accept_timeouts)
    print_result(content, lambda: content_text(content, dataset))
    next_step(f"synth verify {quote(str(dataset))}")
