"""How far apart two samples of feature vectors are, where clips of one group are not independent.

Matrices have shape (clips, features), on the scales of comparison (synth.match.measure.features), NaN where not measured.
`a` is the training side, `b` the dev side. All randomness comes from `seed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.match.measure.features import FEATURES

_FOLDS = 5
_MOST_MISSING = 0.5  # a feature that half of one side lacks tells the sides apart by what was measured, not by sound
_MOST_FITTED = 3000  # clips of a side that a classifier learns from: more change the AUC by less than its scatter
_NAMES = ("logistic regression", "boosted trees")
_MOST_NEIGHBOURS = 2000  # clips whose distances to all others are held at once


# --- can a classifier tell them apart ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Classified:
    """What the better of the two classifiers says of clips that it has not learned from.

    `auc`: mean over folds. `by`: the AUC of each classifier. `scores_a`, `scores_b`: probability that a clip is of
    the side `a`, shape (clips,). `used`: columns that took part.
    """

    auc: float
    by: dict[str, float]
    scores_a: Vector
    scores_b: Vector
    used: tuple[int, ...]


def classify(
    a: Matrix,
    b: Matrix,
    groups_a: Sequence[str],
    groups_b: Sequence[str],
    *,
    jitter: bool = True,
    seed: int,
    repeats: int = 1,
    tolerances: Sequence[float] | None = None,
) -> Classified | None:
    """Classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv 1610.06545) by grouped cross-validation.

    Clips of one group stay in one fold, also where a group is on both sides. Two classifiers (L2 logistic regression,
    gradient-boosted trees) learn from equally many clips of both sides; the larger AUC counts. With `jitter` a
    normal number with SD of the feature's tolerance is added on both sides first, so that differences below the
    tolerances do not count. All of it is done `repeats` times with other draws, and the mean taken. The settings of
    the classifiers (C = 0.3; 40 trees of 8 leaves) are our own.

    `tolerances`: one a column; those of FEATURES unless given.

    Returns:
        None where a side has fewer than two groups, or no feature was measured on half of each side.
    """
    widths = _tolerances(a, tolerances)
    rounds = []
    for number in range(repeats):
        x, y, used = _comparable(a, b, widths, generator(seed, "two_sample.fill", number), jitter=jitter)
        folds = _folds(groups_a, groups_b, generator(seed, "two_sample.fold", number))
        done = (
            _cross_validated(x, y, folds, generator(seed, "two_sample.balance", number))
            if len(used) and len(folds[0])
            else None
        )
        if done is None:
            return None
        rounds.append(done)
    aucs = np.mean([auc for auc, _, _ in rounds], axis=0)
    best = int(np.argmax(aucs))
    return Classified(
        auc=float(aucs[best]),
        by={name: float(auc) for name, auc in zip(_NAMES, aucs, strict=True)},
        scores_a=np.mean([scores[best] for _, scores, _ in rounds], axis=0),
        scores_b=np.mean([scores[best] for _, _, scores in rounds], axis=0),
        used=tuple(used.tolist()),
    )


def _cross_validated(
    a: Matrix, b: Matrix, folds: tuple[Indices, Indices], rng: np.random.Generator
) -> tuple[Vector, Matrix, Matrix] | None:
    """AUC of each classifier, mean over folds by their pairs; scores of both sides, shape (classifiers, clips).

    None where a fold has no clip of a side, or leaves none to learn from: groups that both sides share.
    """
    scores_a, scores_b = np.zeros((2, len(a))), np.zeros((2, len(b)))
    aucs, weights = [], []
    for fold in range(int(folds[0].max()) + 1):
        in_a, in_b = folds[0] == fold, folds[1] == fold
        if min(in_a.sum(), in_b.sum(), (~in_a).sum(), (~in_b).sum()) == 0:
            return None
        x, y = _balanced(a[~in_a], b[~in_b], rng)
        for k, model in enumerate(_models()):
            model.fit(x, y)
            scores_a[k, in_a] = model.predict_proba(a[in_a])[:, 1]
            scores_b[k, in_b] = model.predict_proba(b[in_b])[:, 1]
        aucs.append([area_under_curve(scores_a[k, in_a], scores_b[k, in_b]) for k in range(2)])
        weights.append(float(in_a.sum()) * float(in_b.sum()))
    return np.average(np.array(aucs), axis=0, weights=weights), scores_a, scores_b


def c2st(
    a: Matrix,
    b: Matrix,
    groups_a: Sequence[str],
    groups_b: Sequence[str],
    *,
    jitter: bool = True,
    seed: int,
    tolerances: Sequence[float] | None = None,
) -> float:
    """The AUC of `classify`; NaN where there is none."""
    found = classify(a, b, groups_a, groups_b, jitter=jitter, seed=seed, tolerances=tolerances)
    return found.auc if found else float("nan")


def halvings(groups: Sequence[str], count: int, *, seed: int) -> list[tuple[Indices, Indices]]:
    """`count` random halvings by group: (clips of one half, clips of the other), as equal as the groups allow."""
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(codes, minlength=len(names))
    found = []
    for number in range(count):
        order = generator(seed, "two_sample.halves", number).permutation(len(names))
        side, load = np.zeros(len(names), bool), [0, 0]
        for group in order[np.argsort(-sizes[order] // 2, kind="stable")]:
            side[group] = load[1] < load[0]
            load[int(side[group])] += int(sizes[group])
        found.append((np.flatnonzero(~side[codes]), np.flatnonzero(side[codes])))
    return found


def area_under_curve(high: Vector, low: Vector) -> float:
    """The share of pairs in which the one of `high` is larger; ties count half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left") + np.searchsorted(ordered, high, side="right")
    return float(below.mean() / (2 * len(low)))


