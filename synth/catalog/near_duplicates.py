"""Noise recordings that are one recording: cut, gained, equalised or re-encoded; found by their fingerprints.

Two words of the same sound often agree in 22 neighbouring bits of their 32. So words are sorted by 22 bits, three
times; each two that agree in these, and nearly in the others, are a candidate offset of their recordings, checked first
in a few words around it, then in all. It costs next to nothing for a few recordings and some ten seconds for 17 hours
of noise, and is remembered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synth.audio.cache import key_of, open_cache
from synth.dsp.analysis.fingerprint import (
    BLOCK,
    HOP_SECONDS,
    Likeness,
    Words,
    compare_at_lag,
    is_same_recording,
    seconds_of,
)

VERSION = 1
"""Of what is remembered: raised when other pairs are found."""

_KEY_BITS = 22
_SHIFTS = (0, 5, 10)  # the low, the middle and the high bits of a word
_REST_ERRORS = 3  # wrong bits among the ten others, at most: five are chance
_AT_ONCE = 1 << 20  # words sorted at once
_CANDIDATES = 30_000_000  # chance agreements that may be looked at; of more noise, a sample of the words is taken
_NEIGHBOURS = 64  # how many of the words with equal keys are paired with each
_CHUNK = 1 << 15
_LOOKS = ((32, 0.44), (8, 0.40))
"""(step, wrong bits at most): a block around an agreement is looked at in every 32nd word, then in every eighth."""
_LAGS = 8  # offsets of two recordings that are compared in full

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two recordings of a store that share sound. first < second.

    The moment t of the first is t - lag_s of the second (to 6 ms). `common_s` is how much they share, `error_rate` the
    share of wrong bits in it, below 0.35; 0 for equal samples.
    """

    first: int
    second: int
    lag_s: float
    common_s: float
    error_rate: float


class Fingerprinted(Protocol):
    """A store of noise (catalog/noise_store.py), as far as it is needed here."""

    @property
    def folder(self) -> str: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def num_samples(self) -> Indices: ...

    def pcm_digest(self, index: int) -> str: ...

    def fingerprint(self, index: int) -> Words: ...


def near_duplicates(store: Fingerprinted) -> tuple[Pair, ...]:
    """All pairs of a store that share 3.3 s of sound or more at any offset, or have equal samples; by their indices.

    Of recordings with equal samples each is paired with the first, and the first alone with others. Shorter ones are
    near-duplicates only where their samples are equal. The answer is kept in the cache next to the store.

    Raises UsageError where the cache has lost a fingerprint.
    """
    first: dict[str, int] = {}
    pairs = []
    for index in np.flatnonzero(store.num_samples).tolist():
        original = first.setdefault(store.pcm_digest(index), index)
        if original != index:
            pairs.append(Pair(original, index, 0.0, round(int(store.num_samples[index]) / store.sample_rate, 2), 0.0))
    return tuple(sorted([*pairs, *_of_different(store, first)], key=lambda pair: (pair.first, pair.second)))


def _of_different(store: Fingerprinted, index_of: dict[str, int]) -> list[Pair]:
    """Pairs among recordings with different samples, from the cache or found anew. The cache knows no indices."""
    digests = sorted(index_of)
    key = key_of("near-duplicates", VERSION, store.sample_rate, digests)
    with contextlib.closing(open_cache(Path(store.folder).parent)) as known:
        rows = known.get([key]).get(key)
        if rows is None:
            rows = find_pairs([store.fingerprint(index_of[digest]) for digest in digests])
            known.put({key: rows})
    return [_pair(index_of[digests[a]], index_of[digests[b]], *rest) for a, b, *rest in rows]


def _pair(a: int, b: int, lag: int, common: int, error_rate: float) -> Pair:
    if a > b:
        a, b, lag = b, a, -lag
    return Pair(a, b, round(lag * HOP_SECONDS, 4), round(seconds_of(common), 2), error_rate)


def find_pairs(prints: Sequence[Words]) -> list[tuple[int, int, int, int, float]]:
    """(first, second, lag, common, error rate) of each two fingerprints that share sound; lag and common in words."""
    lags: dict[tuple[int, int], dict[int, float]] = {}
    for a, b, lag, errors in _candidates(prints):
        mine = lags.setdefault((a, b), {})
        if errors < mine.get(lag, 1.0):
            mine[lag] = errors
    found = []
    for (a, b), errors_at in sorted(lags.items()):
        likeness = _best(prints[a], prints[b], errors_at)
        if likeness:
            found.append((a, b, likeness.lag, likeness.common, round(likeness.error_rate, 4)))
    return found


def _best(first: Words, second: Words, errors_at: dict[int, float]) -> Likeness | None:
    """The offset with the most in common, among the most promising ones and their neighbours."""
    promising = sorted(errors_at, key=lambda lag: (errors_at[lag], lag))[:_LAGS]
    lags = sorted({lag + step for lag in promising for step in (-1, 0, 1)})
    likenesses = [likeness for lag in lags if (likeness := compare_at_lag(first, second, lag))]
    best = max(likenesses, key=lambda one: one.common * (0.5 - one.error_rate), default=None)
    return (
        best if best and is_same_recording(best, _stretch(first, best, 0), _stretch(second, best, best.lag)) else None
    )


