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

CONTAINED = 0.9
"""A recording that has this share of itself in common with a longer one adds nothing to it."""


class UsableNoise(Protocol):
    """What is known of the decoded noise: usable stretches at the data set's rate, a digest of the samples, and which
    recordings share sound."""

    def stretches(self, index: int) -> Sequence[Stretch]: ...

    def pcm_digest(self, index: int) -> str: ...

    def near_duplicates(self) -> Sequence[Pair]:
        return ()


@dataclass(frozen=True, slots=True)
class ExcludedRecording:
    """A recording that is not used because another has its sound."""

    index: int
    other: int
    common_s: float


@dataclass(frozen=True, slots=True)
class RecordingGroups:
    """Recordings by their index. `group` has the name of what a recording counts as; `copies` the number of those that
    share sound, however indirectly, with all segments of their files."""

    noise: Catalog
    usable: UsableNoise
    group: Mapping[int, str]
    copies: Mapping[int, int]

    @classmethod
    def of(cls, noise: Catalog, usable: UsableNoise) -> RecordingGroups:
        there = [i for i in range(len(noise)) if usable.stretches(i)]
        pairs = [(pair.first, pair.second) for pair in usable.near_duplicates()]
        names = {i: recording_group(noise[i], noise.source(i).recording_column) for i in there}
        of_name, of_file = _first_with(names), _first_with({i: noise.file(i) for i in there})
        grown = _grown_from(noise, there)
        roots = _joined(there, [*pairs, *grown, *of_name.items()])
        copies = _joined(there, [*pairs, *grown, *of_file.items()])
        return cls(noise, usable, {i: names[root] for i, root in roots.items()}, copies)

    def pairs_among(self, indices: Iterable[int]) -> list[Pair]:
        """Pairs of these recordings. Those with equal samples stand for one another; only the first has pairs."""
        first: dict[str, int] = {}
        for i in sorted(indices):
            first.setdefault(self.usable.pcm_digest(i), i)
        found = []
        for pair in self.usable.near_duplicates():
            a, b = (self.usable.pcm_digest(i) for i in (pair.first, pair.second))
            if a != b and a in first and b in first:
                found.append(Pair(first[a], first[b], pair.lag_s, pair.common_s, pair.error_rate))
        return found

    def contained(self, indices: Iterable[int]) -> list[ExcludedRecording]:
        """The recordings that lie in longer ones of `indices` (of two that are equally long, the later)."""
        others: dict[int, list[tuple[int, float]]] = {}
        for pair in self.pairs_among(indices):
            others.setdefault(pair.first, []).append((pair.second, pair.common_s))
            others.setdefault(pair.second, []).append((pair.first, pair.common_s))
        gone: dict[int, ExcludedRecording] = {}
        for i in sorted(others, key=self._longest_first):
            for j, common in sorted(others[i]):
                longer = self._longest_first(j) < self._longest_first(i)
                if longer and j not in gone and common >= CONTAINED * self.noise[i].seconds:
                    gone.setdefault(i, ExcludedRecording(i, j, common))
        return [gone[i] for i in sorted(gone)]

    def shorter_copies(self, indices: Sequence[int]) -> list[ExcludedRecording]:
        """All recordings but those of the longest file of each set that shares sound."""
        longest: dict[int, int] = {}
        for i in sorted(indices, key=self._longest_first):
            longest.setdefault(self.copies[i], i)
        common = {frozenset((pair.first, pair.second)): pair.common_s for pair in self.pairs_among(indices)}
        gone = []
        for i in indices:
            other = longest[self.copies[i]]
            if self.noise.file(i) != self.noise.file(other):
                gone.append(ExcludedRecording(i, other, common.get(frozenset((i, other)), 0.0)))
        return gone

    def _longest_first(self, index: int) -> tuple[float, int]:
        return -self.noise[index].seconds, index


def _grown_from(noise: Catalog, there: Iterable[int]) -> list[tuple[int, int]]:
    """Pairs (recording, file that was grown from it) among the recordings that are there."""
    by_name: dict[str, list[int]] = {}
    grown: list[tuple[int, str]] = []
    for i in there:
        recording = noise[i]
        if (file := synthesized_file_of(recording)) is None:
            by_name.setdefault(recording.path.rpartition("/")[2], []).append(i)
        else:
            grown.extend((i, name) for name in file.recordings)
    return [
        (j, i)
        for i, name in grown
        for j in by_name.get(name.rpartition("/")[2], ())
        if f"/{noise.path(j)}".endswith(f"/{name}") or f"/{name}".endswith(f"/{noise.path(j)}")
    ]


def recording_group(recording: Recording, column: str | None) -> str:
    """What counts as one by name: the value of the source's `recording_column`; else, of a file of `synth grow`, what
    it was grown from; else the file with all its segments."""
    value = (recording.labels or {}).get(column) if column else None
    if value is None and (grown := synthesized_file_of(recording)) is not None:
        value = grown.grown_from
    return f"{recording.source}/{recording.path if value is None else value}"


def _first_with(names: Mapping[int, str]) -> dict[int, int]:
    """Each recording and the first one of its name."""
    first: dict[str, int] = {}
    return {i: first.setdefault(name, i) for i, name in sorted(names.items())}


def _joined(members: Iterable[int], pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The smallest member that each is joined with by pairs, however indirectly."""
    root = {i: i for i in members}

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        root[high] = low
    return {i: find(i) for i in root}