def _models() -> Iterator[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped, unused-ignore]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped, unused-ignore]

    yield LogisticRegression(C=0.3, max_iter=1000)
    yield HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.15,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_bins=63,
        early_stopping=False,
        random_state=0,
    )


def _tolerances(a: Matrix, given: Sequence[float] | None) -> Vector:
    found = np.array([f.tolerance for f in FEATURES] if given is None else given, float)
    if len(found) != a.shape[1]:
        raise ValueError(f"tolerances: {len(found)} for {a.shape[1]} features")
    return found


def filled(a: Matrix, b: Matrix, rng: np.random.Generator) -> tuple[Matrix, Matrix, Indices]:
    """Both sides without NaN, and which columns are left: those that half of each side has.

    What was not measured becomes the median of `b`. Where one side lacks more than the other, as many values of the
    other are taken away at random first: otherwise the share of medians would give the side away.
    """
    missing = np.maximum(np.isnan(a).mean(axis=0), np.isnan(b).mean(axis=0))
    used = np.flatnonzero(missing <= _MOST_MISSING)
    a, b = a[:, used].copy(), b[:, used].copy()
    for k, share in enumerate(missing[used]):
        middle = np.nanmedian(b[:, k])
        for column in (a[:, k], b[:, k]):
            _thin(column, share, rng)
            column[np.isnan(column)] = middle
    return a, b, used


def _comparable(
    a: Matrix, b: Matrix, tolerances: Vector, rng: np.random.Generator, *, jitter: bool
) -> tuple[Matrix, Matrix, Indices]:
    """Both sides filled, jittered and standardised by what all clips have in common, and the columns left."""
    a, b, used = filled(a, b, rng)
    if jitter:
        a += rng.standard_normal(a.shape) * tolerances[used]
        b += rng.standard_normal(b.shape) * tolerances[used]
    both = np.concatenate([a, b])
    middle, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-9)
    return (a - middle) / spread, (b - middle) / spread, used


def _thin(column: Vector, share: float, rng: np.random.Generator) -> None:
    """Make so many values NaN that `share` of all are."""
    there = np.flatnonzero(~np.isnan(column))
    surplus = round(len(there) - (1 - share) * len(column))
    if surplus > 0:
        column[rng.choice(there, surplus, replace=False)] = np.nan


