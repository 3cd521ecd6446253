"""`synth status`: how much of a data set is rendered."""

from __future__ import annotations

from synth.cli.options import DataSet
from synth.cli.output import print_result


def status(dataset: DataSet) -> None:
    """Show how much of a data set is rendered."""
    from synth.cli.show.dataset import status_text
    from synth.commands.dataset import read_status

    report = read_status(dataset)
    print_result(report.to_json(), lambda: status_text(report, dataset))
