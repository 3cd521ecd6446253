"""`synth noise`: a report on a collection of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from synth.cli.app import Jobs, Json, _print, app, state


@app.command()
def noise(
    folder: Annotated[
        Path, typer.Argument(help="A folder of noise, or a list of files.", metavar="DIR", envvar="SYNTH_NOISE_DIR")
    ],
    pattern: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation
        typer.Option(envvar="SYNTH_PATTERN", help="Only files that match, such as '**/*.wav'."),
    ] = None,
    sample_rate: Annotated[
        int, typer.Option(min=4000, max=192_000, envvar="SYNTH_SAMPLE_RATE", help="Of the data set to be made, in Hz.")
    ] = 16000,
    reuse: Annotated[
        float, typer.Option(envvar="SYNTH_REUSE", metavar="R", help="How often each second of noise may be used.")
    ] = 10.0,
    hours: Annotated[
        float, typer.Option(envvar="SYNTH_HOURS", metavar="H", help="How much speech it should be enough for.")
    ] = 100.0,
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(envvar="SYNTH_HTML", metavar="FILE", help="Write a page with spectra, too."),
    ] = None,
    jobs: Jobs = 2,
    json_: Json = False,
) -> None:
    """Report on a noise collection: levels, spectra, tones, speech, near-duplicates, and what it is enough for."""
    from synth.cli.progress import Screen
    from synth.cli.show import as_json
    from synth.cli.show_noise import noise_text
    from synth.noise_report import check_page, noise_report, write_page

    if html is not None:
        check_page(html)
    with Screen(state.verbosity) as screen:
        made = noise_report(
            folder,
            pattern=pattern,
            sample_rate=sample_rate,
            reuse=reuse,
            hours=hours,
            jobs=jobs,
            progress=screen.scanned,
        )
    report = made.to_json()
    if html is not None:
        write_page(html, report)
    _print(as_json(report) if json_ else noise_text(report))
