"""Labels that rows get from their paths, by the rules of a recipe's source or of `synth split --by`.

The threat: a regular expression can take forever on a path of 100 characters, and Python cannot stop it. So patterns
run in a process of their own (processes/pool.py), which is killed after a few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from synth.errors import BadInput
from synth.lists.audio_list import AudioRow
from synth.processes.pool import Pool
from synth.recipe.model import FromPath

TIMEOUT_S: Final = 8.0  # for the paths of one task and the start of its process; the pool tries twice
_AT_ONCE: Final = 8192  # paths in one task


class SlowPattern(Exception):
    """A pattern took too long, or broke the process that ran it."""

    def __init__(self, label: str, pattern: str) -> None:
        super().__init__(f"the pattern '{pattern}' takes more than {TIMEOUT_S:g} s; write it without nested repeats")
        self.label = label  #: whose pattern it is


def add_path_labels(rows: Sequence[AudioRow], labels: Mapping[str, FromPath], pool: Pool) -> list[AudioRow]:
    """Add labels from the paths of rows, if they have none from a list.

    Args:
        rows: their paths are relative to the folder that the labels are meant for.
        labels: name of the label ("speaker", or any other) -> where it is in the path.
        pool: runs the patterns.

    Raises:
        SlowPattern: a pattern takes too long.
    """
    named = list(rows)
    for name, rule in labels.items():
        paths = [row.path for row in named]
        values: Sequence[str | None]
        if rule.level is None:
            values = _from_pattern(paths, rule, name, pool)
        else:  # the folder at a level (1: the first); a file may not be that deep
            parts = [path.split("/") for path in paths]
            values = [folders[rule.level - 1] if len(folders) > rule.level else None for folders in parts]
        pairs = zip(named, values, strict=True)
        named = [row if value is None else _labeled(row, name, value) for row, value in pairs]
    return named


def _labeled(row: AudioRow, name: str, value: str) -> AudioRow:
    """The row with a label, if it has none of that name."""
    labels = row.detail.get("labels")
    labels = labels if isinstance(labels, Mapping) else {}
    if (row.detail if name == "speaker" else labels).get(name) is not None:
        return row
    extra = {name: value} if name == "speaker" else {"labels": {**labels, name: value}}
    return replace(row, detail={**row.detail, **extra})


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
    """The label `name` of each path: the pattern's group of that name, or its only group; None without a match."""
    compiled = re.compile(pattern)
    group = name if name in compiled.groupindex else 1
    return [(match[group] or None) if (match := compiled.search(path)) else None for path in paths]
