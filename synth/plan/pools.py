"""The two noise pools of each layer: one for train and train-dev, one for train-dev-noise alone; nothing in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synth.catalog.catalog import Catalog
from synth.catalog.recording import Recording
from synth.draws import uniform01
from synth.dsp.segments import Circle, Stretch
from synth.errors import GuardError
from synth.plan.splits import HELD_OUT_SPLIT
from synth.recipe.model import Layer, Recipe
from synth.units import resampled_length, seconds_to_samples

POOLS = ("train", "held_out")
GUARD_GAP_SECONDS = 1.0
_FEW = 4  # fewer recordings than this are split by time, inside each


class Usable(Protocol):
    """What is known of the decoded noise: usable stretches at the data set's rate, and a digest of the samples."""

    def stretches(self, index: int) -> Sequence[Stretch]: ...

    def pcm_digest(self, index: int) -> str: ...


@dataclass(frozen=True, slots=True)
class PoolRecording:
    """A noise recording in one pool of one layer. Those of one `group` count as one recording."""

    index: int
    id: str
    circle: Circle
    group: str


Pools = Mapping[tuple[str, str], tuple[PoolRecording, ...]]
"""(layer name, pool) -> its recordings."""

Places = tuple[Stretch, ...]


def needs_held_out(recipe: Recipe) -> bool:
    return recipe.splits.shares.get(HELD_OUT_SPLIT, 0) > 0


def make_pools(recipe: Recipe, noise: Catalog, usable: Usable) -> dict[tuple[str, str], tuple[PoolRecording, ...]]:
    """Divide every layer's recordings between the pools.

    By group (the source's `recording_column`, else the file), so many groups held out as `noise.held_out` says; where
    there are fewer than four, by time inside each file, with a gap of a second between the pools. Of recordings with
    equal samples under several names, a layer uses the first.

    Raises:
        GuardError: the same samples in both pools, or a pool without usable noise.
    """
    pools: dict[tuple[str, str], tuple[PoolRecording, ...]] = {}
    for layer in recipe.noise.layers if recipe.noise else ():
        mine = [i for i in range(len(noise)) if noise.source(i).name in {s.name for s in layer.sources}]
        unique = _unique(layer, noise, usable, [i for i in mine if usable.stretches(i)])
        divided = _divide(recipe, layer, noise, usable, unique)
        for pool in POOLS:
            pools[layer.name, pool] = _pool(recipe, layer, noise, divided.get(pool, {}))
        _refuse_empty(recipe, layer, pools)
    _refuse_leaks(noise, usable, pools, recipe.sample_rate)
    return pools


def _unique(layer: Layer, noise: Catalog, usable: Usable, indices: list[int]) -> list[int]:
    """The recordings without those that have the samples of an earlier one."""
    given = {source.name: source.pool for source in layer.sources}
    first: dict[str, int] = {}
    for i in indices:
        j = first.setdefault(usable.pcm_digest(i), i)
        pool, other = given[noise.source(i).name], given[noise.source(j).name]
        if pool and other and pool != other:
            raise GuardError(_leak(noise, i, j))
    return sorted(first.values())


def _leak(noise: Catalog, i: int, j: int) -> str:
    return (
        f"{noise.file(i)} and {noise.file(j)} are the same recording, but one is in the noise pool of train and the "
        "other in that of train-dev-noise; take one of them out, or give both sources the same `pool:`"
    )


def _refuse_leaks(noise: Catalog, usable: Usable, pools: Pools, sample_rate: int) -> None:
    """The same stretch of the same samples, or of the same file, in both pools, in whatever layers, is an error."""
    train: dict[str, list[tuple[PoolRecording, Places]]] = {}
    for recording in _members(pools, "train"):
        for key, places in _places(noise, usable, recording, sample_rate):
            train.setdefault(key, []).append((recording, places))
    for recording in _members(pools, "held_out"):
        for key, places in _places(noise, usable, recording, sample_rate):
            for other, others in train.get(key, ()):
                if any(s < t + m and t < s + n for s, n in places for t, m in others):
                    raise GuardError(_leak(noise, recording.index, other.index))


def _members(pools: Pools, pool: str) -> list[PoolRecording]:
    return [recording for (_, name), recordings in pools.items() if name == pool for recording in recordings]


