"""A sequence of clips, and parts of it: by split, stage, condition and weight, or by slices.

A part remembers the steps that led to it, not a list of a million indices: so a part of a data set is as cheap to send
to a worker process as all of it.
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


@dataclass(frozen=True, slots=True)
class NameColumn:
    """A column of names, one for each clip, or None."""

    codes: npt.NDArray[np.int16]  # shape (clips,): index into `names`; -1 for None
    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str | None]) -> NameColumn:
        """The column of these names, coded in the order in which they come."""
        numbers: dict[str, int] = {}
        codes = [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names]
        return cls(np.array(codes, np.int16), tuple(numbers))


class ClipStore(Protocol):
    """All clips of a data set or a plan, by index. To be sent to other processes, it must pickle small."""

    def __len__(self) -> int: ...

    def name(self) -> str:
        """What messages call it."""
        ...

    def row(self, index: int) -> Row:
        """The clip with this index, from 0."""
        ...

    def find(self, clip_id: str) -> int | None:
        """The index of the clip with this id."""
        ...

    def name_column(self, column: str) -> NameColumn:
        """The column `split`, `stage` or `condition`."""
        ...

    def number_column(self, column: str) -> Floats:
        """The column `duration` (seconds) or `weight`, shape (clips,)."""
        ...

    def label_names(self) -> tuple[str, ...]:
        """The labels whose every value is true, false or unknown, and is known at least once; sorted."""
        ...


@dataclass(frozen=True, slots=True)
class SliceStep:
    """`data[start:stop:step]`."""

    start: int | None
    stop: int | None
    step: int | None

    def apply(self, indices: Indices, store: ClipStore) -> Indices:
        """The slice of clips, given by their index in the store.

        Args:
            indices: int64, shape (n,), clips.
            store: all clips.
        """
        return indices[self.start : self.stop : self.step]


@dataclass(frozen=True, slots=True)
class SelectStep:
    """`data.select(...)`."""

    names: tuple[tuple[str, tuple[str, ...]], ...]  # column, and the names of which a clip must have one
    min_weight: float | None

    def apply(self, indices: Indices, store: ClipStore) -> Indices:
        """Those of some clips that are selected, by their index in the store.

        Args:
            indices: int64, shape (n,), clips.
            store: all clips.
        """
        for name, selected in self.names:
            column = store.name_column(name)
            codes = [code for code, name in enumerate(column.names) if name in selected]
            indices = indices[np.isin(column.codes, codes)[indices]]
        if self.min_weight is not None:
            indices = indices[store.number_column("weight")[indices] >= self.min_weight]
        return indices


class View(Sequence[Row]):
    """Clips in an order that never changes.

    `data[i]` and `data["id of a clip"]` are a Row; `data[a:b]` and `data.select(...)` are parts.
    """

    def __init__(self, store: ClipStore, steps: tuple[SliceStep | SelectStep, ...] = ()) -> None:
        self._store = store
        self._steps = steps

    def __reduce__(self) -> tuple[type[Self], tuple[ClipStore, tuple[SliceStep | SelectStep, ...]]]:
        return type(self), (self._store, self._steps)

    def __repr__(self) -> str:
        return f"<{len(self)} clips of {self._store.name()}>"

    @cached_property
    def _indices(self) -> Indices | None:
        """The indices of the clips in the store; None for all."""
        if not self._steps:
            return None
        indices = np.arange(len(self._store))
        for step in self._steps:
            indices = step.apply(indices, self._store)
        return indices

    def __len__(self) -> int:
        return len(self._store) if self._indices is None else len(self._indices)

    @overload
    def __getitem__(self, index: SupportsIndex | str) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | str | slice) -> Row | Self:
        if isinstance(index, slice):
            return type(self)(self._store, (*self._steps, SliceStep(index.start, index.stop, index.step)))
        if isinstance(index, str):
            position = self._store.find(index)
            if position is None or (self._indices is not None and position not in self._indices):
                raise KeyError(f"{self!r} has no clip {index!r}")
            return self._store.row(position)
        if not hasattr(index, "__index__"):
            raise TypeError(f"a clip is named by its number or its id, not by {type(index).__name__} {index!r}")
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            raise IndexError(f"clip {number} of {count}")
        number %= count
        return self._store.row(number if self._indices is None else int(self._indices[number]))

    def select(
        self,
        *,
        split: str | Sequence[str] | None = None,
        stage: str | Sequence[str] | None = None,
        condition: str | Sequence[str] | None = None,
        min_weight: float | None = None,
    ) -> Self:
        """Select clips; their order stays.

        Args:
            split: a split, or several.
            stage: a stage of training, or several.
            condition: a condition of the recipe, or several.
            min_weight: the least weight in training.

        Raises:
            UsageError: no clip has such a name; the message lists the names that there are.
        """
        selected: list[tuple[str, tuple[str, ...]]] = []
        for column, value in (("split", split), ("stage", stage), ("condition", condition)):
            if value is None:
                continue
            names = (value,) if isinstance(value, str) else tuple(value)
            selected.append((column, names))
            present = self._store.name_column(column).names
            if unknown := [name for name in names if name not in present]:
                has = f"it has {', '.join(sorted(present))}" if present else f"none of its clips has a {column}"
                raise UsageError(f"{self._store.name()} has no {column} {unknown[0]!r}; {has}")
        return type(self)(self._store, (*self._steps, SelectStep(tuple(selected), min_weight)))

    def _names(self, name: str) -> tuple[str, ...]:
        column = self._store.name_column(name)
        codes = column.codes if self._indices is None else column.codes[self._indices]
        return tuple(sorted(column.names[code] for code in np.unique(codes) if code >= 0))

    def _numbers(self, column: str) -> Floats:
        numbers = self._store.number_column(column)
        return numbers.copy() if self._indices is None else numbers[self._indices]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that these clips are of, sorted."""
        return self._names("split")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of training that these clips are for, sorted."""
        return self._names("stage")

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that these clips drew, sorted."""
        return self._names("condition")

    @property
    def durations(self) -> Floats:
        """Seconds of each clip, shape (len,): for batches of clips of similar length."""
        return self._numbers("duration")

    @property
    def weights(self) -> Floats:
        """The weight of each clip in training, shape (len,): for a weighted sampler."""
        return self._numbers("weight")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels that `Row.label_values` takes: true, false or unknown in every clip of the store. Sorted."""
        return self._store.label_names()
