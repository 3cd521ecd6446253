"""`synth compare`: how far a training set is from dev."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Jobs, Json, _print, app, state


@app.command()
def compare(
    training: Annotated[
        Path, typer.Argument(help="The training set, or its profile.", metavar="TRAIN", envvar="SYNTH_TRAIN")
    ],
    dev: Annotated[Path, typer.Argument(help="Real target audio, or its profile.", metavar="DEV", envvar="SYNTH_DEV")],
    clean: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation
        typer.Option(
            envvar="SYNTH_CLEAN",
            metavar="SET",
            help="Clean speech, or its profile: how far it could be. Left out: the speech that TRAIN was made of.",
        ),
    ] = None,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_SPLIT", help="Only this split of TRAIN, such as train."),
    ] = None,
    condition: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SYNTH_CONDITION", help="Only this condition of TRAIN, such as matched."),
    ] = None,
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_HTML", metavar="FILE", help="Write a page with plots and clips to listen to, too."),
    ] = None,
    fail_above: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=0, max=1, envvar="SYNTH_FAIL_ABOVE", metavar="AUC", help="End with 5 where the AUC is above."),
    ] = None,
    max_clips: Annotated[
        int, typer.Option(min=2, envvar="SYNTH_MAX_CLIPS", help="Of a set that is measured now, at most so many clips.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=2**32, envvar="SYNTH_SEED", help="Of the random halvings.")] = 0,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """How far a training set is from dev: in one number, in each feature, and what to change in the recipe."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.cli.show_compare import compare_text
    from synth.match.compare import compare as held_against
    from synth.match.compare_sets import clean_of, profile_of
    from synth.noise_report import check_page
    from synth.report.clip_card import sound_of
    from synth.report.compare_page import write_page

    if html is not None:
        check_page(html)
    with Screen(state.verbosity) as screen:
        measured = partial(profile_of, max_clips=max_clips, jobs=jobs, progress=screen.scanned)
        one, other = measured(training, split=split, condition=condition), measured(dev)
        reference = measured(clean) if clean else clean_of(one, jobs=jobs, progress=screen.scanned)
        found = held_against(one, other, clean=reference, seed=seed)
    shown = found.to_json()
    if html is not None:
        write_page(html, shown, training=partial(sound_of, one.root), dev=partial(sound_of, other.root))
    _print(as_json(shown) if json_ else compare_text(shown))
    found.check(fail_above)
