"""Checks of the rows of a data set that somebody else may have made: they become file names, and lines that tools run.

A list that refers to `x.flac |rm -rf ~ |` is a command for Kaldi, and a stage called `../../x` is a file anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from synth.dataset.json_checks import fault
from synth.dataset.reader import leads_out
from synth.dataset.row_consistency import stems_of
from synth.dataset.row_schema import OUR_ROW
from synth.text import short_repr

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_PATH: Final = re.compile(r"[A-Za-z0-9_./-]{1,1000}")


def row_fault(row: Mapping[str, Any], split: str, sample_rate: int) -> str | None:
    """What is wrong with a row that is to be exported; None if nothing is.

    Args:
        row: any JSON object.
        split: whose manifest it is in.
        sample_rate: of the data set (Hz).
    """
    problem = fault(OUR_ROW, row)
    if problem is not None:
        return f"not a row of a manifest: {problem}"
    if row["split"] != split:
        return f"its split is {short_repr(row['split'])}"
    if row["sampling_rate"] != sample_rate:
        return f"its sampling_rate is {row['sampling_rate']}, that of the data set {sample_rate}"
    for key in ("id", "source_id", "stage"):
        name = row.get(key)
        if name is not None and not _NAME.fullmatch(name):
            return f"its {key} is {short_repr(name)}, which is no name of synth"
    for path in (row["audio_filepath"], *stems_of(row).values()):
        if not _PATH.fullmatch(path) or leads_out(path) or path.startswith("-"):
            return f"its path {short_repr(path)} is none of a data set"
    speech = row["speech"]
    if speech["num_samples"] < 1 or speech["onset"] + speech["num_samples"] > row["num_samples"]:
        return "its speech lies outside of the clip"
    return None
