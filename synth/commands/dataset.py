"""Look at a data set that exists, finished or not: `synth finish`, `synth status`, `synth verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.commands.plan import StrPath
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.paths.folders import is_data_set, is_export

if TYPE_CHECKING:
    from synth.dataset.status import Status
    from synth.dataset.verify import VerifyReport

__all__ = ["finish", "read_status", "verify"]


def finish(out: StrPath, *, accept_timeouts: bool = False) -> dict[str, Any]:
    """Merge the parts of a data set, under the directory's lock, and return what dataset.json says.

    Args:
        out: the data set's directory.
        accept_timeouts: count clips that timed out as refused for good.

    Raises:
        UsageError: there is no data set; or shards are missing.
        Locked: another run holds the directory.
        TooManyBadInputs, SynthError: as `synth.dataset.finish.finish`.
    """
    from synth.dataset.finish import finish as merge_parts
    from synth.dataset.plan_header import read_plan_header

    dataset = DatasetDir(Path(out))
    read_plan_header(dataset)  # before a lock file is made in a folder that is not ours
    with lock.hold_all(dataset, "synth finish"):
        return merge_parts(dataset, accept_timeouts=accept_timeouts)


def read_status(out: StrPath) -> Status:
    """Read how much of a data set is rendered. Raises UsageError if there is none, DamagedDataset."""
    from synth.dataset.status import status

    return status(DatasetDir(Path(out)))


def verify(out: StrPath, *, quick: bool = False) -> VerifyReport:
    """Check a data set against its manifest: every file, hash, length and level; with `quick` files and sizes only.

    An export is checked against its `export.json`.

    What differs is in the report and raises nothing; `report.raise_for_findings()` does.

    Raises:
        UsageError: there is no finished data set or export.
        DamagedDataset: it is too damaged to be checked.
    """
    from synth.dataset.verify import verify as check_dataset

    if not is_data_set(out) and is_export(out):
        from synth.export.export_dir import ExportDir
        from synth.export.verify import verify_export

        return verify_export(ExportDir(Path(out)), quick=quick)
    return check_dataset(DatasetDir(Path(out)), quick=quick)
