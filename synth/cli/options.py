"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Recipe = Annotated[Path, typer.Argument(help="The recipe (YAML), or its folder.", metavar="RECIPE")]
DataSet = Annotated[Path, typer.Argument(help="Folder of the data set.", metavar="DIR")]
Clip = Annotated[str, typer.Argument(help="The clip: its id, the beginning of its id, or its file.", metavar="CLIP")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one key of the recipe, such as noise.snr_db='[0, 15]'. Repeatable.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Number of worker processes.")]
StrictInputs = Annotated[
    bool,
    typer.Option("--strict-inputs", help="Hash all input files whole when planning, to notice every change of them."),
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write an HTML page to this file.")]

# Choices, so that help lists them and a shell completes them. (A test holds them to what the layers below know: to
# import those here would slow every command down.)
GrowMethod: TypeAlias = Literal["quilt", "shaped", "separate", "cabin"]
Unit: TypeAlias = Literal["word", "character", "clip"]
Measure: TypeAlias = Literal["errors", "error", "text", "loss"]
SelectMethod: TypeAlias = Literal["quotas", "ratio", "balance"]
OnConflict: TypeAlias = Literal["refuse", "drop", "dev", "test", "train"]
