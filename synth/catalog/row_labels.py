"""Labels that are taken from paths, as a source of a recipe or `synth split --by` says.

A regular expression can take forever on a path of 100 characters, and Python cannot stop it: patterns run in a process
of their own (processes/pool.py), which is ended after a few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.processes.pool import Pool
from synth.recipe.model import FromPath

TIMEOUT_S = 8.0  # for the paths of one task and the start of its process; the pool tries twice
_AT_ONCE = 8192


class SlowPattern(Exception):
    """A pattern took too long, or broke the process that ran it. `label`: whose pattern it is."""

    def __init__(self, label: str, pattern: str) -> None:
        super().__init__(f"the pattern '{pattern}' takes more than {TIMEOUT_S:g} s; write it without nested repeats")
        self.label = label


def add_path_labels(rows: Sequence[AudioRow], labels: Mapping[str, FromPath], pool: Pool) -> list[AudioRow]:
    """The rows with labels from their paths, if they have none from a list.

    Args:
        rows: their paths are relative to the folder that the labels are meant for.
        labels: name of the label ("speaker", or any other) -> where it is in the path.
        pool: where patterns are run.

    Raises:
        SlowPattern: a pattern does not come to an end.
    """
    named = list(rows)
    for name, rule in labels.items():
        paths = [row.path for row in named]
        values = _from_folders(paths, rule.level) if rule.level is not None else _from_pattern(paths, rule, name, pool)
        named = [row if value is None else _with(row, name, value) for row, value in zip(named, values, strict=True)]
    return named


def _with(row: AudioRow, name: str, value: str) -> AudioRow:
    known = row.detail.get("labels")
    labels = known if isinstance(known, Mapping) else {}
    if name == "speaker":
        return row if row.detail.get(name) is not None else replace(row, detail={**row.detail, name: value})
    return (
        row if labels.get(name) is not None else replace(row, detail={**row.detail, "labels": {**labels, name: value}})
    )


def _from_folders(paths: Sequence[str], level: int) -> list[str | None]:
    """The folder at a level (1: the first), None for a file that is not so deep."""
    split = (path.split("/") for path in paths)
    return [parts[level - 1] if len(parts) > level else None for parts in split]


def _from_pattern(paths: Sequence[str], rule: FromPath, name: str, pool: Pool) -> list[str | None]:
    pattern = rule.pattern or ""
    tasks = [(name, pattern, list(paths[start : start + _AT_ONCE])) for start in range(0, len(paths), _AT_ONCE)]
    values: dict[int, list[str | None]] = {}
    for index, answer in pool.map(f"{__name__}:matches", tasks, timeout_s=TIMEOUT_S, batch=1):
        if isinstance(answer, BadInput):
            raise SlowPattern(name, pattern)
        values[index] = answer
    return [value for index in range(len(tasks)) for value in values[index]]


def matches(name: str, pattern: str, paths: Sequence[str]) -> list[str | None]:
    """What a pattern says of each path: its group `name`, or its only group; None without a match."""
    compiled = re.compile(pattern)
    group = name if name in compiled.groupindex else 1
    return [(match[group] or None) if (match := compiled.search(path)) else None for path in paths]
