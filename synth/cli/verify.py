"""`synth verify`: is a data set what its manifest says, or an export what its `export.json` says?"""

from __future__ import annotations

from typing import Annotated

import typer

from synth.cli.options import DataSet
from synth.cli.output import print_result


def verify(
    dataset: DataSet,
    quick: Annotated[bool, typer.Option("--quick", help="Check files and sizes only, no hashes.")] = False,
) -> None:
    """Check a data set or an export.

    Every file, hash, length and level is checked against the manifest; of an export, every file against its
    export.json. The command exits with code 4 if anything differs.
    """
    from synth.commands.dataset import verify as verify_dataset

    report = verify_dataset(dataset, quick=quick)
    print_result(report.to_json(), lambda: report.to_text(dataset))
    report.raise_for_findings()
