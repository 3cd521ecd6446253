"""How much of a dev set a training set covers: is there a training clip near each dev clip?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.stats.two_sample import fill_missing

_MAX_CLIPS = 2000  # dev clips whose distances to all others are in memory at once


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of dev is covered."""

    share: float  # of dev clips that are covered, 0 to 1, mean over draws
    distance: Vector
    """Of each dev clip, shape (clips,): its distance to the nearest training clip over the radius within which it is
    covered, mean over draws. Above 1 it is uncovered; NaN if it was not among the clips looked at."""


def measure_coverage(
    train: Matrix,
    dev: Matrix,
    *,
    tolerances: Sequence[float],
    groups: Sequence[str] | None = None,
    k: int = 5,
    draws: int = 8,
    seed: int = 0,
) -> Coverage | None:
    """Ask of each dev clip whether a training clip is as near as its k-th neighbor in dev.

    Training is drawn down to as many clips as dev has, `draws` times, because a larger set would cover more just by
    its size. Columns are divided by dev's SD, at least by the tolerance.

    Args:
        train: each feature in its own unit, shape (clips, features), NaN if not measured.
        dev: the same of dev, shape (clips, features).
        tolerances: of each feature, the difference that does not matter.
        groups: name of each dev clip's group. If given, neighbors are looked for in other groups of dev: clips of one
            session lie so near to each other that no other clip is within their reach.
        k: number of the neighbor.
        draws: number of draws from the training set.
        seed: for the draws.

    Returns:
        None if there are fewer than k + 1 dev clips, or if no feature was measured on half of each side.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models", arXiv 2002.09797.
    """
    from scipy.spatial.distance import cdist

    a, b, used = fill_missing(train, dev, generator(seed, "coverage.fill"))
    if not len(used) or not len(a):
        return None
    scale = np.maximum(b.std(axis=0), np.asarray(tolerances, float)[used])
    a, b = a / scale, b / scale
    chosen = _choose(len(b), _MAX_CLIPS, generator(seed, "coverage.dev"))
    radius = _neighbor_distance(b[chosen], None if groups is None else np.asarray(groups)[chosen], k)
    if radius is None:
        return None
    ratios = np.empty((draws, len(chosen)))
    for number in range(draws):
        drawn = a[_choose(len(a), len(chosen), generator(seed, "coverage.train", number))]
        ratios[number] = cdist(b[chosen], drawn).min(axis=1) / radius
    distance = np.full(len(b), np.nan)
    distance[chosen] = ratios.mean(axis=0)
    return Coverage(float((ratios <= 1).mean()), distance)


def _choose(count: int, most: int, rng: np.random.Generator) -> Indices:
    return np.sort(rng.choice(count, most, replace=False)) if count > most else np.arange(count)


def _neighbor_distance(dev: Matrix, groups: npt.NDArray[np.str_] | None, k: int) -> Vector | None:
    """Distance of each dev clip to its k-th neighbor in dev, shape (clips,); None if a clip has fewer than k."""
    from scipy.spatial.distance import cdist

    if len(dev) < k + 1:
        return None
    distances = cdist(dev, dev)
    if groups is None:
        np.fill_diagonal(distances, np.inf)
    else:
        distances[groups[:, None] == groups[None, :]] = np.inf
    radius = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return np.maximum(radius, 1e-9) if np.isfinite(radius).all() else None
