"""A sequence of clips, and parts of it: by split, stage, condition and weight, or by slices.

What is chosen is remembered as the steps that led there, not as a list of a million indices: so a part of a data set
is as cheap to send to a worker process as the whole.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self, SupportsIndex, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from synth.errors import UsageError
from synth.training.row import Row

Indices: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

WORDS = ("split", "stage", "condition")
NUMBERS = ("duration", "weight")


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: `names[codes[i]]` is that of clip i; code -1 is None."""

    codes: npt.NDArray[np.int16]
    names: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str | None]) -> Words:
        known: dict[str, int] = {}
        codes = [-1 if word is None else known.setdefault(word, len(known)) for word in words]
        return cls(np.array(codes, np.int16), tuple(known))

    def among(self, wanted: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Where the word is one of these."""
        return np.isin(self.codes, [code for code, name in enumerate(self.names) if name in wanted])


class Store(Protocol):
    """All clips there are, by index. To be sent to other processes, it must pickle small."""

    def __len__(self) -> int: ...

    def row(self, index: int) -> Row: ...

    def words(self, column: str) -> Words:
        """One of WORDS."""
        ...

    def numbers(self, column: str) -> Floats:
        """One of NUMBERS."""
        ...

    def label_names(self) -> tuple[str, ...]: ...

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id."""
        ...

    def name(self) -> str:
        """For messages."""
        ...


@dataclass(frozen=True, slots=True)
class Slice:
    """`data[start:stop:step]`."""

    start: int | None
    stop: int | None
    step: int | None

    def of(self, chosen: Indices, store: Store) -> Indices:
        return chosen[self.start : self.stop : self.step]


@dataclass(frozen=True, slots=True)
class Where:
    """`data.select(...)`: the words that a clip may have in some columns, and the weight that it must have."""

    words: tuple[tuple[str, tuple[str, ...]], ...]
    min_weight: float | None

    def of(self, chosen: Indices, store: Store) -> Indices:
        for column, wanted in self.words:
            chosen = chosen[store.words(column).among(wanted)[chosen]]
        if self.min_weight is not None:
            chosen = chosen[store.numbers("weight")[chosen] >= self.min_weight]
        return chosen


class View(Sequence[Row]):
    """Clips in an order that never changes. `data[i]` and `data["id of a clip"]` are a Row; `data[a:b]` and
    `data.select(...)` are parts."""

    def __init__(self, store: Store, steps: tuple[Slice | Where, ...] = ()) -> None:
        self._store = store
        self._steps = steps

    def __reduce__(self) -> tuple[type[Self], tuple[Store, tuple[Slice | Where, ...]]]:
        return type(self), (self._store, self._steps)

    def __repr__(self) -> str:
        return f"<{len(self)} clips of {self._store.name()}>"

    @cached_property
    def _chosen(self) -> Indices | None:
        """The indices of the clips; None for all."""
        if not self._steps:
            return None
        chosen = np.arange(len(self._store))
        for step in self._steps:
            chosen = step.of(chosen, self._store)
        return chosen

    def __len__(self) -> int:
        return len(self._store) if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, index: SupportsIndex | str) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | str | slice) -> Row | Self:
        if isinstance(index, slice):
            return self._part(Slice(index.start, index.stop, index.step))
        if isinstance(index, str):
            return self._store.row(self._place_of(index))
        if not hasattr(index, "__index__"):
            raise TypeError(f"a clip is named by its number or its id, not by {type(index).__name__} {index!r}")
        return self._store.row(self._place(operator.index(index)))

    def _part(self, step: Slice | Where) -> Self:
        return type(self)(self._store, (*self._steps, step))

    def _place_of(self, clip_id: str) -> int:
        place = self._store.find(clip_id)
        if place is None or (self._chosen is not None and place not in self._chosen):
            raise KeyError(f"{self!r} has no clip {clip_id!r}")
        return place

    def _place(self, index: int) -> int:
        """Where a clip of this part stands in the whole."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"clip {index} of {count}")
        index %= count
        return index if self._chosen is None else int(self._chosen[index])

    def select(
        self,
        *,
        split: str | Sequence[str] | None = None,
        stage: str | Sequence[str] | None = None,
        condition: str | Sequence[str] | None = None,
        min_weight: float | None = None,
    ) -> Self:
        """The clips of one split, stage or condition (or of several), with at least this weight; in the same order.

        Raises UsageError for a name that no clip has, with those that there are.
        """
        asked = {"split": split, "stage": stage, "condition": condition}
        wanted = tuple((c, (v,) if isinstance(v, str) else tuple(v)) for c, v in asked.items() if v is not None)
        for column, names in wanted:
            self._check(column, names)
        return self._part(Where(wanted, min_weight))

    def _check(self, column: str, names: Sequence[str]) -> None:
        there = self._store.words(column).names
        if strange := [name for name in names if name not in there]:
            has = f"it has {', '.join(sorted(there))}" if there else f"none of its clips has a {column}"
            raise UsageError(f"{self._store.name()} has no {column} {strange[0]!r}; {has}")

    # -------------------------------------------------------------------------------------------------- whole columns

    def _names(self, column: str) -> tuple[str, ...]:
        words = self._store.words(column)
        codes = words.codes if self._chosen is None else words.codes[self._chosen]
        return tuple(sorted(words.names[code] for code in np.unique(codes) if code >= 0))

    def _numbers(self, column: str) -> Floats:
        numbers = self._store.numbers(column)
        return numbers.copy() if self._chosen is None else numbers[self._chosen]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that these clips are of, by name."""
        return self._names("split")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that these clips are for."""
        return self._names("stage")

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that these clips drew."""
        return self._names("condition")

    @property
    def durations(self) -> Floats:
        """Seconds of each clip, shape (len,): for batches of clips that are about as long."""
        return self._numbers("duration")

    @property
    def weights(self) -> Floats:
        """The weight of each clip, shape (len,): for a weighted sampler."""
        return self._numbers("weight")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of the whole that say yes or no (or nothing, where unknown), sorted: for `Row.label_values`."""
        return self._store.label_names()
