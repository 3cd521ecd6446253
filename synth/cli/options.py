"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Recipe = Annotated[Path, typer.Argument(help="The recipe (YAML), or its folder.", metavar="RECIPE")]
DataSet = Annotated[Path, typer.Argument(help="Folder of the data set.", metavar="DIR")]
Clip = Annotated[str, typer.Argument(help="The clip: its id, the beginning of its id, or its file.", metavar="CLIP")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override one key of the recipe, such as noise.snr_db='[0, 15]'. Repeatable."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Number of worker processes.")]
StrictInputs = Annotated[
    bool,
    typer.Option("--strict-inputs", help="Hash all input files whole when planning, so that no change goes unnoticed."),
]
MaxClips = Annotated[
    int, typer.Option("--max-clips", min=2, help="Measure at most this many clips, spread evenly over groups.")
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write an HTML page to this file.")]

# Choices, so that the help lists them and a shell completes them. They are written out because importing them from the
# rooms that define them would slow every command down; a test compares the two.
GrowMethod: TypeAlias = Literal["quilt", "shaped", "separate", "cabin"]
Unit: TypeAlias = Literal["word", "character", "clip"]
Measure: TypeAlias = Literal["errors", "error", "text", "loss"]
SelectMethod: TypeAlias = Literal["quotas", "ratio", "balance"]
OnConflict: TypeAlias = Literal["refuse", "drop", "dev", "test", "train"]
ExportFormat: TypeAlias = Literal[
    "croissant",
    "espnet",
    "funasr",
    "huggingface",
    "kaldi",
    "lhotse",
    "nemo",
    "nemo_tarred",
    "shar",
    "speechbrain",
    "table",
    "table_parquet",
    "webdataset",
    "wenet",
]
