"""The two noise pools of each layer: one for train and train-dev, one for train-dev-noise alone; nothing in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from synth.catalog.catalog import Catalog
from synth.catalog.synthesized_noise import SynthesizedFile, synthesized_file_of
from synth.draws import uniform01
from synth.dsp.segments import Circle, Stretch
from synth.errors import GuardError
from synth.plan.kinship import ExcludedRecording, RecordingGroups, UsableNoise, recording_group
from synth.plan.splits import HELD_OUT_SPLIT
from synth.recipe.model import Layer, Recipe
from synth.units import resampled_length, seconds_to_samples

__all__ = ["POOLS", "PoolRecording", "Pools", "UsableNoise", "make_pools", "near_duplicate_notes", "recording_group"]

POOLS = ("train", "held_out")
GUARD_GAP_SECONDS = 1.0
_FEW = 4  # fewer recordings than this are split by time, inside each
_NAMED = 5  # near-duplicates in one note


@dataclass(frozen=True, slots=True)
class PoolRecording:
    """A noise recording in one pool of one layer. Those of one `group` count as one recording."""

    index: int
    id: str
    circle: Circle
    group: str
    grown_file: SynthesizedFile | None = None  #: how it came about, if it is no recording but a file of `synth grow`


Pools = Mapping[tuple[str, str], tuple[PoolRecording, ...]]
"""(layer name, pool) -> its recordings."""

Places = tuple[Stretch, ...]


def needs_held_out(recipe: Recipe) -> bool:
    return recipe.splits.shares.get(HELD_OUT_SPLIT, 0) > 0


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The recordings that a layer uses, and what was left out. `given`: the pool that a group's sources are set to."""

    kept: tuple[int, ...]
    left_out: tuple[ExcludedRecording, ...]
    given: Mapping[str, str]
    by_time: bool


def make_pools(recipe: Recipe, noise: Catalog, usable: UsableNoise) -> dict[tuple[str, str], tuple[PoolRecording, ...]]:
    """Divide every layer's recordings between the pools.

    By group (the source's `recording_column`, else the file; with all that shares sound with one of its recordings), so
    many groups held out as `noise.held_out` says; where there are fewer than four, by time inside each file, with a gap
    of a second between the pools. Of recordings with equal samples under several names, a layer uses the first, of
    near-duplicates those that no longer one contains; where pools are divided by time, only the longest.

    Raises:
        GuardError: the same sound in both pools, or a pool without usable noise.
    """
    kinship = RecordingGroups.of(noise, usable)
    pools: dict[tuple[str, str], tuple[PoolRecording, ...]] = {}
    for layer in _layers(recipe):
        chosen = _chosen(recipe, layer, kinship)
        divided = _divide(recipe, layer, kinship, chosen)
        for pool in POOLS:
            pools[layer.name, pool] = _pool(recipe, layer, kinship, divided.get(pool, {}))
        _refuse_empty(recipe, layer, kinship, chosen, pools)
    _refuse_leaks(noise, usable, pools, recipe.sample_rate)
    _refuse_near_leaks(noise, usable, pools, recipe.sample_rate)
    return pools


def near_duplicate_notes(recipe: Recipe, noise: Catalog, usable: UsableNoise) -> tuple[str, ...]:
    """What `make_pools` left out or counts as one because recordings share sound: a line for each layer concerned.

    Raises GuardError as `make_pools`.
    """
    kinship = RecordingGroups.of(noise, usable)
    notes = []
    for layer in _layers(recipe):
        chosen = _chosen(recipe, layer, kinship)
        gone = [f"{noise[one.index].path} (of {_of(noise, one)})" for one in chosen.left_out]
        if gone:
            verb = (
                "is a near-duplicate of another and was" if len(gone) == 1 else "are near-duplicates of others and were"
            )
            notes.append(f"{layer.key}: {_recordings(gone)} {verb} left out: {_some(gone)}")
        shared = [
            f"{noise[pair.second].path} (with {noise[pair.first].path}, {pair.common_s:.1f} s in common)"
            for pair in kinship.pairs_among(chosen.kept)
            if noise.file(pair.first) != noise.file(pair.second)
        ]
        if shared:
            notes.append(f"{layer.key}: noise recordings that share sound count as one: {_some(shared)}")
    return tuple(notes)


def _of(noise: Catalog, one: ExcludedRecording) -> str:
    return noise[one.other].path + (f", {one.common_s:.1f} s in common" if one.common_s else ", through others")


def _recordings(items: Sequence[str]) -> str:
    return "1 noise recording" if len(items) == 1 else f"{len(items)} noise recordings"


def _some(items: Sequence[str]) -> str:
    rest = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _layers(recipe: Recipe) -> Sequence[Layer]:
    return recipe.noise.pooled_layers if recipe.noise else ()


