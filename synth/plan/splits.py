"""Which split a recording belongs to: a hash threshold on its group, stable when files are added."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.draws import uniform01
from synth.errors import GuardError
from synth.recipe.model import SPLITS, Recipe, Splits

HELD_OUT_SPLIT = "train-dev-noise"


def group_of(recording: Recording, by: tuple[str, ...]) -> str:
    """The group that is never torn apart: the values of the labels in `by`.

    Recordings whose value is unknown stay together, by source: they may be anybody's.
    """
    labels, parts = recording.labels or {}, []
    for name in by:
        value = recording.speaker if name == "speaker" else labels.get(name)
        if isinstance(value, bool):
            value = str(value).lower()  # as a list has it
        text = f"unknown in {recording.source}" if value is None else str(value)
        parts.append(f"{len(text)}:{text}")  # with its length, so that no two groups are spelled alike
    return "/".join(parts)


class SplitOf:
    """Recording -> number of its split in SPLITS; remembers the groups that it has seen."""

    def __init__(self, splits: Splits, seed: int, pinned: Mapping[str, int] | None = None) -> None:
        """`pinned`: the groups whose split the recipe sets."""
        self._splits = splits
        self._seed = seed
        self._pinned = dict(pinned or {})
        self._split_of_group: dict[str, int] = dict(self._pinned)

    def __call__(self, recording: Recording) -> int:
        """Return the index of the split of a recording in SPLITS."""
        if len(self._splits.shares) == 1:
            return SPLITS.index(next(iter(self._splits.shares)))
        group = group_of(recording, self._splits.by)
        if group not in self._split_of_group:
            self._split_of_group[group] = _split_of_group(self._splits, self._seed, group)
        return self._split_of_group[group]

    def refuse_empty(self) -> None:
        """Refuse splits without a group, naming a seed that would fill all.

        Raises:
            GuardError: a split of the recipe is empty.
        """
        shares, count = self._splits.shares, len(self._split_of_group)
        missing = self._missing(self._split_of_group.values())
        if not missing or len(shares) == 1:
            return
        groups = f"{count} groups (by {' and '.join(self._splits.by)})"
        text = f"splits: {' and '.join(missing)} would be empty: {groups}"
        if count < len(shares):
            raise GuardError(f"{text} cannot fill {len(shares)} splits; add speech, or ask for fewer splits")
        seed = self._good_seed()
        remedy = "add speech" if seed is None else f"take a seed that fills all: --set seed={seed}"
        raise GuardError(f"{text} all fell into other splits; raise its share, or {remedy}")

    def _missing(self, present: Collection[int]) -> list[str]:
        return [name for name in self._splits.shares if SPLITS.index(name) not in present]

    def _good_seed(self) -> int | None:
        """The next seed that leaves no split empty; None if a second or two of search is not enough."""
        tries = min(10_000, 500_000 // len(self._split_of_group))
        free = [group for group in self._split_of_group if group not in self._pinned]
        for seed in range(self._seed + 1, self._seed + 1 + tries):
            drawn = {_split_of_group(self._splits, seed, group) for group in free}
            if not self._missing(drawn | set(self._pinned.values())):
                return seed
        return None


def pinned_groups(recipe: Recipe, speech: Catalog) -> dict[str, int]:
    """The groups of the sources that set their split, with its number.

    Raises:
        GuardError: two sources set different splits for one group.
    """
    set_splits = {s.name: SPLITS.index(s.split) for s in recipe.speech.sources if s.split is not None}
    pinned: dict[str, int] = {}
    for number, source in enumerate(speech.sources):
        if source.name not in set_splits:
            continue
        split = set_splits[source.name]
        for index in np.flatnonzero(speech.source_indices == number).tolist():
            group = group_of(speech[index], recipe.splits.by)
            if pinned.setdefault(group, split) != split:
                raise GuardError(
                    f"speech.sources: {speech.file(index)} should be in {SPLITS[split]}, but its group (by "
                    f"{' and '.join(recipe.splits.by)}) is in a source with `split: {SPLITS[pinned[group]]}`; a group "
                    "is in one split"
                )
    return pinned


def _split_of_group(splits: Splits, seed: int, group: str) -> int:
    u = uniform01(seed, f"group:{group}", "splits")
    total = 0.0
    for name, share in splits.shares.items():
        total += share
        if u < total and share > 0:
            return SPLITS.index(name)
    return SPLITS.index(name)
