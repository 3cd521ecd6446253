"""Find recordings that are one recording: trimmed, re-leveled, equalized or re-encoded; by their audio fingerprints.

Comparing each two recordings at every lag would take hours. But two words of the same sound often agree in 22
neighboring bits of their 32. So words are sorted by 22 bits, three times. Each two that agree in these, and nearly in
the others, are a candidate lag of their recordings, which is checked in a few words around it, then in all. It costs
next to nothing for a few recordings and some ten seconds for 17 hours of noise, and is remembered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

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

VERSION: Final = 1
"""Part of the key of the cache: raised when the algorithm finds other pairs."""

_KEY_BITS: Final = 22
_SHIFTS: Final = (0, 5, 10)  # the low, the middle and the high bits of a word
_REST_ERRORS: Final = 3  # wrong bits among the ten others, at most: five are chance
_AT_ONCE: Final = 1 << 20  # words sorted at once
_CANDIDATES: Final = 30_000_000  # chance agreements that may be checked; of more noise, only a sample of words is used
_NEIGHBORS: Final = 64  # each word is paired with this many words of the same key, at most
_CHUNK: Final = 1 << 15
_LOOKS: Final = ((32, 0.44), (8, 0.40))
"""(step, share of wrong bits at most): the block around an agreement is checked in every 32nd word, then in every
eighth."""
_LAGS: Final = 8  # lags of two recordings that are compared in full

Indices: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two recordings of a store that share sound."""

    first: int  #: index in the store
    second: int  #: index in the store, larger than `first`
    lag_s: float  #: time t of the first is t - lag_s of the second, s (to 6 ms)
    common_s: float  #: how much they share, s
    error_rate: float  #: share of wrong bits in the common sound, below 0.35; 0 for equal samples


class Fingerprinted(Protocol):
    """A store of recordings (such as catalog/noise_store.py), as far as it is needed here."""

    @property
    def folder(self) -> str:
        """Its folder; the cache is in the one above."""
        ...

    @property
    def sample_rate(self) -> int:
        """Hz."""
        ...

    @property
    def num_samples(self) -> Indices:
        """Of each recording, shape (recordings,); 0 for those to ignore."""
        ...

    def pcm_digest(self, index: int) -> str:
        """Equal for equal samples."""
        ...

    def audio_fingerprint(self, index: int) -> Words:
        """Shape (words,)."""
        ...


def near_duplicates(store: Fingerprinted) -> tuple[Pair, ...]:
    """Find all pairs of a store that share 3.3 s of sound or more at any lag, or have equal samples.

    Of several recordings with equal samples each is paired with the first, and only the first with others. Shorter ones
    are near-duplicates only if their samples are equal. The answer is kept in the cache next to the store.

    Returns:
        Sorted by the indices.

    Raises:
        UsageError: the cache has lost a fingerprint.
    """
    first: dict[str, int] = {}
    pairs = []
    for index in np.flatnonzero(store.num_samples).tolist():
        original = first.setdefault(store.pcm_digest(index), index)
        if original != index:
            pairs.append(Pair(original, index, 0.0, round(int(store.num_samples[index]) / store.sample_rate, 2), 0.0))
    return tuple(sorted([*pairs, *_of_different(store, first)], key=lambda pair: (pair.first, pair.second)))


def _of_different(store: Fingerprinted, index_of: dict[str, int]) -> list[Pair]:
    """Pairs among recordings with different samples, from the cache or searched for."""
    digests = sorted(index_of)  # the cache knows recordings by their samples: indices differ from recipe to recipe
    key = key_of("near-duplicates", VERSION, store.sample_rate, digests)
    with contextlib.closing(open_cache(Path(store.folder).parent)) as cache:
        rows = cache.get([key]).get(key)
        if rows is None:
            rows = find_pairs([store.audio_fingerprint(index_of[digest]) for digest in digests])
            cache.put({key: rows})
    pairs = []
    for a, b, lag, common, error_rate in rows:
        first, second = index_of[digests[a]], index_of[digests[b]]
        if first > second:
            first, second, lag = second, first, -lag  # noqa: PLW2901
        pairs.append(Pair(first, second, round(lag * HOP_SECONDS, 4), round(seconds_of(common), 2), error_rate))
    return pairs


def find_pairs(prints: Sequence[Words]) -> list[tuple[int, int, int, int, float]]:
    """Find each two audio fingerprints that share sound.

    Args:
        prints: the fingerprints, each of shape (words,).

    Returns:
        (first, second, lag, common, error rate) of each; lag and common in words. Tuples, because the cache keeps them
        as JSON.
    """
    errors_of: dict[tuple[int, int], dict[int, float]] = {}
    for a, b, lag, errors in _candidates(prints):
        errors_at = errors_of.setdefault((a, b), {})
        errors_at[lag] = min(errors, errors_at.get(lag, 1.0))
    pairs = []
    for (a, b), errors_at in sorted(errors_of.items()):
        likeness = _best_likeness(prints[a], prints[b], errors_at)
        if likeness:
            pairs.append((a, b, likeness.lag, likeness.common, round(likeness.error_rate, 4)))
    return pairs