def _chosen(recipe: Recipe, layer: Layer, kinship: RecordingGroups) -> _Chosen:
    """Raises GuardError where the same sound was given to both pools."""
    names = {source.name for source in layer.sources}
    mine = [i for i in kinship.group if kinship.noise.source(i).name in names]
    unique = _unique(layer, kinship.noise, kinship.usable, mine)
    given = _given(layer, kinship, mine)
    gone = kinship.contained(unique)
    kept = _without(unique, gone)
    few = len({kinship.group[i] for i in kept}) < _FEW and not given and not layer.is_event
    by_time = few and needs_held_out(recipe)
    if by_time:
        gone += kinship.shorter_copies(kept)
        kept = _without(unique, gone)
    return _Chosen(tuple(kept), tuple(sorted(gone, key=lambda one: one.index)), given, by_time)


def _without(indices: Sequence[int], gone: Iterable[ExcludedRecording]) -> list[int]:
    left_out = {one.index for one in gone}
    return [i for i in indices if i not in left_out]


def _unique(layer: Layer, noise: Catalog, usable: UsableNoise, indices: list[int]) -> list[int]:
    """The recordings without those that have the samples of an earlier one."""
    given = {source.name: source.pool for source in layer.sources}
    first: dict[str, int] = {}
    for i in indices:
        j = first.setdefault(usable.pcm_digest(i), i)
        pool, other = given[noise.source(i).name], given[noise.source(j).name]
        if pool and other and pool != other:
            raise GuardError(_leak(noise, i, j))
    return sorted(first.values())


def _given(layer: Layer, kinship: RecordingGroups, indices: Sequence[int]) -> dict[str, str]:
    """The pool that the recipe sets for a group, by one of its sources. Two pools for one are a leak."""
    pool_of = {source.name: source.pool for source in layer.sources}
    member: dict[str, int] = {}
    given: dict[str, str] = {}
    for i in indices:
        pool, group = pool_of[kinship.noise.source(i).name], kinship.group[i]
        if not pool:
            continue
        if given.setdefault(group, pool) != pool:
            raise GuardError(_near_leak_in(kinship, indices, pool_of, i, member[group]))
        member.setdefault(group, i)
    return given


def _near_leak_in(
    kinship: RecordingGroups, indices: Sequence[int], pool_of: Mapping[str, str | None], i: int, j: int
) -> str:
    """Names the two of a group that share most, where two of different pools do so themselves."""
    noise = kinship.noise
    direct = [
        pair
        for pair in kinship.pairs_among(indices)
        if kinship.group[pair.first] == kinship.group[i]
        and {pool_of[noise.source(k).name] for k in (pair.first, pair.second)} == set(POOLS)
    ]
    if direct:
        most = max(direct, key=lambda pair: pair.common_s)
        return _near_leak(noise, most.first, most.second, most.common_s)
    return _near_leak(noise, i, j, None)


def _leak(noise: Catalog, i: int, j: int, what: str = "the same recording") -> str:
    return (
        f"{noise.file(i)} and {noise.file(j)} are {what}, but one is in the noise pool of train and the "
        "other in that of train-dev-noise; take one of them out, or give both sources the same `pool:`"
    )


def _near_leak(noise: Catalog, i: int, j: int, common_s: float | None) -> str:
    common = "through others" if common_s is None else f"{common_s:.1f} s in common"
    return _leak(noise, i, j, f"near-duplicates ({common})")


def _refuse_near_leaks(noise: Catalog, usable: UsableNoise, pools: Pools, sample_rate: int) -> None:
    """Sound that two recordings share, in both pools, in whatever layers, is an error."""
    here = {pool: _by_digest(usable, _members(pools, pool)) for pool in POOLS}
    for pair in usable.near_duplicates():
        a, b = usable.pcm_digest(pair.first), usable.pcm_digest(pair.second)
        lag = round(pair.lag_s * sample_rate)
        for train, held_out, shift in ((a, b, lag), (b, a, -lag)):
            for one in here["train"].get(train, ()) if a != b else ():
                for other in here["held_out"].get(held_out, ()):
                    moved = [(s + shift, n) for s, n in other.circle.stretches]
                    if _overlap(one.circle.stretches, moved):
                        raise GuardError(_near_leak(noise, other.index, one.index, pair.common_s))


def _by_digest(usable: UsableNoise, recordings: Iterable[PoolRecording]) -> dict[str, list[PoolRecording]]:
    found: dict[str, list[PoolRecording]] = {}
    for recording in recordings:
        found.setdefault(usable.pcm_digest(recording.index), []).append(recording)
    return found


def _overlap(places: Sequence[Stretch], others: Sequence[Stretch]) -> bool:
    return any(s < t + m and t < s + n for s, n in places for t, m in others)


def _refuse_leaks(noise: Catalog, usable: UsableNoise, pools: Pools, sample_rate: int) -> None:
    """The same stretch of the same samples, or of the same file, in both pools, in whatever layers, is an error."""
    train: dict[str, list[tuple[PoolRecording, Places]]] = {}
    for recording in _members(pools, "train"):
        for key, places in _places(noise, usable, recording, sample_rate):
            train.setdefault(key, []).append((recording, places))
    for recording in _members(pools, "held_out"):
        for key, places in _places(noise, usable, recording, sample_rate):
            for other, others in train.get(key, ()):
                if _overlap(places, others):
                    raise GuardError(_leak(noise, recording.index, other.index))


