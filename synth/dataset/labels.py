"""The labels of manifest rows: counted, and as arrays with a mask. Unknown is null in the manifest, never false.

A label that a row does not have is unknown in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.errors import UsageError
from synth.lists.label_value import STATES, state_of

NO_SPLIT: Final = "-"
"""Where the row of a plain manifest has no split."""


def label_arrays(
    rows: Iterable[Mapping[str, Any]], names: Sequence[str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(values, known), each of shape (rows, len(names)), in the order of `names`.

    `values` is 1 where the label is present, 0 where it is absent and where it is unknown; `known` is the mask of a
    loss: `(known * loss(logits, values)).sum() / known.sum()`.
    Raises UsageError, with the clip, where a label is something else, such as a text.
    """
    states = [[_state(row, name) for name in names] for row in rows]
    shape = len(states), len(names)
    values = np.array([[state == "present" for state in each] for each in states], np.float32).reshape(shape)
    known = np.array([[state != "unknown" for state in each] for each in states], bool).reshape(shape)
    return values, known


def _state(row: Mapping[str, Any], name: str) -> str:
    value = (row.get("labels") or {}).get(name)
    state = state_of(value)
    if state == "other":
        clip = row.get("id") or row.get("audio_filepath")
        raise UsageError(f"clip {clip}: the label {name!r} is {value!r}, neither true, false nor unknown; leave it out")
    return state


@dataclass(slots=True)
class LabelCounts:
    """How often each label is present, absent, unknown, or something else, by split; feed it the rows.

    A label that is not once known as present or absent (a text, such as an accent) is counted as `other` and `unknown`.
    """

    clips: Counter[str] = field(default_factory=Counter)
    _states: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _values: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # of those that are `other`

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the labels of one row."""
        split = row.get("split") or NO_SPLIT
        self.clips[split] += 1
        for name, value in (row.get("labels") or {}).items():
            state = state_of(value)
            self._states[name, split, state] += 1
            if state == "other":
                self._values[name, split, str(value)] += 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({name for name, _, _ in self._states}))

    @property
    def splits(self) -> tuple[str, ...]:
        """In the order in which they came."""
        return tuple(self.clips)

    def of(self, name: str, split: str) -> dict[str, int]:
        """{state: clips} of a label in a split."""
        found: dict[str, int] = {state: self._states[name, split, state] for state in STATES}
        return {**found, "unknown": found["unknown"] + self.clips[split] - sum(found.values())}

    def to_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """{label: {split: {state: clips}}}."""
        return {name: {split: self.of(name, split) for split in self.splits} for name in self.names}

    def values(self) -> dict[str, dict[str, dict[str, int]]]:
        """{label: {split: {value: clips}}} of labels that are texts or numbers, the most frequent value first."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for (name, split, value), clips in sorted(self._values.items(), key=lambda item: (-item[1], item[0])):
            found.setdefault(name, {}).setdefault(split, {})[value] = clips
        return found

    @property
    def truth_labels(self) -> tuple[str, ...]:
        """The labels that are present, absent or unknown in every row, and known in at least one."""
        told = {name: [self.of(name, split) for split in self.splits] for name in self.names}
        return tuple(
            name
            for name, counts in told.items()
            if not any(c["other"] for c in counts) and any(c["present"] + c["absent"] for c in counts)
        )
