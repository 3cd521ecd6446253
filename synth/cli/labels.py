"""`synth labels`: how often each label is present, absent or unknown; how good predictions are where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synth.cli.output import print_result


def labels(
    manifest: Annotated[Path, typer.Argument(help="A data set or a manifest.", metavar="SET")],
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV with a column `id` and one column per label, holding probabilities (or 0 and 1)."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Use only this split.")] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Lowest probability at which a label counts as predicted.")
    ] = 0.5,
) -> None:
    """Count labels: present, absent, unknown.

    With predictions, metrics are computed over the clips whose label is known.
    """
    from synth.cli.show.labels import labels_text
    from synth.commands.labels import count_labels

    counts = count_labels(manifest, split=split, predictions=predictions, threshold=threshold)
    print_result(counts, lambda: labels_text(counts))
