"""Which labels say yes or no, over many rows: those that a loss can be taken of."""

from __future__ import annotations

from collections.abc import Mapping

from synth.lists.label_value import state_of


class YesOrNo:
    """Goes through the labels of many clips, and tells those whose every value is true, false (also in the words of a
    list) or unknown, and is known at least once."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._others: set[str] = set()

    def add(self, labels: Mapping[str, object] | None) -> None:
        for name, value in (labels or {}).items():
            if name not in self._others and (state := state_of(value)) != "unknown":
                (self._others if state == "other" else self._known).add(name)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._known - self._others))
