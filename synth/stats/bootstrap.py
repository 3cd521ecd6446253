"""Cluster bootstrap: whole groups are drawn with replacement, never single clips of a group.

Clips of one speaker or session resemble each other. Drawing them one by one would make intervals too narrow.
Source: Davison and Hinkley, "Bootstrap Methods and their Application", Cambridge 1997, section 3.8.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Matrix

DRAWS = 2000
"""Draws for a 95 % interval; its ends then scatter by about 2 % of its width."""

_MOST_GROUPS = 1000  # more are merged at random to save time: the width of an interval then scatters by 2 %
_CHUNK = 100  # draws in memory at once


def draw_counts(groups: int, draws: int, *, seed: int, key: str, number: int = 0) -> Iterator[Matrix]:
    """Draw `groups` groups with replacement, `draws` times; yield how often each was drawn.

    Args:
        groups: number of groups, at least 1.
        draws: number of draws.
        seed: the user's seed.
        key: names the step (`synth.draws.generator`).
        number: which of several equal steps it is.

    Yields:
        Counts, float64, shape (up to 100, groups), `draws` rows in all.
    """
    rng = generator(seed, key, number)
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float64)


def draw_sums(sums: Matrix, *, seed: int, key: str, number: int = 0) -> Matrix:
    """Sum over groups that are drawn with replacement, DRAWS times.

    Args:
        sums: of each group, in any unit, shape (groups, k).
        seed: the user's seed.
        key: names the step (`synth.draws.generator`).
        number: which of several equal steps it is.

    Returns:
        Shape (DRAWS, k).
    """
    if len(sums) > _MOST_GROUPS:
        merged = np.zeros((_MOST_GROUPS, sums.shape[1]))
        np.add.at(merged, generator(seed, f"{key}.merge", number).permutation(len(sums)) % _MOST_GROUPS, sums)
        sums = merged
    return np.concatenate([c @ sums for c in draw_counts(len(sums), DRAWS, seed=seed, key=key, number=number)])


def widening(groups: int) -> float:
    """Return the factor by which deviations of bootstrap draws must grow if there are few groups; 1 for one group.

    Groups drawn with replacement vary too little by sqrt(G / (G - 1)), and so few say little about their own spread:
    the quantile of Student's t with G - 1 degrees of freedom replaces the normal one, as is usual for few clusters
    (Cameron, Gelbach and Miller, "Bootstrap-based improvements for inference with clustered errors", Review of
    Economics and Statistics 90(3), 2008).
    """
    from scipy.stats import norm, t

    if groups < 2:
        return 1.0
    return float(np.sqrt(groups / (groups - 1)) * t.ppf(0.975, groups - 1) / norm.ppf(0.975))
