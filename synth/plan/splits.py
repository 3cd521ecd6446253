"""Which split a recording belongs to: a hash threshold on its group, stable when files are added."""

from __future__ import annotations

from collections.abc import Mapping

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
    labels = recording.labels or {}
    values = [recording.speaker if name == "speaker" else labels.get(name) for name in by]
    known = [f"unknown in {recording.source}" if value is None else _text(value) for value in values]
    return "/".join(f"{len(value)}:{value}" for value in known)


def _text(value: object) -> str:
    """As a list has it: true and false are written small."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class SplitOf:
    """Recording -> number of its split in SPLITS; counts groups as it goes. `pinned`: groups whose split the recipe
    says."""

    def __init__(self, splits: Splits, seed: int, pinned: Mapping[str, int] | None = None) -> None:
        self._splits = splits
        self._seed = seed
        self._pinned = dict(pinned or {})
        self._known: dict[str, int] = dict(self._pinned)

    def __call__(self, recording: Recording) -> int:
        if len(self._splits.shares) == 1:
            return SPLITS.index(next(iter(self._splits.shares)))
        group = group_of(recording, self._splits.by)
        if group not in self._known:
            self._known[group] = _split_of_group(self._splits, self._seed, group)
        return self._known[group]

    def refuse_empty(self) -> None:
        """Raise GuardError where a split that was asked for has no group, with a seed that would fill all."""
        missing = self._missing(self._known.values())
        if not missing or len(self._splits.shares) == 1:
            return
        by = " and ".join(self._splits.by)
        text = f"splits: {' and '.join(missing)} would be empty: {len(self._known)} groups (by {by})"
        if len(self._known) < len(self._splits.shares):
            raise GuardError(
                f"{text} cannot fill {len(self._splits.shares)} splits; add speech, or ask for fewer splits"
            )
        seed = self._good_seed()
        remedy = (
            "raise its share, or add speech"
            if seed is None
            else f"raise its share, or take a seed that fills all: --set seed={seed}"
        )
        raise GuardError(f"{text} all fell into other splits; {remedy}")

    def _missing(self, present: object) -> list[str]:
        there = set(present)  # type: ignore[call-overload]
        return [name for name in self._splits.shares if SPLITS.index(name) not in there]

    def _good_seed(self) -> int | None:
        """The next seed that leaves no split empty; None if it is not found in a second or two."""
        tries = min(10_000, 500_000 // len(self._known))
        for seed in range(self._seed + 1, self._seed + 1 + tries):
            free = (group for group in self._known if group not in self._pinned)
            there = {_split_of_group(self._splits, seed, group) for group in free}
            if not self._missing(there | set(self._pinned.values())):
                return seed
        return None


def pinned_groups(recipe: Recipe, speech: Catalog) -> dict[str, int]:
    """The groups of the sources that say their split. Raises GuardError where two sources say different ones of one."""
    wanted = {source.name: SPLITS.index(source.split) for source in recipe.speech.sources if source.split is not None}
    found: dict[str, int] = {}
    for number, source in enumerate(speech.sources):
        for index in np.flatnonzero(speech.source_indices == number).tolist() if source.name in wanted else ():
            group = group_of(speech[index], recipe.splits.by)
            if found.setdefault(group, wanted[source.name]) != wanted[source.name]:
                by = " and ".join(recipe.splits.by)
                raise GuardError(
                    f"speech.sources: {speech.file(index)} should be in {SPLITS[wanted[source.name]]}, but its group "
                    f"(by {by}) is in a source with `split: {SPLITS[found[group]]}`; a group is in one split"
                )
    return found


def _split_of_group(splits: Splits, seed: int, group: str) -> int:
    u = uniform01(seed, f"group:{group}", "splits")
    total = 0.0
    for name, share in splits.shares.items():
        total += share
        if u < total and share > 0:
            return SPLITS.index(name)
    return SPLITS.index(name)
