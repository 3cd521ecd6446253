"""`synth export`: the clips of a data set in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synth.cli.options import DataSet, ExportFormat, Jobs
from synth.cli.output import print_result


def export(
    dataset: DataSet,
    to: Annotated[ExportFormat, typer.Option("--to", help="The format to export to.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the export.")],
    split: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Export only clips of this split. Repeatable.")
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Export only clips of this stage of training. Repeatable.")
    ] = None,
    condition: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Export only clips of this condition. Repeatable.")
    ] = None,
    min_duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Export only clips of at least this length.")
    ] = None,
    max_duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Export only clips of at most this length.")
    ] = None,
    paths: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Paths of audio in lists: `relative` to the export, `absolute`, or a prefix in place of the data "
            "set's folder (default: what the reader of the format needs).",
        ),
    ] = None,
    shard_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="CLIPS", help="Clips per archive (default: the shard size of the data set)."),
    ] = None,
    cut_margins: Annotated[
        bool, typer.Option("--cut-margins", help="Leave out the margins before and after the speech.")
    ] = False,
    jobs: Jobs = 2,
) -> None:
    """Export a data set for another tool.

    Run the same command again to resume after an interruption. The lines that read the export are printed.
    """
    from synth.cli.progress import Screen
    from synth.cli.show.export import export_text
    from synth.commands.export import export as export_dataset

    with Screen() as screen:
        result = export_dataset(
            dataset,
            out,
            to=to,
            split=split or (),
            stage=stage or (),
            condition=condition or (),
            min_duration=min_duration,
            max_duration=max_duration,
            paths=paths,
            shard_size=shard_size,
            cut_margins=cut_margins,
            jobs=jobs,
            progress=screen.scanned,
        )
    values = {**result.to_json(), "out": str(out)}
    print_result(values, lambda: export_text(values))
