"""`synth diagnose`: the error ladder, its gaps, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Json, _print, app

_Number = Optional[str]  # noqa: UP045 - typer reads the annotation


def _error(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", envvar=f"SYNTH_{name.upper().replace('-', '_')}_ERROR", metavar="PERCENT", help=what
    )
    return option


@app.command()
def diagnose(
    scores: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(envvar="SYNTH_SCORES", metavar="FILE", help="Errors clip by clip: CSV or JSON lines; repeatable."),
    ] = None,
    manifest: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(envvar="SYNTH_MANIFEST", metavar="FILE", help="Manifests (or data sets) that have the clips."),
    ] = None,
    human: Annotated[_Number, _error("human", "Of people, or the best there can be. 0 unless given.")] = None,
    train: Annotated[_Number, _error("train", "On clips that were trained on: 9, 9@600, or 54/600.")] = None,
    train_dev: Annotated[_Number, _error("train-dev", "On new speech in noise that was trained on.")] = None,
    train_dev_noise: Annotated[_Number, _error("train-dev-noise", "On new speech in held-out noise.")] = None,
    dev: Annotated[_Number, _error("dev", "On dev.")] = None,
    test: Annotated[_Number, _error("test", "On test.")] = None,
    oracle: Annotated[_Number, _error("oracle", "Of a model trained on target-like data, on dev.")] = None,
    n: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--n", min=1, envvar="SYNTH_N", help="Clips or words behind each error that is given."),
    ] = None,
    unit: Annotated[
        str, typer.Option(envvar="SYNTH_UNIT", help="Of reference against hypothesis: word, character or clip.")
    ] = "word",
    measure: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_MEASURE", help="Take this of the scores: errors, error, text or loss."),
    ] = None,
    by: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_BY", help="Groups to draw again, such as speaker,session; or noise, clip."),
    ] = None,
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_HTML", metavar="FILE", help="Write a page with the ladder, too."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32, envvar="SYNTH_SEED", help="Of the bootstrap.")] = 0,
    json_: Json = False,
) -> None:
    """Bias, variance, noise overfitting or mismatch: which gap of the error ladder to work on, and how."""
    from synth.cli.show import as_json
    from synth.cli.show_diagnose import diagnosis_text
    from synth.diagnose.diagnosis import diagnose as told_of
    from synth.diagnose.ladder import read_ladder
    from synth.noise_report import check_page
    from synth.report.ladder_page import write_page

    given = {
        "human": human,
        "train": train,
        "train-dev": train_dev,
        "train-dev-noise": train_dev_noise,
        "dev": dev,
        "test": test,
        "oracle": oracle,
    }
    if html is not None:
        check_page(html)
    ladder = read_ladder(
        scores or (),
        manifest or (),
        given={name: text for name, text in given.items() if text is not None},
        n=n,
        unit=unit,
        measure=measure,
        by=tuple(part.strip() for part in by.split(",")) if by else (),
        seed=seed,
    )
    shown = told_of(ladder).to_json()
    if html is not None:
        write_page(html, shown)
    _print(as_json(shown) if json_ else diagnosis_text(shown))
