"""How many different recordings, and how many different spectra, there are in a collection of noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.stats.groups import join_linked

SPECTRA_DB = 3.0
"""Two spectra whose levels differ by more than that, on average over the bands, are different."""

_PAIRWISE = 4000  # above that, comparing all with all takes more memory than a laptop has to spare

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SharedSound:
    """Two recordings (positions in the list that is reported on) with that many seconds in common."""

    first: int
    second: int
    seconds: float


def cluster_spectra(profiles: Floats, *, limit_db: float) -> Numbers:
    """Number the different spectra among band profiles (shape (recordings, bands), dB): 1 is the one with the most.

    Agglomerative, by the mean over the pairs (average linkage) of the mean absolute difference of the bands, up to
    `limit_db`. More than 4000 recordings are taken one after the other, each to the nearest of the spectra seen first.
    """
    count = len(profiles)
    if count < 2 or not profiles.shape[1]:
        return np.ones(count, np.int64)
    found = _linked(profiles, limit_db) if count <= _PAIRWISE else _by_leaders(profiles, limit_db)
    order = {old: new for new, old in enumerate(sorted(set(found), key=lambda c: (-found.count(c), found.index(c))), 1)}
    return np.array([order[c] for c in found], np.int64)


def _linked(profiles: Floats, limit_db: float) -> list[int]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    distances = pdist(profiles, "cityblock") / profiles.shape[1]
    return [int(c) for c in fcluster(linkage(distances, "average"), limit_db, "distance")]


def _by_leaders(profiles: Floats, limit_db: float) -> list[int]:
    leaders = np.empty_like(profiles)
    count, found = 0, []
    for one in profiles:
        distances = np.abs(leaders[:count] - one).mean(axis=1)
        nearest = int(distances.argmin()) if count else -1
        if nearest < 0 or distances[nearest] > limit_db:
            leaders[count], nearest = one, count
            count += 1
        found.append(nearest)
    return found


def group_recordings(paths: Sequence[str], pairs: Sequence[SharedSound]) -> Numbers:
    """Number the recordings from 1 on: segments of one file, and near-duplicates, however chained, are one."""
    first: dict[str, int] = {}
    same_file = [(first.setdefault(path, i), i) for i, path in enumerate(paths)]
    first_member = join_linked(range(len(paths)), [*same_file, *((pair.first, pair.second) for pair in pairs)])
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(member, len(numbers) + 1) for member in first_member.values()], np.int64)


def unique_seconds(usable: Floats, family: Numbers, pairs: Sequence[SharedSound]) -> Floats:
    """Seconds of each family, shape (families,), what its members have in common counted once.

    By the tree of the largest overlaps: exact where one member holds the others, or where they overlap in a chain.
    """
    count = int(family.max(initial=0))
    total = np.bincount(family - 1, weights=usable, minlength=count)
    longest = np.zeros(count)
    np.maximum.at(longest, family - 1, usable)
    joined = np.arange(len(usable))
    for pair in sorted(pairs, key=lambda p: (-p.seconds, p.first, p.second)):
        a, b = joined[pair.first], joined[pair.second]
        if a != b:
            joined[joined == b] = a
            total[family[pair.first] - 1] -= min(pair.seconds, float(usable[pair.first]), float(usable[pair.second]))
    return np.asarray(np.maximum(total, longest))


def effective_number(seconds: Floats) -> float:
    """K_eff = exp(-sum p ln p) of the shares p: as many equal ones would be as even (Hill number of order 1)."""
    shares = seconds[seconds > 0] / seconds.sum()
    return math.exp(float(-(shares * np.log(shares)).sum()))
