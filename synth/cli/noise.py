"""`synth noise`: a report on a collection of noise."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Html, Jobs
from synth.cli.output import next_step, print_result, report_inputs
from synth.recipe.defaults import MAX_REUSE


def noise(
    folder: Annotated[Path, typer.Argument(help="A folder of noise, or a list of its files.", metavar="SET")],
    glob: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Use only files that match, such as '**/*.wav'.")
    ] = None,
    sample_rate: Annotated[
        int, typer.Option(min=4000, max=192_000, help="Sample rate of the planned data set, in Hz.")
    ] = 16000,
    reuse: Annotated[
        float, typer.Option(metavar="TIMES", help="How many times each second of noise may be used, on average.")
    ] = MAX_REUSE,
    hours: Annotated[float, typer.Option(metavar="HOURS", help="Hours of speech that need noise.")] = 100.0,
    html: Html = None,
    jobs: Jobs = 2,
) -> None:
    """Report on a collection of noise.

    The report has levels, spectra, tones, speech in the noise, near-duplicates, and what the noise is enough for.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.noise import noise_text
    from synth.commands.noise import noise_report

    with Screen() as screen:
        noise_set = noise_report(
            folder,
            glob=glob,
            sample_rate=sample_rate,
            reuse=reuse,
            hours=hours,
            html=html,
            jobs=jobs,
            progress=screen.scanned,
        )
    report = noise_set.to_json()
    print_result(report, lambda: noise_text(report))
    report_inputs(report["refused"], (), notes=report["notes"])
    next_step(f"synth init DIR --speech SPEECH_DIR --noise {quote(str(folder))}, or for more noise: synth grow --help")
