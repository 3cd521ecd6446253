"""`synth diagnose`: the error ladder, its gaps, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synth.cli.options import Html, Measure, Unit
from synth.cli.output import print_result


def _error(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", metavar="PERCENT", help=what)


def diagnose(
    scores: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Errors per clip: CSV or JSON lines. Repeatable.")
    ] = None,
    manifest: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Manifest, or data set, that lists the clips. Repeatable.")
    ] = None,
    human: Annotated[str | None, _error("human", "Error of people, or the lowest possible error (default: 0).")] = None,
    train: Annotated[str | None, _error("train", "Error on training clips: 9, 9@600 or 54/600.")] = None,
    train_dev: Annotated[str | None, _error("train-dev", "Error on new speech in training noise.")] = None,
    train_dev_noise: Annotated[str | None, _error("train-dev-noise", "Error on new speech in held-out noise.")] = None,
    dev: Annotated[str | None, _error("dev", "Error on dev.")] = None,
    test: Annotated[str | None, _error("test", "Error on test.")] = None,
    oracle: Annotated[
        str | None, _error("oracle", "Error on dev of a model that was trained on data like the target.")
    ] = None,
    n: Annotated[float | None, typer.Option("--n", min=1, help="Number of clips or words behind each error.")] = None,
    unit: Annotated[Unit, typer.Option(help="Unit of an error between reference and hypothesis.")] = "word",
    measure: Annotated[Measure | None, typer.Option(help="Column of the scores to use.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Columns that define the groups of the bootstrap, such as speaker,session; or `noise`, `clip`.",
        ),
    ] = None,
    html: Html = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="Random seed for the bootstrap.")] = 0,
) -> None:
    """Find which part of the error to work on.

    The gaps of the error ladder are bias, variance, noise overfitting and mismatch. Each comes with what to do.
    """
    from synth.cli.show.diagnose import diagnosis_text
    from synth.commands.diagnose import diagnose as diagnose_errors

    errors = {
        "human": human,
        "train": train,
        "train-dev": train_dev,
        "train-dev-noise": train_dev_noise,
        "dev": dev,
        "test": test,
        "oracle": oracle,
    }
    result = diagnose_errors(
        scores or (),
        manifest or (),
        errors={name: text for name, text in errors.items() if text is not None},
        n=n,
        unit=unit,
        measure=measure,
        by=tuple(part.strip() for part in by.split(",")) if by else (),
        seed=seed,
        html=html,
    ).to_json()
    print_result(result, lambda: diagnosis_text(result))