def _places(
    noise: Catalog, usable: Usable, recording: PoolRecording, sample_rate: int
) -> tuple[tuple[str, Places], tuple[str, Places]]:
    """Where the recording's stretches lie: among samples that may have other names, and in its file."""
    start = _offset(noise, recording.index, sample_rate)
    in_file = tuple((start + s, n) for s, n in recording.circle.stretches)
    return (usable.pcm_digest(recording.index), recording.circle.stretches), (noise.file(recording.index), in_file)


def _offset(noise: Catalog, index: int, sample_rate: int) -> int:
    """The first sample of a segment in its file, at the data set's rate."""
    recording = noise[index]
    return resampled_length(recording.offset, recording.sample_rate, sample_rate)


def _refuse_empty(recipe: Recipe, layer: Layer, pools: Pools) -> None:
    for pool in POOLS if needs_held_out(recipe) else POOLS[:1]:
        if not pools[layer.name, pool]:
            what = "train" if pool == "train" else HELD_OUT_SPLIT
            raise GuardError(f"noise.layers.{layer.name}: no usable noise for {what}; add recordings, or a longer one")


def _divide(
    recipe: Recipe, layer: Layer, noise: Catalog, usable: Usable, indices: list[int]
) -> dict[str, dict[int, list[Stretch]]]:
    assert recipe.noise is not None
    given = {source.name: source.pool for source in layer.sources}
    fixed = {i: given[noise.source(i).name] for i in indices}
    whole = {i: list(usable.stretches(i)) for i in indices}
    if not needs_held_out(recipe):
        return {"train": {i: stretches for i, stretches in whole.items() if fixed[i] != "held_out"}}
    groups = {i: recording_group(noise[i], noise.source(i).recording_column) for i in indices}
    if len(set(groups.values())) < _FEW and not any(fixed.values()):
        return _by_time(recipe, noise, whole)
    held_out = {groups[i] for i, pool in fixed.items() if pool == "held_out"}
    free = set(groups.values()) - {groups[i] for i, pool in fixed.items() if pool}
    ranked = sorted(free, key=lambda group: uniform01(recipe.seed, f"noise:{layer.name}/{group}", "pool"))
    wanted = max(1, round(recipe.noise.held_out * len(set(groups.values()))))
    held_out |= set(ranked[: max(0, wanted - len(held_out))])
    divided: dict[str, dict[int, list[Stretch]]] = {"train": {}, "held_out": {}}
    for i, stretches in whole.items():
        divided["held_out" if groups[i] in held_out else "train"][i] = stretches
    return divided


def recording_group(recording: Recording, column: str | None) -> str:
    """What counts as one: the value of the source's `recording_column`, else the file with all its segments."""
    value = (recording.labels or {}).get(column) if column else None
    return f"{recording.source}/{recording.path if value is None else value}"


def _by_time(
    recipe: Recipe, noise: Catalog, whole: Mapping[int, Sequence[Stretch]]
) -> dict[str, dict[int, list[Stretch]]]:
    """The end of each file is held out. Segments of one file are cut at the same moment of it."""
    assert recipe.noise is not None
    gap = seconds_to_samples(GUARD_GAP_SECONDS, recipe.sample_rate)
    shortest = recipe.sample_rate // 4
    starts = {i: _offset(noise, i, recipe.sample_rate) for i in whole}
    ends: dict[str, int] = {}
    for i, stretches in whole.items():
        last = max(start + length for start, length in stretches)
        ends[noise.file(i)] = max(starts[i] + last, ends.get(noise.file(i), 0))
    divided: dict[str, dict[int, list[Stretch]]] = {"train": {}, "held_out": {}}
    for i, stretches in whole.items():
        end = ends[noise.file(i)] - starts[i]
        cut = round(ends[noise.file(i)] * (1 - recipe.noise.held_out)) - starts[i]
        for pool, low, high in (("train", 0, cut - gap // 2), ("held_out", cut + gap - gap // 2, end)):
            parts = [(max(s, low), min(s + n, high) - max(s, low)) for s, n in stretches]
            kept = [(s, n) for s, n in parts if n >= shortest]
            if kept:
                divided[pool][i] = kept
    return divided


def _pool(
    recipe: Recipe, layer: Layer, noise: Catalog, members: Mapping[int, Sequence[Stretch]]
) -> tuple[PoolRecording, ...]:
    fade = seconds_to_samples(layer.crossfade_s, recipe.sample_rate)
    return tuple(
        PoolRecording(
            i,
            noise.id(i),
            Circle.of(stretches, crossfade=fade),
            recording_group(noise[i], noise.source(i).recording_column),
        )
        for i, stretches in sorted(members.items())
    )
