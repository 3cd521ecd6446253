"""Leaks: the same sound in the noise pool of train and in that of train-dev-noise is refused, in whatever layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from synth.catalog.catalog import Catalog
from synth.dsp.segments import Stretch
from synth.errors import GuardError
from synth.plan.pools import POOLS, PoolRecording, Pools
from synth.plan.recording_groups import RecordingGroups, UsableNoise
from synth.units import resampled_length


def leak_text(noise: Catalog, i: int, j: int, what: str = "the same recording") -> str:
    """The refusal of recordings `i` and `j`, which are `what` and in different pools."""
    return (
        f"{noise.file(i)} and {noise.file(j)} are {what}, but one is in the noise pool of train and the "
        "other in that of train-dev-noise; take one of them out, or give both sources the same `pool:`"
    )


def near_leak_text(noise: Catalog, i: int, j: int, common_s: float | None) -> str:
    """The refusal of near-duplicates; `common_s` is None if they share sound through other recordings only."""
    common = "through others" if common_s is None else f"{common_s:.1f} s in common"
    return leak_text(noise, i, j, f"near-duplicates ({common})")


def near_leak_in_group(
    groups: RecordingGroups, indices: Sequence[int], pool_of: Mapping[str, str | None], i: int, j: int
) -> str:
    """The refusal of a group whose sources have different pools.

    It names the two recordings that share most sound across the pools.

    Args:
        groups: all groups of recordings.
        indices: the recordings of the layer.
        pool_of: source name -> pool that the recipe sets.
        i: a recording of the group in one pool; it is named with `j` if no pair shares sound directly.
        j: a recording of the group in the other pool.
    """
    noise = groups.noise
    pairs = [
        pair
        for pair in groups.pairs_among(indices)
        if groups.group[pair.first] == groups.group[i]
        and {pool_of[noise.source(k).name] for k in (pair.first, pair.second)} == set(POOLS)
    ]
    if not pairs:
        return near_leak_text(noise, i, j, None)
    most = max(pairs, key=lambda pair: pair.common_s)
    return near_leak_text(noise, most.first, most.second, most.common_s)


def refuse_leaks(noise: Catalog, usable: UsableNoise, pools: Pools, sample_rate: int) -> None:
    """Refuse sound that is in both pools.

    Raises:
        GuardError: the same stretch of the same samples, or of the same file, or shared sound of two recordings.
    """
    train, held_out = (
        [recording for (_, name), members in pools.items() if name == pool for recording in members] for pool in POOLS
    )
    _refuse_same_stretches(noise, usable, train, held_out, sample_rate)
    _refuse_shared_sound(noise, usable, train, held_out, sample_rate)


def _refuse_same_stretches(
    noise: Catalog,
    usable: UsableNoise,
    train: Iterable[PoolRecording],
    held_out: Iterable[PoolRecording],
    sample_rate: int,
) -> None:
    def stretches(recording: PoolRecording) -> Iterator[tuple[str, Sequence[Stretch]]]:
        """Where the sound of a recording is: among samples that may have other names, and in its file."""
        start = first_sample(noise, recording.index, sample_rate)
        yield usable.pcm_digest(recording.index), recording.circle.stretches
        yield noise.file(recording.index), [(start + first, count) for first, count in recording.circle.stretches]

    in_train: dict[str, list[tuple[PoolRecording, Sequence[Stretch]]]] = {}
    for recording in train:
        for key, own in stretches(recording):
            in_train.setdefault(key, []).append((recording, own))
    for recording in held_out:
        for key, own in stretches(recording):
            for twin, its in in_train.get(key, ()):
                if _overlap(own, its):
                    raise GuardError(leak_text(noise, recording.index, twin.index))


def _refuse_shared_sound(
    noise: Catalog,
    usable: UsableNoise,
    train: Iterable[PoolRecording],
    held_out: Iterable[PoolRecording],
    sample_rate: int,
) -> None:
    by_digest: list[dict[str, list[PoolRecording]]] = []
    for members in (train, held_out):
        by_digest.append({})
        for recording in members:
            by_digest[-1].setdefault(usable.pcm_digest(recording.index), []).append(recording)
    for pair in usable.near_duplicates():
        a, b = usable.pcm_digest(pair.first), usable.pcm_digest(pair.second)
        if a == b:
            continue  # equal samples: the same stretches, which are compared above
        lag = round(pair.lag_s * sample_rate)
        for digest, twin_digest, shift in ((a, b, lag), (b, a, -lag)):
            for recording in by_digest[0].get(digest, ()):
                for twin in by_digest[1].get(twin_digest, ()):
                    moved = [(first + shift, count) for first, count in twin.circle.stretches]
                    if _overlap(recording.circle.stretches, moved):
                        raise GuardError(near_leak_text(noise, twin.index, recording.index, pair.common_s))


def _overlap(stretches: Sequence[Stretch], others: Sequence[Stretch]) -> bool:
    return any(s < t + m and t < s + n for s, n in stretches for t, m in others)


def first_sample(noise: Catalog, index: int, sample_rate: int) -> int:
    """The first sample of a recording in its file, at the data set's rate."""
    recording = noise[index]
    return resampled_length(recording.offset, recording.sample_rate, sample_rate)