def _stretch(words: Words, likeness: Likeness, lag: int) -> Words:
    return words[likeness.start - lag : likeness.start - lag + likeness.common]


def _candidates(prints: Sequence[Words]) -> Iterator[tuple[int, int, int, float]]:
    """(first, second, lag, wrong bits by a quick look) of places where the two seem to be the same sound."""
    long_enough = [k for k, words in enumerate(prints) if len(words) >= BLOCK]
    if len(long_enough) < 2:
        return
    words = np.concatenate([prints[k] for k in long_enough])
    ends = np.cumsum([len(prints[k]) for k in long_enough])
    owner = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))
    for first, second in _agreements(words, owner):
        for start in range(0, len(first), _CHUNK):
            some, others = first[start : start + _CHUNK], second[start : start + _CHUNK]
            yield from _looked_at(words, ends, owner, some, others, long_enough)


def _agreements(words: Words, owner: npt.NDArray[np.int32]) -> Iterator[tuple[Indices, Indices]]:
    """Places (first, second) of words of different recordings with equal keys, where a run of such begins.

    All keys are looked at where that is few enough, else those of a sample that depends on the keys alone, so that
    both words of a pair are in it. The sort is in parts, for the memory's sake.
    """
    parts = max(1, -(-len(words) // _AT_ONCE))
    expected = len(_SHIFTS) * float(len(words)) ** 2 / (1 << (_KEY_BITS + 1))
    taken = max(1, min(parts, int(parts * _CANDIDATES / max(expected, 1.0))))
    for shift in _SHIFTS:
        turned = _turned(words, 32 - _KEY_BITS - shift)
        for part in range(taken):
            mine = words != 0
            if parts > 1:
                mine &= _key(turned) % np.uint32(parts) == part
            at = np.flatnonzero(mine)
            yield from _equal_neighbours(
                np.sort(turned[at].astype(np.uint64) << np.uint64(32) | at.astype(np.uint64)), turned, owner
            )


def _turned(words: Words, left: int) -> Words:
    """The bits of each word turned round, so that those of the key are the highest."""
    return words << np.uint32(left) | words >> np.uint32(32 - left) if left else words


def _key(turned: Words) -> Words:
    return turned >> np.uint32(32 - _KEY_BITS)


def _equal_neighbours(
    packed: npt.NDArray[np.uint64], turned: Words, owner: npt.NDArray[np.int32]
) -> Iterator[tuple[Indices, Indices]]:
    """packed: sorted, turned word << 32 | place."""
    place = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    word = (packed >> np.uint64(32)).astype(np.uint32)
    key = _key(word)
    at = np.arange(len(place) - 1)
    for step in range(1, _NEIGHBOURS + 1):
        at = at[: np.searchsorted(at, len(place) - step)]
        at = at[key[at] == key[at + step]]  # what has no equal at this distance has none farther off
        if not len(at):
            return
        alike = at[np.bitwise_count(word[at] ^ word[at + step]) <= _REST_ERRORS]
        one, other = place[alike], place[alike + step]
        first, second = np.minimum(one, other), np.maximum(one, other)
        differ = owner[first] != owner[second]
        first, second = first[differ], second[differ]
        # a run of agreements is looked at once, where it begins; place -1 is the last word, which does no harm
        begins = (_key(turned[first - 1]) != _key(turned[second - 1])) | (owner[first - 1] != owner[first])
        yield first[begins], second[begins]


def _looked_at(
    words: Words,
    ends: Indices,
    owner: npt.NDArray[np.int32],
    first: Indices,
    second: Indices,
    numbers: Sequence[int],
) -> Iterator[tuple[int, int, int, float]]:
    """Candidates of which the block around them agrees well enough in a sample of its words."""
    starts = np.concatenate([[0], ends[:-1]])
    a, b = owner[first], owner[second]
    left = np.minimum(first - starts[a], second - starts[b])
    right = np.minimum(ends[a] - first, ends[b] - second)
    fits = left + right >= BLOCK
    first, second, left, right = (x[fits] for x in (first, second, left, right))
    begin = np.minimum(np.maximum(-left, -BLOCK // 2), right - BLOCK)
    for step, most in _LOOKS:
        around = begin[:, None] + np.arange(0, BLOCK, step)
        differ = words[first[:, None] + around] ^ words[second[:, None] + around]
        errors = np.bitwise_count(differ).sum(axis=1, dtype=np.int64) / (32 * around.shape[1])
        good = errors < most
        first, second, begin, errors = (x[good] for x in (first, second, begin, errors))
    a, b = owner[first], owner[second]
    lags = (first - starts[a]) - (second - starts[b])
    for k in range(len(first)):
        yield numbers[a[k]], numbers[b[k]], int(lags[k]), float(errors[k])
