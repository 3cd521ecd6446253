"""`synth errors`: listen to wrong clips, tag what is wrong with them, and learn what to do next."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Html, Unit
from synth.cli.output import next_step, note, print_result

Predictions = Annotated[
    Path,
    typer.Argument(
        help="Output of the model per clip (CSV or JSON lines): id, hypothesis, and reference if the manifest has "
        "none; or errors and words.",
        metavar="PREDICTIONS",
    ),
]
Manifest = Annotated[
    Path,
    typer.Option(
        "--manifest",
        "-m",
        metavar="FILE",
        help="List of the clips: a manifest of synth or NeMo, a list from `synth split`, or a CSV.",
    ),
]
GroupBy = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column that groups dependent clips, such as speaker or session.")
]


def sample(
    predictions: Predictions,
    manifest: Manifest,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The review to fill in (CSV).")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Number of wrong clips to draw.")] = 100,
    right: Annotated[
        int, typer.Option(min=0, help="Number of correct clips to add: their labels may be wrong too.")
    ] = 0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Draw in proportion to this column: speaker, session, condition, any label, or errors (how wrong).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="Random seed for the sample.")] = 0,
    unit: Annotated[Unit, typer.Option(help="Unit of an error between reference and hypothesis.")] = "word",
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Split to use if the manifest has several (default: dev).")
    ] = None,
    group_by: GroupBy = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A tag of your own to add. Repeatable.")] = None,
    html: Html = None,
) -> None:
    """Draw wrong clips to listen to.

    The sample keeps the share of each kind of clip. It is a CSV to fill in; --html also writes a page for it.
    """
    from synth.cli.show.errors import sample_text
    from synth.commands.errors import sample_errors

    drawn = sample_errors(
        predictions,
        manifest,
        out,
        n=n,
        right=right,
        by=by,
        seed=seed,
        unit=unit,
        split=split,
        group_by=group_by,
        own_tags=tag or (),
        html=html,
    )
    print_result(drawn.to_json(), lambda: sample_text(drawn, out, html))
    next_step(f"fill in {out}, then: synth errors summary {quote(str(out))} --manifest {quote(str(manifest))}")


def summary(
    review: Annotated[Path, typer.Argument(help="The review, filled in.", metavar="REVIEW")],
    manifest: Manifest,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Predictions for all clips (default: the file recorded in the review)."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Profile of the same clips, from `synth profile DEV --out FILE`."),
    ] = None,
    group_by: GroupBy = None,
) -> None:
    """Rank the causes of errors by their share.

    The result says how much of the error each category holds, whether fixing labels pays, and what to change.
    """
    from synth.cli.show.errors import summary_text
    from synth.commands.errors import summarize_review

    reviewed = summarize_review(review, manifest, predictions=predictions, profile=profile, group_by=group_by)
    result = reviewed.to_json()
    print_result(result, lambda: summary_text(result))


def mislabeled(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="Class probabilities per clip (CSV or JSON lines): id, and a column p_<class> per class.",
            metavar="PREDICTIONS",
        ),
    ],
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", "-m", metavar="FILE", help="List of the clips, if the labels are in it."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the class (default: reference).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the candidates to this CSV, with an empty column `correction`."
        ),
    ] = None,
) -> None:
    """Find labels that are likely wrong.

    The probabilities must come from models that were not trained on the clip (cross-validation).
    """
    from synth.cli.show.errors import mislabeled_text
    from synth.commands.errors import find_mislabeled

    result = find_mislabeled(predictions, manifest, label=label, out=out).to_json()
    print_result(result, lambda: mislabeled_text(result, out))


def correct(
    corrections: Annotated[
        Path,
        typer.Argument(
            help="CSV with id or source_id, and text or labels; or a review or candidates with the column `correction` "
            "filled in.",
            metavar="CORRECTIONS",
        ),
    ],
    manifest: Manifest,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The manifest to write.")],
    column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column that the corrections are about (default: text).")
    ] = None,
) -> None:
    """Apply corrections to a manifest.

    Corrected texts and labels reach every clip that was made from the same source. The result is a new manifest.
    """
    from synth.cli.show.errors import corrected_text
    from synth.commands.errors import correct_manifest

    corrected = correct_manifest(corrections, manifest, out, column=column)
    for line in corrected.notes:
        note(line)
    print_result(corrected.to_json(), lambda: corrected_text(corrected.to_json()))
