"""Which noise recordings count as one: those of one file or one `recording_column`, and near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synth.catalog.catalog import Catalog
from synth.catalog.near_duplicates import Pair
from synth.catalog.recording import Recording
from synth.catalog.synthesized_noise import synthesized_file_of
from synth.dsp.segments import Stretch
from synth.stats.groups import join_linked

CONTAINED = 0.9
"""A recording that shares this much of itself with a longer one adds nothing to it."""


class UsableNoise(Protocol):
    """The decoded noise, by the index of a recording in the catalog."""

    def stretches(self, index: int) -> Sequence[Stretch]:
        """The usable stretches, at the data set's rate."""
        ...

    def pcm_digest(self, index: int) -> str:
        """A digest of the samples."""
        ...

    def near_duplicates(self) -> Sequence[Pair]:
        """The pairs of recordings that share sound."""
        return ()


@dataclass(frozen=True, slots=True)
class ExcludedRecording:
    """A recording that is not used because another one has its sound."""

    index: int
    twin: int  #: index of the recording that is used instead
    common_s: float  #: sound that both have; 0 if they share it through other recordings only


@dataclass(frozen=True, slots=True)
class RecordingGroups:
    """The noise recordings that have usable sound, in groups. Recordings are given by their index."""

    noise: Catalog
    usable: UsableNoise
    group: Mapping[int, str]  #: recording -> name of what it counts as
    copies: Mapping[int, int]  #: recording -> first of those that share sound, with all segments of their files

    @classmethod
    def of(cls, noise: Catalog, usable: UsableNoise) -> RecordingGroups:
        """Group all recordings of a catalog."""
        indices = [i for i in range(len(noise)) if usable.stretches(i)]
        names = {i: recording_group(noise[i], noise.source(i).recording_column) for i in indices}
        shared = [(pair.first, pair.second) for pair in usable.near_duplicates()]
        shared += _grown_pairs(noise, indices)
        same_name = _first_with_same(names)
        same_file = _first_with_same({i: noise.file(i) for i in indices})
        first = join_linked(indices, [*shared, *same_name.items()])
        copies = join_linked(indices, [*shared, *same_file.items()])
        return cls(noise, usable, {i: names[j] for i, j in first.items()}, copies)

    def pairs_among(self, indices: Iterable[int]) -> list[Pair]:
        """Pairs of these recordings that share sound. Of those with equal samples only the first has pairs."""
        first: dict[str, int] = {}
        for i in sorted(indices):
            first.setdefault(self.usable.pcm_digest(i), i)
        pairs = []
        for pair in self.usable.near_duplicates():
            a, b = self.usable.pcm_digest(pair.first), self.usable.pcm_digest(pair.second)
            if a != b and a in first and b in first:
                pairs.append(Pair(first[a], first[b], pair.lag_s, pair.common_s, pair.error_rate))
        return pairs

    def contained(self, indices: Iterable[int]) -> list[ExcludedRecording]:
        """The recordings that longer ones of `indices` contain (of two that are equally long, the later)."""
        partners: dict[int, list[tuple[int, float]]] = {}
        for pair in self.pairs_among(indices):
            partners.setdefault(pair.first, []).append((pair.second, pair.common_s))
            partners.setdefault(pair.second, []).append((pair.first, pair.common_s))
        excluded: dict[int, ExcludedRecording] = {}
        for i in sorted(partners, key=self._longest_first):
            for j, common_s in sorted(partners[i]):
                is_longer = self._longest_first(j) < self._longest_first(i)
                if is_longer and j not in excluded and common_s >= CONTAINED * self.noise[i].seconds:
                    excluded.setdefault(i, ExcludedRecording(i, j, common_s))
        return [excluded[i] for i in sorted(excluded)]

    def shorter_copies(self, indices: Sequence[int]) -> list[ExcludedRecording]:
        """All recordings but those of the longest file of each set that shares sound."""
        longest: dict[int, int] = {}
        for i in sorted(indices, key=self._longest_first):
            longest.setdefault(self.copies[i], i)
        common_s = {frozenset((pair.first, pair.second)): pair.common_s for pair in self.pairs_among(indices)}
        twins = ((i, longest[self.copies[i]]) for i in indices)
        return [
            ExcludedRecording(i, twin, common_s.get(frozenset((i, twin)), 0.0))
            for i, twin in twins
            if self.noise.file(i) != self.noise.file(twin)
        ]

    def _longest_first(self, index: int) -> tuple[float, int]:
        return -self.noise[index].seconds, index


def recording_group(recording: Recording, column: str | None) -> str:
    """What counts as one recording by name.

    It is the value of the source's `recording_column`; else, for a file of `synth grow`, what it was grown from; else
    the file with all its segments.
    """
    value = (recording.labels or {}).get(column) if column else None
    if value is None and (file := synthesized_file_of(recording)) is not None:
        value = file.grown_from
    return f"{recording.source}/{recording.path if value is None else value}"


def _grown_pairs(noise: Catalog, indices: Iterable[int]) -> list[tuple[int, int]]:
    """Pairs (recording, file of `synth grow` that was grown from it)."""
    by_name: dict[str, list[int]] = {}
    grown: list[tuple[int, str]] = []
    for i in indices:
        recording = noise[i]
        if (file := synthesized_file_of(recording)) is None:
            by_name.setdefault(recording.path.rpartition("/")[2], []).append(i)
        else:
            grown.extend((i, name) for name in file.recordings)
    return [
        (j, i)
        for i, name in grown
        for j in by_name.get(name.rpartition("/")[2], ())
        # the list of `synth grow` and the recipe may have different roots
        if f"/{noise.path(j)}".endswith(f"/{name}") or f"/{name}".endswith(f"/{noise.path(j)}")
    ]


def _first_with_same(names: Mapping[int, str]) -> dict[int, int]:
    """Each recording and the first one of its name."""
    first: dict[str, int] = {}
    return {i: first.setdefault(name, i) for i, name in sorted(names.items())}