def _members(pools: Pools, pool: str) -> list[PoolRecording]:
    return [recording for (_, name), recordings in pools.items() if name == pool for recording in recordings]


def _places(
    noise: Catalog, usable: UsableNoise, recording: PoolRecording, sample_rate: int
) -> tuple[tuple[str, Places], tuple[str, Places]]:
    """Where the recording's stretches lie: among samples that may have other names, and in its file."""
    start = _offset(noise, recording.index, sample_rate)
    in_file = tuple((start + s, n) for s, n in recording.circle.stretches)
    return (usable.pcm_digest(recording.index), recording.circle.stretches), (noise.file(recording.index), in_file)


def _offset(noise: Catalog, index: int, sample_rate: int) -> int:
    """The first sample of a segment in its file, at the data set's rate."""
    recording = noise[index]
    return resampled_length(recording.offset, recording.sample_rate, sample_rate)


def _refuse_empty(recipe: Recipe, layer: Layer, kinship: RecordingGroups, chosen: _Chosen, pools: Pools) -> None:
    for pool in POOLS if needs_held_out(recipe) else POOLS[:1]:
        if not pools[layer.name, pool]:
            split = "train" if pool == "train" else HELD_OUT_SPLIT
            raise GuardError(f"{layer.key}: no usable noise for {split}: {_why_empty(kinship, chosen, pool)}")


def _why_empty(kinship: RecordingGroups, chosen: _Chosen, pool: str) -> str:
    """Why none of the recordings is in a pool, and what to do."""
    count = len(chosen.kept)
    groups = {kinship.group[i] for i in chosen.kept}
    recordings, are = ("its 1 recording", "is") if count == 1 else (f"its {count} recordings", "are")
    other = "held_out" if pool == "train" else "train"
    without = f"remove {HELD_OUT_SPLIT} from splits"
    if not count:
        return "none of its recordings can be used; add other recordings"
    if all(chosen.given.get(group) == other for group in groups):
        return f"{recordings} {are} in the {other} pool (`pool: {other}`); remove `pool`, or add recordings without it"
    if chosen.by_time:
        seconds = sum(kinship.noise[i].seconds for i in chosen.kept)
        return (
            f"{recordings} ({seconds:.1f} s) {are} too short to be divided between train and {HELD_OUT_SPLIT}; add "
            f"recordings, or a longer one, or {without}"
        )
    one = " (near-duplicates count as one)" if count > 1 and len(groups) == 1 else ""
    return (
        f"{recordings}{one} {are} in the {other} pool; 2 or more are needed with {HELD_OUT_SPLIT}: add recordings, "
        f"or {without}"
    )


def _divide(
    recipe: Recipe, layer: Layer, kinship: RecordingGroups, chosen: _Chosen
) -> dict[str, dict[int, list[Stretch]]]:
    assert recipe.noise is not None
    whole = {i: list(kinship.usable.stretches(i)) for i in chosen.kept}
    groups = {i: kinship.group[i] for i in chosen.kept}
    held_out = {group for group, pool in chosen.given.items() if pool == "held_out"}
    if not needs_held_out(recipe):
        return {"train": {i: stretches for i, stretches in whole.items() if groups[i] not in held_out}}
    if chosen.by_time:
        return _by_time(recipe, kinship.noise, whole)
    free = set(groups.values()) - set(chosen.given)
    ranked = sorted(free, key=lambda group: uniform01(recipe.seed, f"noise:{group}", "pool"))
    wanted = max(1, round(recipe.noise.held_out * len(set(groups.values()))))
    held_out |= set(ranked[: max(0, wanted - len(held_out))])
    divided: dict[str, dict[int, list[Stretch]]] = {"train": {}, "held_out": {}}
    for i, stretches in whole.items():
        divided["held_out" if groups[i] in held_out else "train"][i] = stretches
    return divided


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
    recipe: Recipe, layer: Layer, kinship: RecordingGroups, members: Mapping[int, Sequence[Stretch]]
) -> tuple[PoolRecording, ...]:
    fade = seconds_to_samples(layer.crossfade_s, recipe.sample_rate)
    return tuple(
        PoolRecording(
            i,
            kinship.noise.id(i),
            Circle.of(_heard(layer, stretches), crossfade=fade),
            kinship.group[i],
            synthesized_file_of(kinship.noise[i]),
        )
        for i, stretches in sorted(members.items())
    )


def _heard(layer: Layer, stretches: Sequence[Stretch]) -> Sequence[Stretch]:
    """What is played of a recording: its usable stretches; of an event all from the first to the last, for the pauses
    in a horn's signal belong to it."""
    if not layer.is_event:
        return stretches
    first, last = stretches[0][0], sum(stretches[-1])
    return [(first, last - first)]