def _folds(groups_a: Sequence[str], groups_b: Sequence[str], rng: np.random.Generator) -> tuple[Indices, Indices]:
    """The fold of each clip; empty where a side has fewer than two groups. Folds hold about equal parts of both."""
    names, codes = np.unique([*groups_a, *groups_b], return_inverse=True)
    codes_a, codes_b = codes[: len(groups_a)], codes[len(groups_a) :]
    sizes = np.stack([np.bincount(codes_a, minlength=len(names)), np.bincount(codes_b, minlength=len(names))], axis=1)
    count = min(_FOLDS, *(int((sizes > 0).sum(axis=0)[side]) for side in (0, 1)))
    if count < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    shares = sizes / sizes.sum(axis=0)
    order = rng.permutation(len(names))
    order = order[np.argsort(-shares[order].sum(axis=1), kind="stable")]
    load, fold = np.zeros((count, 2)), np.zeros(len(names), np.intp)
    for group in order:
        fold[group] = np.argmin(load @ shares[group])
        load[fold[group]] += shares[group]
    return fold[codes_a], fold[codes_b]


def _balanced(a: Matrix, b: Matrix, rng: np.random.Generator) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """As many rows of one as of the other, and which are of `a`."""
    count = min(len(a), len(b), _MOST_FITTED)
    rows = [side[np.sort(rng.choice(len(side), count, replace=False))] for side in (a, b)]
    return np.concatenate(rows), np.repeat([1, 0], count)


# --- is all of dev covered --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Covered:
    """`share`: of dev clips that are covered, mean over draws. `distance`: of each dev clip, its distance to the
    nearest training clip over the radius within which it counts as covered, mean over draws; above 1 is uncovered."""

    share: float
    distance: Vector


def covered(
    train: Matrix,
    dev: Matrix,
    *,
    groups: Sequence[str] | None = None,
    k: int = 5,
    draws: int = 8,
    seed: int = 0,
    tolerances: Sequence[float] | None = None,
) -> Covered | None:
    """Coverage (Naeem et al. 2020, arXiv 2002.09797, from memory): is a training clip as near as the k-th dev clip?

    Training is drawn down to as many clips as dev has, `draws` times (a larger set would cover more by its size).
    Columns are divided by dev's SD, at least by the tolerance. With `groups`, the k neighbours of a dev clip are sought
    in other groups of dev (our own choice: clips of one session lie so near to each other that nobody else's reach).

    Returns:
        None where there are fewer than k + 1 dev clips to compare, or no feature was measured on half of each side.
    """
    a, b, used = filled(train, dev, generator(seed, "two_sample.fill"))
    if not len(used) or not len(a):
        return None
    scale = np.maximum(b.std(axis=0), _tolerances(train, tolerances)[used])
    a, b = a / scale, b / scale
    chosen = _some(len(b), _MOST_NEIGHBOURS, generator(seed, "two_sample.draw"))
    radius = _radius(b[chosen], None if groups is None else np.asarray(groups)[chosen], k)
    if radius is None:
        return None
    draw = [a[_some(len(a), len(chosen), generator(seed, "two_sample.draw", number + 1))] for number in range(draws)]
    ratios = np.array([_distances(b[chosen], drawn).min(axis=1) / radius for drawn in draw])
    distance = np.full(len(b), np.nan)
    distance[chosen] = ratios.mean(axis=0)
    return Covered(float((ratios <= 1).mean()), distance)


def coverage(train: Matrix, dev: Matrix, k: int = 5, *, groups: Sequence[str] | None = None, seed: int = 0) -> float:
    """The share of `covered`; NaN where there is none."""
    found = covered(train, dev, groups=groups, k=k, seed=seed)
    return found.share if found else float("nan")


def _some(count: int, most: int, rng: np.random.Generator) -> Indices:
    return np.sort(rng.choice(count, most, replace=False)) if count > most else np.arange(count)


def _radius(dev: Matrix, groups: npt.NDArray[np.str_] | None, k: int) -> Vector | None:
    """Distance of each dev clip to its k-th neighbour in dev, shape (clips,); None where one has fewer than k."""
    if len(dev) < k + 1:
        return None
    distances = _distances(dev, dev)
    if groups is None:
        np.fill_diagonal(distances, np.inf)
    else:
        distances[groups[:, None] == groups[None, :]] = np.inf
    radius = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return np.maximum(radius, 1e-9) if np.isfinite(radius).all() else None


def _distances(a: Matrix, b: Matrix) -> Matrix:
    """Euclidean, shape (len(a), len(b))."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))