def _best_likeness(first: Words, second: Words, errors_at: dict[int, float]) -> Likeness | None:
    """The likeness at the lag with the most in common, of the most promising lags (word -> errors) and their neighbors.

    None if it is not enough to call the two one recording.
    """
    promising = sorted(errors_at, key=lambda lag: (errors_at[lag], lag))[:_LAGS]
    lags = sorted({lag + step for lag in promising for step in (-1, 0, 1)})
    likenesses = [likeness for lag in lags if (likeness := compare_at_lag(first, second, lag))]
    best = max(likenesses, key=lambda likeness: likeness.common * (0.5 - likeness.error_rate), default=None)
    if best is None:
        return None
    common_first = first[best.start : best.start + best.common]
    common_second = second[best.start - best.lag : best.start - best.lag + best.common]
    return best if is_same_recording(best, common_first, common_second) else None


def _candidates(prints: Sequence[Words]) -> Iterator[tuple[int, int, int, float]]:
    """(first, second, lag, share of wrong bits in a few words) of places where the two seem to be the same sound."""
    long_enough = [k for k, words in enumerate(prints) if len(words) >= BLOCK]
    if len(long_enough) < 2:
        return
    words = np.concatenate([prints[k] for k in long_enough])
    ends = np.cumsum([len(prints[k]) for k in long_enough])
    owner = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))
    for first, second in _agreements(words, owner):
        for start in range(0, len(first), _CHUNK):
            span = slice(start, start + _CHUNK)
            yield from _checked(words, ends, owner, first[span], second[span], long_enough)


def _agreements(words: Words, owner: npt.NDArray[np.int32]) -> Iterator[tuple[Indices, Indices]]:
    """Positions (first, second) of words of different recordings with equal keys, where a run of such begins.

    Args:
        words: of all recordings, one after the other, shape (n,).
        owner: recording of each word, shape (n,).
    """
    # The sort is in parts, to bound the memory. If chance agreements would be too many, only some of the parts are
    # used: the part of a word depends on its key alone, so both words of a pair are in the same.
    parts = max(1, -(-len(words) // _AT_ONCE))
    expected = len(_SHIFTS) * float(len(words)) ** 2 / (1 << (_KEY_BITS + 1))
    taken = max(1, min(parts, int(parts * _CANDIDATES / max(expected, 1.0))))
    for shift in _SHIFTS:
        turn = 32 - _KEY_BITS - shift  # rotate the bits of each word so that those of the key are the highest
        rotated = words << np.uint32(turn) | words >> np.uint32(32 - turn) if turn else words
        for part in range(taken):
            in_part = words != 0
            if parts > 1:
                in_part &= _key(rotated) % np.uint32(parts) == part
            at = np.flatnonzero(in_part)
            packed = np.sort(rotated[at].astype(np.uint64) << np.uint64(32) | at.astype(np.uint64))
            yield from _equal_neighbors(packed, rotated, owner)


def _key(rotated: Words) -> Words:
    return rotated >> np.uint32(32 - _KEY_BITS)


def _equal_neighbors(
    packed: npt.NDArray[np.uint64], rotated: Words, owner: npt.NDArray[np.int32]
) -> Iterator[tuple[Indices, Indices]]:
    """Pair words with equal keys.

    Args:
        packed: (rotated word << 32 | position), sorted.
        rotated: all words, rotated, shape (n,).
        owner: recording of each word, shape (n,).
    """
    place = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
    word = (packed >> np.uint64(32)).astype(np.uint32)
    key = _key(word)
    at = np.arange(len(place) - 1)
    for step in range(1, _NEIGHBORS + 1):
        at = at[: np.searchsorted(at, len(place) - step)]
        at = at[key[at] == key[at + step]]  # a word without an equal at this distance has none farther away
        if not len(at):
            return
        alike = at[np.bitwise_count(word[at] ^ word[at + step]) <= _REST_ERRORS]
        first = np.minimum(place[alike], place[alike + step])
        second = np.maximum(place[alike], place[alike + step])
        differ = owner[first] != owner[second]
        first, second = first[differ], second[differ]
        # a run of agreements is checked once, where it begins; position -1 is the last word, which does no harm
        begins = (_key(rotated[first - 1]) != _key(rotated[second - 1])) | (owner[first - 1] != owner[first])
        yield first[begins], second[begins]


def _checked(
    words: Words,
    ends: Indices,
    owner: npt.NDArray[np.int32],
    first: Indices,
    second: Indices,
    numbers: Sequence[int],
) -> Iterator[tuple[int, int, int, float]]:
    """The candidates (positions, of shape (m,)) whose block of words around them agrees well enough in a sample."""
    starts = np.concatenate([[0], ends[:-1]])
    a, b = owner[first], owner[second]
    before = np.minimum(first - starts[a], second - starts[b])  # words that both recordings have before the candidate
    after = np.minimum(ends[a] - first, ends[b] - second)
    fits = before + after >= BLOCK
    first, second, before, after = (x[fits] for x in (first, second, before, after))
    begin = np.minimum(np.maximum(-before, -BLOCK // 2), after - BLOCK)
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
