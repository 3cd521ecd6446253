"""Data sets of earlier versions: their keys are not read, but named together with the keys of today."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from synth.errors import UsageError

RENAMED_SINCE: Final = 5
"""The first format of plans with the keys of today."""
#: Keys of `.synth/plan.json` before that.
PLAN_KEYS: Final = {
    "fingerprint": "plan_digest",
    "digests": "input_digests",
    "inputs": "num_inputs",
    "planned": "ledger",
}
#: Keys of `dataset.json` until schema 1.
CONTENT_KEYS: Final = {
    "fingerprint": "plan_digest",
    "inputs": "input_digests",
    "ledger.made": "ledger.rendered",
    "ledger.*.pools[].grown": "ledger.*.pools[].by_method",
}
#: Keys of the items of a list in a manifest row, by the key of the list.
_ROW_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "noise": {"grown": "synthesis"},
    "events": {"onset": "start", "offset": "end", "made": "synthesis"},
}


def refuse_format(path: Path, key: str, old: int, new: int, renamed: Mapping[str, str]) -> None:
    """Raise UsageError if a file has another format than this version reads.

    Args:
        path: the file.
        key: the key of the format number in the file.
        old: the number in the file.
        new: the number that this version writes and reads.
        renamed: the key of today for each key of the last format before it.
    """
    if old == new:
        return
    origin = "an earlier" if old < new else "a later"
    keys = ", ".join(f"`{name}` is now `{today}`" for name, today in renamed.items())
    changes = f" ({keys})" if keys and old < new else ""
    raise UsageError(
        f"{path}: {key} is {old}, written by {origin} version of synth; this version reads {new}{changes}. "
        "Use the version that wrote it, or generate the data set again in a new directory"
    )


def refuse_old_row(row: Mapping[str, Any], where: str) -> None:
    """Raise UsageError if a manifest row has a key that was renamed; `where` names the file and the line."""
    for column, renamed in _ROW_KEYS.items():
        items = row.get(column)
        for item in items if isinstance(items, list) else ():
            old = next((key for key in renamed if isinstance(item, dict) and key in item), None)
            if old is not None:
                raise UsageError(
                    f"{where}: the key `{column}[].{old}` of earlier versions of synth is now "
                    f"`{column}[].{renamed[old]}`. Use the version that wrote the data set, or generate it again in a "
                    "new directory"
                )
