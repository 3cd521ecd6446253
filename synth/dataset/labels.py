"""The labels of manifest rows: counted, and as arrays with a mask. Unknown is null in the manifest, never false.

A label that a row does not have is unknown in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from synth.errors import UsageError
from synth.lists.label_value import STATES, state_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NO_SPLIT: Final = "-"
"""The split of rows of a plain manifest that names none."""


def label_arrays(
    rows: Iterable[Mapping[str, Any]], names: Sequence[str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The labels of rows as arrays for a loss: `(mask * loss(logits, values)).sum() / mask.sum()`.

    Args:
        rows: manifest rows.
        names: labels, in the order of the columns.

    Returns:
        `values`, float32, shape (rows, len(names)): 1 if the label is present, 0 if it is absent or unknown; and
        `mask`, bool, of the same shape: False if it is unknown.

    Raises:
        UsageError: a label is something else, such as a text; the message names the clip.
    """
    import numpy as np  # only here: commands that count labels need no arrays

    states = [[_state(row, name) for name in names] for row in rows]
    shape = len(states), len(names)
    values = np.array([[state == "present" for state in each] for each in states], np.float32).reshape(shape)
    mask = np.array([[state != "unknown" for state in each] for each in states], bool).reshape(shape)
    return values, mask


def _state(row: Mapping[str, Any], name: str) -> str:
    value = (row.get("labels") or {}).get(name)
    state = state_of(value)
    if state == "other":
        clip = row.get("id") or row.get("audio_filepath")
        raise UsageError(f"clip {clip}: the label {name!r} is {value!r}, neither true, false nor unknown; leave it out")
    return state


@dataclass(slots=True)
class LabelCounts:
    """Feed it the rows; it counts how often each label is present, absent, unknown or something else, by split.

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
        """All labels, sorted."""
        return tuple(sorted({name for name, _, _ in self._states}))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits, in the order in which they came."""
        return tuple(self.clips)

    def of(self, name: str, split: str) -> dict[str, int]:
        """{state: clips} for a label in a split."""
        clips: dict[str, int] = {state: self._states[name, split, state] for state in STATES}
        return {**clips, "unknown": clips["unknown"] + self.clips[split] - sum(clips.values())}

    def to_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """{label: {split: {state: clips}}}."""
        return {name: {split: self.of(name, split) for split in self.splits} for name in self.names}

    def values(self) -> dict[str, dict[str, dict[str, int]]]:
        """{label: {split: {value: clips}}} of labels that are texts or numbers, the most frequent value first."""
        values: dict[str, dict[str, dict[str, int]]] = {}
        for (name, split, value), clips in sorted(self._values.items(), key=lambda item: (-item[1], item[0])):
            values.setdefault(name, {}).setdefault(split, {})[value] = clips
        return values


class TruthLabels:
    """Feed it the labels of many clips; it names those that a loss can be taken of.

    Their every value is true, false (also in the words of a list) or unknown, and is known at least once.
    """

    def __init__(self) -> None:
        self._truths: set[str] = set()
        self._others: set[str] = set()

    def add(self, labels: Mapping[str, object] | None) -> None:
        """Take the labels of one clip."""
        for name, value in (labels or {}).items():
            if name not in self._others and (state := state_of(value)) != "unknown":
                (self._others if state == "other" else self._truths).add(name)

    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._truths - self._others))
