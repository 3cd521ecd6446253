"""`synth errors`: listen to wrong clips, say what is wrong with them, and learn what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Json, _note, _print, app

errors = typer.Typer(help="Error analysis: which errors are worth the work.", no_args_is_help=True)
app.add_typer(errors, name="errors")

Predictions = Annotated[
    Path,
    typer.Argument(
        help="What the model said, clip by clip (CSV or JSON lines): id, hypothesis, and reference where the manifest "
        "has none; or errors and words.",
        metavar="PREDICTIONS",
        envvar="SYNTH_PREDICTIONS",
    ),
]
Manifest = Annotated[
    Path,
    typer.Option(
        "--manifest", "-m", envvar="SYNTH_MANIFEST", help="The clips' list: ours, or NeMo's, or CSV (`synth split`)."
    ),
]
GroupBy = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation
    typer.Option(envvar="SYNTH_GROUP_BY", metavar="COLUMN", help="What clips share that are not independent."),
]


@errors.command()
def sample(
    predictions: Predictions,
    manifest: Manifest,
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_REVIEW", help="The review to fill in (CSV).")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, envvar="SYNTH_N", help="How many wrong clips.")] = 100,
    right: Annotated[
        int, typer.Option(min=0, envvar="SYNTH_RIGHT", help="How many right ones on top: their labels count, too.")
    ] = 0,
    by: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="SYNTH_STRATA",
            metavar="COLUMN",
            help="Each gets its share: speaker, session, condition, any column or label, or errors (how wrong).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32, envvar="SYNTH_SEED", help="Of the draw.")] = 0,
    unit: Annotated[
        str, typer.Option(envvar="SYNTH_UNIT", help="What counts as an error: word, character or clip.")
    ] = "word",
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPLIT", help="Of several splits this one; dev where nothing is said."),
    ] = None,
    group_by: GroupBy = None,
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(envvar="SYNTH_TAG", metavar="NAME", help="A tag of your own, on top; several times."),
    ] = None,
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_HTML", metavar="FILE", help="Write a page to listen and to tag in, too."),
    ] = None,
    json_: Json = False,
) -> None:
    """Draw about a hundred wrong clips to listen to, each kind in its share; a CSV to fill in, and a page for that."""
    from synth.cli.show import as_json
    from synth.cli.show_errors import sample_text
    from synth.diagnose.error_sample import check_out, sample_errors
    from synth.noise_report import check_page
    from synth.report.review_page import write_page

    if html is not None:
        check_page(html)
    check_out(out)
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
    )
    if html is not None:
        write_page(html, drawn, name=out.name)
    _print(as_json(drawn.to_json()) if json_ else sample_text(drawn, out, html))


@errors.command()
def summary(
    review: Annotated[Path, typer.Argument(help="The review, filled in.", metavar="REVIEW", envvar="SYNTH_REVIEW")],
    manifest: Manifest,
    predictions: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_PREDICTIONS", help="Of all clips; where the review says they were, if left out."),
    ] = None,
    profile: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_PROFILE", metavar="FILE", help="Of the same clips: `synth profile DEV --out FILE`."),
    ] = None,
    group_by: GroupBy = None,
    json_: Json = False,
) -> None:
    """How much of dev's error each category holds, whether fixing labels pays, and what in the recipe each asks for."""
    from synth.cli.show import as_json
    from synth.cli.show_errors import summary_text
    from synth.diagnose.error_summary import summarise
    from synth.match.profile import read_profile

    known = None if profile is None else read_profile(profile)
    found = summarise(review, manifest, predictions=predictions, profile=known, group_by=group_by).to_json()
    _print(as_json(found) if json_ else summary_text(found))


@errors.command()
def mislabelled(
    predictions: Predictions,
    manifest: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--manifest", "-m", envvar="SYNTH_MANIFEST", help="The clips' list, where it has the labels."),
    ] = None,
    label: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_LABEL", metavar="COLUMN", help="Where the class stands, if not in reference."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", "-o", envvar="SYNTH_CANDIDATES", help="The candidates as CSV, with room to correct."),
    ] = None,
    json_: Json = False,
) -> None:
    """Find labels that are likely wrong, from columns p_<class> of models that were not trained on the clip."""
    from synth.cli.show import as_json
    from synth.cli.show_errors import mislabelled_text
    from synth.diagnose.mislabelled import find_mislabelled

    found = find_mislabelled(predictions, manifest, label=label, out=out).to_json()
    _print(as_json(found) if json_ else mislabelled_text(found, out))


@errors.command()
def correct(
    corrections: Annotated[
        Path,
        typer.Argument(
            help="CSV: id or source_id, and text or labels; or a review, or candidates, with their column correction.",
            metavar="CORRECTIONS",
            envvar="SYNTH_CORRECTIONS",
        ),
    ],
    manifest: Manifest,
    out: Annotated[Path, typer.Option("--out", "-o", envvar="SYNTH_CORRECTED", help="The manifest to write.")],
    column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_LABEL", metavar="COLUMN", help="What the column correction is about; text if not."),
    ] = None,
    json_: Json = False,
) -> None:
    """Carry corrected texts and labels to every clip that was made from the same source, in a new manifest."""
    from synth.cli.show import as_json
    from synth.cli.show_errors import corrected_text
    from synth.diagnose.correct import correct as carry

    done = carry(corrections, manifest, out, column=column)
    for line in done.notes:
        _note(line)
    _print(as_json(done.to_json()) if json_ else corrected_text(done.to_json()))
