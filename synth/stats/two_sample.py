"""Can a classifier tell two sets of clips apart? A two-sample test that respects groups of clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.draws import generator
from synth.dsp.arrays import Indices, Matrix, Vector
from synth.stats.groups import deal_to_folds

CLASSIFIERS = ("logistic regression", "boosted trees")

_FOLDS = 5
_MAX_MISSING = 0.5  # a feature that half of one side lacks would tell the sides apart by what could be measured
_MAX_FITTED = 3000  # clips per side that a classifier learns from: more change the AUC by less than its scatter


@dataclass(frozen=True, slots=True)
class Classified:
    """What the better of the two classifiers says about clips that it has not learned from."""

    auc: float  # area under the ROC curve, mean over folds: 0.5 cannot tell, 1 always can
    by: dict[str, float]  # the AUC of each of CLASSIFIERS
    scores_a: Vector  # probability that a clip belongs to side `a`, of each clip of `a`, shape (clips,)
    scores_b: Vector  # the same of each clip of `b`
    used: tuple[int, ...]  # columns that took part


def classify(
    a: Matrix,
    b: Matrix,
    groups_a: Sequence[str],
    groups_b: Sequence[str],
    *,
    tolerances: Sequence[float],
    jitter: bool = True,
    seed: int,
    repeats: int = 1,
) -> Classified | None:
    """Train classifiers to tell two sets of clips apart, and test them on clips of other groups.

    Clips of one group stay in one fold, even if a group is on both sides. Two classifiers (L2 logistic regression,
    gradient-boosted trees) learn from equally many clips of both sides; the larger AUC counts. Their settings
    (C = 0.3; 40 trees of 8 leaves) are a choice for a few hundred clips.

    Args:
        a: features of the training side, shape (clips, features), NaN if not measured.
        b: features of the dev side, shape (clips, features).
        groups_a: name of each clip's group in `a`.
        groups_b: name of each clip's group in `b`.
        tolerances: of each feature, the difference that does not matter.
        jitter: add a normal number with SD of the tolerance to both sides, so that smaller differences do not count.
        seed: for folds, jitter and the choice of clips.
        repeats: do all of it with so many different draws, and take the mean.

    Returns:
        None if a side has fewer than two groups, or if no feature was measured on half of each side.

    Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", arXiv 1610.06545.
    """
    widths = np.asarray(tolerances, float)
    if len(widths) != a.shape[1]:
        raise ValueError(f"tolerances: {len(widths)} for {a.shape[1]} features")
    folds = min(_FOLDS, len(set(groups_a)), len(set(groups_b)))
    if folds < 2:
        return None
    sides = np.repeat([0, 1], [len(a), len(b)])
    rounds = []
    for number in range(repeats):
        x, y, used = _comparable(a, b, widths, generator(seed, "two_sample.fill", number), jitter=jitter)
        rng = generator(seed, "two_sample.fold", number)
        fold = deal_to_folds([*groups_a, *groups_b], sides, folds, rng)
        parts = fold[: len(a)], fold[len(a) :]
        rng = generator(seed, "two_sample.balance", number)
        result = _cross_validate(x, y, parts, folds, rng) if len(used) else None
        if result is None:
            return None
        rounds.append(result)
    aucs = np.mean([auc for auc, _, _ in rounds], axis=0)
    best = int(np.argmax(aucs))
    return Classified(
        auc=float(aucs[best]),
        by={name: float(auc) for name, auc in zip(CLASSIFIERS, aucs, strict=True)},
        scores_a=np.mean([scores[best] for _, scores, _ in rounds], axis=0),
        scores_b=np.mean([scores[best] for _, _, scores in rounds], axis=0),
        used=tuple(used.tolist()),
    )


def fill_missing(a: Matrix, b: Matrix, rng: np.random.Generator) -> tuple[Matrix, Matrix, Indices]:
    """Fill what was not measured with the median of `b`, and drop columns that half of a side lacks.

    If one side lacks more values than the other, values of the other are first removed at random: otherwise the share
    of medians would give the side away.

    Args:
        a: shape (clips, features), NaN if not measured.
        b: shape (clips, features).
        rng: decides which values are removed.

    Returns:
        Both sides without NaN, and the indices of the columns that remain.
    """
    missing = np.maximum(np.isnan(a).mean(axis=0), np.isnan(b).mean(axis=0))
    used = np.flatnonzero(missing <= _MAX_MISSING)
    a, b = a[:, used].copy(), b[:, used].copy()
    for k, share in enumerate(missing[used]):
        middle = np.nanmedian(b[:, k])
        for column in (a[:, k], b[:, k]):
            measured = np.flatnonzero(~np.isnan(column))
            surplus = round(len(measured) - (1 - share) * len(column))
            if surplus > 0:
                column[rng.choice(measured, surplus, replace=False)] = np.nan
            column[np.isnan(column)] = middle
    return a, b, used


def _comparable(
    a: Matrix, b: Matrix, tolerances: Vector, rng: np.random.Generator, *, jitter: bool
) -> tuple[Matrix, Matrix, Indices]:
    """Fill, jitter and standardize both sides by the mean and SD of all clips; also return the columns that remain."""
    a, b, used = fill_missing(a, b, rng)
    if jitter:
        a += rng.standard_normal(a.shape) * tolerances[used]
        b += rng.standard_normal(b.shape) * tolerances[used]
    both = np.concatenate([a, b])
    mean, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-9)
    return (a - mean) / spread, (b - mean) / spread, used


def _cross_validate(
    a: Matrix, b: Matrix, parts: tuple[Indices, Indices], folds: int, rng: np.random.Generator
) -> tuple[Vector, Matrix, Matrix] | None:
    """Return the AUC of each classifier (mean over folds, by their pairs) and the scores of both sides.

    None if a fold has no clip of a side, or leaves none to learn from: that is so if both sides share their groups.
    """
    from sklearn.metrics import roc_auc_score

    scores_a, scores_b = np.zeros((2, len(a))), np.zeros((2, len(b)))
    aucs, pairs = [], []
    for fold in range(folds):
        in_a, in_b = parts[0] == fold, parts[1] == fold
        if min(in_a.sum(), in_b.sum(), (~in_a).sum(), (~in_b).sum()) == 0:
            return None
        count = min(int((~in_a).sum()), int((~in_b).sum()), _MAX_FITTED)
        rows = [side[np.sort(rng.choice(len(side), count, replace=False))] for side in (a[~in_a], b[~in_b])]
        for k, model in enumerate(_classifiers()):
            model.fit(np.concatenate(rows), np.repeat([1, 0], count))
            scores_a[k, in_a] = model.predict_proba(a[in_a])[:, 1]
            scores_b[k, in_b] = model.predict_proba(b[in_b])[:, 1]
        truth = np.repeat([1, 0], [in_a.sum(), in_b.sum()])
        aucs.append([roc_auc_score(truth, np.concatenate([scores_a[k, in_a], scores_b[k, in_b]])) for k in range(2)])
        pairs.append(float(in_a.sum()) * float(in_b.sum()))
    return np.average(np.array(aucs), axis=0, weights=pairs), scores_a, scores_b


def _classifiers() -> tuple[Any, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    trees = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.15,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_bins=63,
        early_stopping=False,
        random_state=0,
    )
    return LogisticRegression(C=0.3, max_iter=1000), trees
