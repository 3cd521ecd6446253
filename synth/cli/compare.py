"""`synth compare`: how far a training set is from dev."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.app import app
from synth.cli.options import Html, Jobs
from synth.cli.output import next_step, print_result, state


@app.command()
def compare(
    training: Annotated[Path, typer.Argument(help="The training set, or its profile.", metavar="TRAIN")],
    dev: Annotated[Path, typer.Argument(help="Real target audio, or its profile.", metavar="DEV")],
    clean: Annotated[
        Path | None,
        typer.Option(
            metavar="SET",
            help="Clean speech, or its profile, for comparison (default: the speech that TRAIN was made of).",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use only this split of TRAIN, such as train.")
    ] = None,
    condition: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use only this condition of TRAIN, such as matched.")
    ] = None,
    html: Html = None,
    fail_above: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="AUC", help="Exit with code 5 if the AUC is above this value.")
    ] = None,
    max_clips: Annotated[int, typer.Option(min=2, help="Largest number of clips to measure per set.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="Random seed of the splits into halves.")] = 0,
    jobs: Jobs = 2,
) -> None:
    """Compare a training set with real audio.

    The result is one number for the mismatch, the distance in each feature, and what to change in the recipe.
    """
    from synth.cli.progress import Screen
    from synth.cli.show_compare import compare_text
    from synth.match.compare.compare import compare as compare_profiles
    from synth.match.compare.sides import clean_of, profile_of
    from synth.paths.output_path import check_file
    from synth.report.clip_card import sound_of
    from synth.report.compare_page import write_page

    if html is not None:
        check_file(html, "page", option="--html", inputs=(training, dev, clean))
    with Screen(state.verbosity) as screen:
        measure = partial(profile_of, max_clips=max_clips, jobs=jobs, progress=screen.scanned)
        train_profile, dev_profile = measure(training, split=split, condition=condition), measure(dev)
        reference = measure(clean) if clean else clean_of(train_profile, jobs=jobs, progress=screen.scanned)
        comparison = compare_profiles(train_profile, dev_profile, clean=reference, seed=seed)
    result = comparison.to_json()
    if html is not None:
        write_page(
            html, result, training=partial(sound_of, train_profile.root), dev=partial(sound_of, dev_profile.root)
        )
    print_result(result, lambda: compare_text(result))
    comparison.check(fail_above)
    next_step(f"synth fit RECIPE --to {quote(str(dev))} --out fitted")
