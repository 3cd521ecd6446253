"""`synth labels`: how often each label is present, absent or unknown; how good predictions are where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Json, _print, app


@app.command()
def labels(
    manifest: Annotated[
        Path, typer.Argument(help="A data set, or a manifest.", metavar="DIR|MANIFEST", envvar="SYNTH_MANIFEST")
    ],
    predictions: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation
        typer.Option(
            envvar="SYNTH_PREDICTIONS",
            metavar="CSV",
            help="Predictions: a column id, and one a label with probabilities, or 0 and 1.",
        ),
    ] = None,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPLIT", help="Only clips of this split."),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, envvar="SYNTH_THRESHOLD", help="A label is predicted from this probability on."),
    ] = 0.5,
    json_: Json = False,
) -> None:
    """Count the labels of clips: present, absent, unknown. With predictions: metrics over what is known only."""
    from synth.cli.show import as_json
    from synth.cli.show_labels import labels_text
    from synth.dataset.label_metrics import count_labels

    told = count_labels(manifest, split=split, predictions=predictions, threshold=threshold)
    _print(as_json(told) if json_ else labels_text(told))
