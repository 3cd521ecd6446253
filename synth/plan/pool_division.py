"""How the recordings of each layer are divided between its two noise pools, and what is left out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synth.catalog.catalog import Catalog
from synth.catalog.synthesized_noise import synthesized_file_of
from synth.draws import uniform01
from synth.dsp.segments import Circle, Stretch
from synth.errors import GuardError
from synth.plan.leaks import first_sample, leak_text, near_leak_in_group, refuse_leaks
from synth.plan.pools import POOLS, PoolRecording, needs_held_out
from synth.plan.recording_groups import ExcludedRecording, RecordingGroups, UsableNoise
from synth.plan.splits import HELD_OUT_SPLIT
from synth.recipe.model import Layer, Recipe
from synth.text import listed
from synth.units import seconds_to_samples

GUARD_GAP_SECONDS = 1.0
"""Sound between the pools that none of them has, if a recording is divided by time: its ends may sound alike."""

_FEW = 4  # fewer recordings than this are divided by time, inside each

_Division = dict[str, dict[int, list[Stretch]]]  # pool -> recording -> its usable stretches in that pool


@dataclass(frozen=True, slots=True)
class _LayerChoice:
    """The recordings that a layer uses."""

    used: tuple[int, ...]
    excluded: tuple[ExcludedRecording, ...]
    set_pools: Mapping[str, str]  # group -> pool that the recipe sets by a source
    by_time: bool  # whether each recording is divided by time


def make_pools(recipe: Recipe, noise: Catalog, usable: UsableNoise) -> dict[tuple[str, str], tuple[PoolRecording, ...]]:
    """Divide the recordings of every layer between the pools.

    They are divided by groups (the source's `recording_column`, else the file, with all that shares sound with one of
    its recordings); `noise.held_out` is the share of groups that are held out. Fewer than four groups are divided by
    time inside each file, with a gap of a second between the pools.

    Of recordings with equal samples under several names a layer uses the first, and of near-duplicates those that no
    longer one contains; if the pools are divided by time, only the longest.

    Raises:
        GuardError: the same sound is in both pools, or a pool has no usable noise.
    """
    groups = RecordingGroups.of(noise, usable)
    pools: dict[tuple[str, str], tuple[PoolRecording, ...]] = {}
    for layer in recipe.noise.pooled_layers if recipe.noise else ():
        choice = _choose(recipe, layer, groups)
        division = _divide(recipe, layer, groups, choice)
        for pool in POOLS:
            pools[layer.name, pool] = _pool(recipe, layer, groups, division.get(pool, {}))
        for pool in POOLS if needs_held_out(recipe) else POOLS[:1]:
            if not pools[layer.name, pool]:
                split = "train" if pool == "train" else HELD_OUT_SPLIT
                why = _why_empty(groups, choice, pool)
                raise GuardError(f"{layer.key}: no usable noise for {split}: {why}")
    refuse_leaks(noise, usable, pools, recipe.sample_rate)
    return pools


def near_duplicate_notes(recipe: Recipe, noise: Catalog, usable: UsableNoise) -> tuple[str, ...]:
    """What `make_pools` leaves out or counts as one because recordings share sound: a line per layer concerned.

    Raises:
        GuardError: as `make_pools`.
    """
    groups = RecordingGroups.of(noise, usable)
    notes = []
    for layer in recipe.noise.pooled_layers if recipe.noise else ():
        choice = _choose(recipe, layer, groups)
        excluded = []
        for recording in choice.excluded:
            common = f"{recording.common_s:.1f} s in common" if recording.common_s else "through others"
            excluded.append(f"{noise[recording.index].path} (of {noise[recording.twin].path}, {common})")
        if len(excluded) == 1:
            notes.append(
                f"{layer.key}: 1 noise recording is a near-duplicate of another and was left out: {excluded[0]}"
            )
        elif excluded:
            notes.append(
                f"{layer.key}: {len(excluded)} noise recordings are near-duplicates of others and were left out: "
                f"{listed(excluded)}"
            )
        shared = [
            f"{noise[pair.second].path} (with {noise[pair.first].path}, {pair.common_s:.1f} s in common)"
            for pair in groups.pairs_among(choice.used)
            if noise.file(pair.first) != noise.file(pair.second)
        ]
        if shared:
            notes.append(f"{layer.key}: noise recordings that share sound count as one: {listed(shared)}")
    return tuple(notes)


def _choose(recipe: Recipe, layer: Layer, groups: RecordingGroups) -> _LayerChoice:
    names = {source.name for source in layer.sources}
    indices = [i for i in groups.group if groups.noise.source(i).name in names]
    unique = _unique(layer, groups, indices)
    set_pools = _set_pools(layer, groups, indices)
    excluded = groups.contained(unique)
    used = _without(unique, excluded)
    has_few = len({groups.group[i] for i in used}) < _FEW and not set_pools and not layer.is_event
    by_time = has_few and needs_held_out(recipe)
    if by_time:
        # Near-duplicates are one group, so any division by groups keeps them together. Cut by time, the same sound
        # could be before the cut in one and behind it in another.
        excluded += groups.shorter_copies(used)
        used = _without(unique, excluded)
    excluded.sort(key=lambda recording: recording.index)
    return _LayerChoice(tuple(used), tuple(excluded), set_pools, by_time)


def _without(indices: Sequence[int], excluded: Sequence[ExcludedRecording]) -> list[int]:
    left_out = {recording.index for recording in excluded}
    return [i for i in indices if i not in left_out]


def _unique(layer: Layer, groups: RecordingGroups, indices: Sequence[int]) -> list[int]:
    """The recordings without those that have the samples of an earlier one."""
    pool_of = {source.name: source.pool for source in layer.sources}
    first: dict[str, int] = {}
    for i in indices:
        j = first.setdefault(groups.usable.pcm_digest(i), i)
        pools = {pool_of[groups.noise.source(k).name] for k in (i, j)}
        if pools == set(POOLS):
            raise GuardError(leak_text(groups.noise, i, j))
    return sorted(first.values())


def _set_pools(layer: Layer, groups: RecordingGroups, indices: Sequence[int]) -> dict[str, str]:
    """The pool that the recipe sets for a group by one of its sources; two pools for one group are a leak."""
    pool_of = {source.name: source.pool for source in layer.sources}
    first: dict[str, int] = {}
    set_pools: dict[str, str] = {}
    for i in indices:
        pool, group = pool_of[groups.noise.source(i).name], groups.group[i]
        if pool is None:
            continue
        if set_pools.setdefault(group, pool) != pool:
            raise GuardError(near_leak_in_group(groups, indices, pool_of, i, first[group]))
        first.setdefault(group, i)
    return set_pools


def _why_empty(groups: RecordingGroups, choice: _LayerChoice, pool: str) -> str:
    """Why a pool has none of the recordings, and what to do."""
    count = len(choice.used)
    names = {groups.group[i] for i in choice.used}
    recordings, are = ("its 1 recording", "is") if count == 1 else (f"its {count} recordings", "are")
    other_pool = "held_out" if pool == "train" else "train"
    without = f"remove {HELD_OUT_SPLIT} from splits"
    if not count:
        return "none of its recordings can be used; add other recordings"
    if all(choice.set_pools.get(name) == other_pool for name in names):
        return (
            f"{recordings} {are} in the {other_pool} pool (`pool: {other_pool}`); remove `pool`, or add recordings "
            "without it"
        )
    if choice.by_time:
        seconds = sum(groups.noise[i].seconds for i in choice.used)
        return (
            f"{recordings} ({seconds:.1f} s) {are} too short to be divided between train and {HELD_OUT_SPLIT}; add "
            f"recordings, or a longer one, or {without}"
        )
    as_one = " (near-duplicates count as one)" if count > 1 and len(names) == 1 else ""
    return (
        f"{recordings}{as_one} {are} in the {other_pool} pool; 2 or more are needed with {HELD_OUT_SPLIT}: add "
        f"recordings, or {without}"
    )


def _divide(recipe: Recipe, layer: Layer, groups: RecordingGroups, choice: _LayerChoice) -> _Division:
    assert recipe.noise is not None
    stretches = {i: list(groups.usable.stretches(i)) for i in choice.used}
    group = {i: groups.group[i] for i in choice.used}
    held_out = {name for name, pool in choice.set_pools.items() if pool == "held_out"}
    if not needs_held_out(recipe):
        return {"train": {i: own for i, own in stretches.items() if group[i] not in held_out}}
    if choice.by_time:
        return _divide_by_time(recipe, groups.noise, stretches)
    names = set(group.values())
    ranked = sorted(names - set(choice.set_pools), key=lambda name: uniform01(recipe.seed, f"noise:{name}", "pool"))
    count = max(1, round(recipe.noise.held_out * len(names)))
    held_out.update(ranked[: max(0, count - len(held_out))])
    division: _Division = {"train": {}, "held_out": {}}
    for i, own in stretches.items():
        division["held_out" if group[i] in held_out else "train"][i] = own
    return division


def _divide_by_time(recipe: Recipe, noise: Catalog, stretches: Mapping[int, Sequence[Stretch]]) -> _Division:
    """The end of each file is held out. Segments of one file are cut at the same moment of it."""
    assert recipe.noise is not None
    gap = seconds_to_samples(GUARD_GAP_SECONDS, recipe.sample_rate)
    shortest = recipe.sample_rate // 4
    starts = {i: first_sample(noise, i, recipe.sample_rate) for i in stretches}
    ends: dict[str, int] = {}
    for i, own in stretches.items():
        last = max(start + length for start, length in own)
        ends[noise.file(i)] = max(starts[i] + last, ends.get(noise.file(i), 0))
    division: _Division = {"train": {}, "held_out": {}}
    for i, own in stretches.items():
        end = ends[noise.file(i)] - starts[i]
        cut = round(ends[noise.file(i)] * (1 - recipe.noise.held_out)) - starts[i]
        for pool, low, high in (("train", 0, cut - gap // 2), ("held_out", cut + gap - gap // 2, end)):
            parts = [(max(s, low), min(s + n, high) - max(s, low)) for s, n in own]
            usable = [(s, n) for s, n in parts if n >= shortest]
            if usable:
                division[pool][i] = usable
    return division


def _pool(
    recipe: Recipe, layer: Layer, groups: RecordingGroups, members: Mapping[int, Sequence[Stretch]]
) -> tuple[PoolRecording, ...]:
    crossfade = seconds_to_samples(layer.crossfade_s, recipe.sample_rate)
    recordings = []
    for i, stretches in sorted(members.items()):
        # of an event all from the first to the last stretch: the pauses in the signal of a horn belong to it
        first, end = stretches[0][0], sum(stretches[-1])
        circle = Circle.of([(first, end - first)] if layer.is_event else stretches, crossfade=crossfade)
        file = synthesized_file_of(groups.noise[i])
        recordings.append(PoolRecording(i, groups.noise.id(i), circle, groups.group[i], file))
    return tuple(recordings)
