"""`synth split`: dev, test and a share for training from real target audio."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from synth.cli.options import Jobs, OnConflict
from synth.cli.output import next_step, print_result, report_inputs


def split(
    set_: Annotated[
        Path, typer.Argument(help="Real target audio: a folder, or a list of it (CSV or JSON lines).", metavar="SET")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the lists.")],
    dev: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Size of the dev set: clips (2000), time (2h), share (10%) or `rest`."),
    ] = None,
    test: Annotated[str | None, typer.Option(metavar="SIZE", help="Size of the test set, as for --dev.")] = None,
    train: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Size of the share for training, as for --dev (default: rest).")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMNS",
            help="Columns that define a group, such as speaker,session (default: speaker, session, recording), or a "
            "part of the path: session='([0-9]+)-' or session=folder:1.",
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Folder of an earlier split, whose clips stay where they are.")
    ] = None,
    on_conflict: Annotated[
        OnConflict,
        typer.Option(
            help="What to do with a group that OLD had in two splits: refuse, drop it, or the split to move it to."
        ),
    ] = "refuse",
    duplicates: Annotated[bool, typer.Option(help="Compare the sound of all clips to find near-duplicates.")] = True,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed for the order of the groups.")] = None,
    error: Annotated[
        float, typer.Option(min=0.1, max=50, metavar="PERCENT", help="Expected error rate on dev, in percent.")
    ] = 10.0,
    allow_synthesized: Annotated[bool, typer.Option("--allow-synthesized", help="Accept synthesized audio.")] = False,
    allow_other: Annotated[
        bool, typer.Option("--allow-other", help="Accept audio that its list marks as not from the target.")
    ] = False,
    jobs: Jobs = 2,
) -> None:
    """Split real audio into dev, test and train.

    Groups (speakers, sessions, near-duplicates) are never divided between two splits.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.split import split_text
    from synth.commands.split import SplitRequest, split_real_audio

    request = SplitRequest(
        path=set_,
        out=out,
        sizes={"dev": dev, "test": test, "train": train},
        by=tuple(by or ()),
        seed=seed,
        keep=keep,
        on_conflict=on_conflict,
        duplicates=duplicates,
        allow_synthesized=allow_synthesized,
        allow_other=allow_other,
        error_rate=error / 100,
        jobs=jobs,
    )
    with Screen() as screen:
        report = split_real_audio(request, progress=screen.scanned)
    print_result({**report, "out": str(out)}, lambda: split_text(report, out))
    report_inputs(report["refused"], report["warnings"], count=report["refused_count"])
    next_step(f"synth profile {quote(str(out / 'dev.jsonl'))} --out dev.profile")
