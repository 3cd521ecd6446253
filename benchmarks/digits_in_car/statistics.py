"""Errors, and what can be said of their differences: a paired bootstrap over speaker x word and over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .experiment import Answers

DRAWS = 2000
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Wrong answers by recipe, (targets, seeds, clusters); and the clips of each cluster, (clusters,)."""

    targets: tuple[str, ...]
    wrong: dict[str, Vector]
    clips: Vector

    def error(self, recipe: str) -> Vector:
        """(targets, seeds)."""
        return np.asarray(self.wrong[recipe].sum(axis=2) / self.clips.sum())

    def drawn(self, recipe: str, seed: int = 0) -> Vector:
        """Errors (DRAWS, targets) of sets drawn again: the same clusters and seeds for every recipe and target."""
        rng = np.random.Generator(np.random.Philox(key=[seed, 21]))
        wrong = self.wrong[recipe]
        seeds, clusters = wrong.shape[1:]
        by_cluster = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=DRAWS).astype(float)
        by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=DRAWS) / seeds
        return np.asarray(
            np.einsum("tsc,bs,bc->bt", wrong, by_seed, by_cluster, optimize=True) / (by_cluster @ self.clips)[:, None]
        )


def counts(answers: Sequence[Answers], model: str, split: str, among: str | None = None) -> Counts:
    """All recipes that answered on a split in every (target, seed) where any did.

    `among`: the split whose clips they are, where it has another name.
    """
    told = [one for one in answers if any(key[1:] == (model, split) for key in one.wrong)]
    targets = tuple(dict.fromkeys(one.target for one in told))
    seeds = sorted({one.seed for one in told})
    words = told[0].clips["", among or split][1]
    names, index = np.unique(words, return_inverse=True)
    recipes = [key[0] for key in told[0].wrong if key[1:] == (model, split)]
    wrong: dict[str, Vector] = {}
    for recipe in recipes:
        if all((recipe, model, split) in one.wrong for one in told):
            wrong[recipe] = np.zeros((len(targets), len(seeds), len(names)))
            for one in told:
                at = targets.index(one.target), seeds.index(one.seed)
                wrong[recipe][at] = np.bincount(index, one.wrong[recipe, model, split], len(names))
    return Counts(targets, wrong, np.bincount(index, minlength=len(names)).astype(float))


@dataclass(frozen=True)
class Measured:
    """A number with the interval that holds 95 % of the draws."""

    value: float
    low: float
    high: float

    def shown(self, form: str = ".1f") -> str:
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"


def _measured(value: float, draws: Vector) -> Measured:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Measured(value, float(low), float(high))


_LEAST = 1e-9  # no error at all is taken as this one, so that a ratio is a number


def times(found: Counts, worse: str, better: str, keep: Sequence[str]) -> Measured:
    """Mean error of one recipe over that of another, over the targets in `keep`."""
    at = [found.targets.index(name) for name in keep]
    value = found.error(worse)[at].mean() / max(found.error(better)[at].mean(), _LEAST)
    over = np.maximum(found.drawn(better)[:, at].mean(axis=1), _LEAST)
    return _measured(float(value), found.drawn(worse)[:, at].mean(axis=1) / over)


def reduction(found: Counts, of: str, by: str, keep: Sequence[str]) -> Measured:
    """By how many percent the error of recipe `of` falls with recipe `by`: the mean over targets of each one's."""
    at = [found.targets.index(name) for name in keep]
    value = (1 - found.error(by)[at].mean(axis=1) / np.maximum(found.error(of)[at].mean(axis=1), _LEAST)).mean()
    drawn = 1 - found.drawn(by)[:, at] / np.maximum(found.drawn(of)[:, at], _LEAST)
    return _measured(100 * float(value), 100 * drawn.mean(axis=1))


def points_worse(found: Counts, one: str, other: str, keep: Sequence[str]) -> Measured:
    """Error of one recipe less that of another, in points, the mean over targets."""
    at = [found.targets.index(name) for name in keep]
    value = float((found.error(one)[at] - found.error(other)[at]).mean())
    return _measured(100 * value, 100 * (found.drawn(one)[:, at] - found.drawn(other)[:, at]).mean(axis=1))
