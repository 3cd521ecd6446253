"""How many different recordings, and how many different spectra, are in a collection of noise.

See docs/science.md, "Noise variety".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.stats.groups import join_linked

SPECTRA_DB = 3.0
"""Two spectra are different if their levels differ by more than this, on average over the bands."""

_PAIRWISE = 4000  # above that, comparing all with all takes more memory than a laptop has to spare

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SharedSound:
    """Sound that two recordings have in common."""

    first: int  # position in the list of recordings
    second: int
    seconds: float


def cluster_spectra(profiles: Floats, *, limit_db: float) -> Numbers:
    """Number the different spectra among band profiles; spectrum 1 has the most recordings.

    Agglomerative clustering by the mean over pairs (average linkage) of the mean absolute difference of the bands. More
    than 4000 recordings are taken one after the other, each to the nearest of the first spectra of their clusters.

    Args:
        profiles: shape (recordings, bands), dB.
        limit_db: clusters that differ by more stay apart.

    Returns:
        The number of each recording's spectrum, from 1, shape (recordings,).
    """
    count = len(profiles)
    if count < 2 or not profiles.shape[1]:
        return np.ones(count, np.int64)
    labels = _link_clusters(profiles, limit_db) if count <= _PAIRWISE else _assign_to_leaders(profiles, limit_db)
    by_size = sorted(set(labels), key=lambda c: (-labels.count(c), labels.index(c)))
    order = {old: new for new, old in enumerate(by_size, 1)}
    return np.array([order[c] for c in labels], np.int64)


def _link_clusters(profiles: Floats, limit_db: float) -> list[int]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    distances = pdist(profiles, "cityblock") / profiles.shape[1]
    return [int(c) for c in fcluster(linkage(distances, "average"), limit_db, "distance")]


def _assign_to_leaders(profiles: Floats, limit_db: float) -> list[int]:
    leaders = np.empty_like(profiles)
    count, labels = 0, []
    for profile in profiles:
        distances = np.abs(leaders[:count] - profile).mean(axis=1)
        nearest = int(distances.argmin()) if count else -1
        if nearest < 0 or distances[nearest] > limit_db:
            leaders[count], nearest = profile, count
            count += 1
        labels.append(nearest)
    return labels


def group_recordings(paths: Sequence[str], pairs: Sequence[SharedSound]) -> Numbers:
    """Number the recordings from 1: segments of one file, and near-duplicates, count as one, however indirectly.

    Args:
        paths: the file of each recording.
        pairs: near-duplicates.

    Returns:
        Shape (recordings,).
    """
    first: dict[str, int] = {}
    same_file = [(first.setdefault(path, i), i) for i, path in enumerate(paths)]
    first_member = join_linked(range(len(paths)), [*same_file, *((pair.first, pair.second) for pair in pairs)])
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(member, len(numbers) + 1) for member in first_member.values()], np.int64)


def unique_seconds(usable: Floats, group: Numbers, pairs: Sequence[SharedSound]) -> Floats:
    """Return the seconds of each group of recordings, with common sound counted once.

    Follows the tree of the largest overlaps: exact if one member holds the others, or if they overlap in a chain.

    Args:
        usable: of each recording, s, shape (recordings,).
        group: number of each recording's group from 1 (`group_recordings`), shape (recordings,).
        pairs: common sound.

    Returns:
        Seconds, shape (groups,).
    """
    count = int(group.max(initial=0))
    total = np.bincount(group - 1, weights=usable, minlength=count)
    longest = np.zeros(count)
    np.maximum.at(longest, group - 1, usable)
    joined = np.arange(len(usable))
    for pair in sorted(pairs, key=lambda p: (-p.seconds, p.first, p.second)):
        a, b = joined[pair.first], joined[pair.second]
        if a != b:
            joined[joined == b] = a
            total[group[pair.first] - 1] -= min(pair.seconds, float(usable[pair.first]), float(usable[pair.second]))
    return np.asarray(np.maximum(total, longest))


def effective_number(seconds: Floats) -> float:
    """Return K_eff = exp(-sum p ln p) of shares p: so many equal ones would be as diverse (Hill number of order 1).

    Args:
        seconds: of each recording, s, shape (recordings,).
    """
    shares = seconds[seconds > 0] / seconds.sum()
    return math.exp(float(-(shares * np.log(shares)).sum()))
