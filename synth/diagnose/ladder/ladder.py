"""The error ladder: one error per rung, from people (or a proxy for the best possible) down to the test set."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from synth.diagnose.ladder.overlap import overlap_notes
from synth.diagnose.ladder.predictions import Prediction, Scores, check_unique, read_scores
from synth.diagnose.ladder.rung_draws import bootstrap
from synth.draws import generator
from synth.dsp.arrays import Vector
from synth.errors import UsageError
from synth.stats.bootstrap import DRAWS

#: From the top down; the steps between them are in gaps.STEPS.
RUNGS: Final = ("human", "train", "train-dev", "train-dev-noise", "dev", "test")
ORACLE: Final = "oracle"
NAMES: Final = (*RUNGS, ORACLE)
TITLES: Final[Mapping[str, str]] = {
    "human": "human or proxy",
    "train": "train",
    "train-dev": "train-dev (new speech, seen noise)",
    "train-dev-noise": "train-dev-noise (new speech, unseen noise)",
    "dev": "dev",
    "test": "test",
    "oracle": "oracle (trained on target-like data), on dev",
}
_INDEPENDENT: Final = (
    "intervals: 95 %, from the numbers of clips or words as if they were independent; clips of one speaker or drive "
    "are not, so the intervals are too narrow: give scores per clip (--scores) for intervals by groups"
)
_ASSUMED: Final = "people's error is assumed to be 0 % (--human gives another): avoidable bias is at most what is shown"
_GIVEN: Final = re.compile(
    r"(?P<wrong>[^/@%]+)/(?P<all>[^/@%]+)|(?P<percent>[^/@%]+)%?(?:@(?P<of>[^/@%]+))?",
)


@dataclass(frozen=True, slots=True)
class GivenError:
    """An error given as a number."""

    error: float  # a share (0.1 is 10 %), or a loss
    n: float | None  # number of clips or words; None: the error is exact


@dataclass(frozen=True, slots=True)
class Rung:
    """One error with its sampling error."""

    name: str
    error: float  # share of wrong units, or mean loss
    draws: Vector  # bootstrap draws of the error, shape (DRAWS,); draw k of all rungs has the same groups
    clips: int  # 0: the error was given as a number
    words: float  # of an error given as a number, its n; inf: it is exact
    groups: int  # independent groups; 0: the error was given as a number


@dataclass(frozen=True, slots=True)
class Ladder:
    """The errors of a model on all sets."""

    rungs: Mapping[str, Rung]  # by name, in the order of NAMES
    measure: str  # what the errors are, such as "word error rate"
    is_rate: bool  # errors are shares, shown in percent; otherwise losses
    notes: tuple[str, ...]


def parse_given(text: str, n: float | None = None, *, is_rate: bool = True, what: str = "the error") -> GivenError:
    """Parse an error given as text.

    Args:
        text: `9` and `9%` are 9 % (of `n`), `9@600` is 9 % of 600, `54/600` is 54 wrong of 600. A loss is a plain
            number, which is taken as exact.
        n: number of clips or words, if the text has none.
        is_rate: whether the error is a rate, not a loss.
        what: what the error is called in a message.

    Raises:
        UsageError: the text is not an error.
    """
    match = _GIVEN.fullmatch("".join(text.split()))
    if not is_rate:
        return GivenError(_finite(text, f"{what} is {text!r}; a loss is needed, such as 0.3"), None)
    mistake = f"{what} is {text!r}; percent (9), percent of a number (9@600) or wrong/all (54/600) is needed"
    if match is None:
        raise UsageError(mistake)
    if match["wrong"]:
        n = _finite(match["all"], mistake)
        error = _finite(match["wrong"], mistake) / n if n else math.nan
    else:
        error = _finite(match["percent"], mistake) / 100
        n = _finite(match["of"], mistake) if match["of"] else n
    if not 0 <= error <= 1 or (n is not None and n < 1):
        raise UsageError(f"{mistake}, from 0 to 100 % of at least 1 clip or word")
    return GivenError(error, n)


def _finite(text: str, mistake: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(mistake)
    return number


def read_ladder(
    paths: Sequence[Path],
    manifests: Sequence[Path] = (),
    *,
    given: Mapping[str, str] = MappingProxyType({}),
    n: float | None = None,
    unit: str = "word",
    measure: str | None = None,
    by: Sequence[str] = (),
    seed: int = 0,
) -> Ladder:
    """Build the ladder from files of scores, and from errors given as numbers for rungs without clips.

    If the error is a rate, people's error is 0 unless it is given.

    Args:
        paths: scores of each clip; without any, the ladder has only the given errors.
        manifests: lists of the clips.
        given: rung -> error as `parse_given` reads it.
        n: number of clips or words behind each given error.
        unit: word, character or clip.
        measure: which column of the scores to use.
        by: columns that define the groups of the bootstrap.
        seed: random seed of the bootstrap.

    Raises:
        UsageError: as read_scores, from_scores and parse_given.
    """
    scores = None if not paths else _merge([read_scores(p, manifests, unit=unit, measure=measure) for p in paths])
    is_rate = scores is None or scores.is_rate
    errors = {}
    for name, text in given.items():
        # --n does not apply to people's error: it is as exact as it is said to be, unless it has an n of its own
        errors[name] = parse_given(text, None if name == "human" else n, is_rate=is_rate, what=f"--{name}")
    has_human = "human" in errors or (scores is not None and any(c.split == "human" for c in scores.predictions))
    if is_rate and not has_human:
        errors["human"] = GivenError(0.0, None)
    ladder = from_numbers(errors, seed=seed) if scores is None else from_scores(scores, errors, by=by, seed=seed)
    return replace(ladder, notes=(_ASSUMED, *ladder.notes)) if is_rate and not has_human else ladder


def _merge(files: Sequence[Scores]) -> Scores:
    measures = sorted({scores.measure for scores in files})
    if len(measures) > 1:
        raise UsageError(f"scores of {' and of '.join(measures)} cannot form one ladder; see --measure and --unit")
    predictions = tuple(clip for scores in files for clip in scores.predictions)
    check_unique(predictions)
    return replace(files[0], predictions=predictions, notes=tuple(note for scores in files for note in scores.notes))


def from_numbers(given: Mapping[str, GivenError], *, seed: int = 0) -> Ladder:
    """Build a ladder of errors given as numbers, each with its number of independent clips or words.

    The sampling error is binomial: draws from the Jeffreys posterior Beta(k + 1/2, n - k + 1/2), which is sensible
    even if k is 0. Source: docs/science.md, "Intervals".

    Raises:
        UsageError: an error other than people's has no n.
    """
    exact = [name for name, error in given.items() if error.n is None and name != "human"]
    if exact:
        raise UsageError(f"--{exact[0]}: of how many clips or words? Give --n 2000, or --{exact[0]} 9@2000")
    return Ladder(_given_rungs(given, seed), "error rate", True, (_INDEPENDENT,))


def from_scores(
    scores: Scores, given: Mapping[str, GivenError] = MappingProxyType({}), *, by: Sequence[str] = (), seed: int = 0
) -> Ladder:
    """Build a ladder of scores per clip: the error of each split, and a cluster bootstrap over groups.

    Args:
        scores: the clips.
        given: errors of rungs that have no clips.
        by: what a group is (rung_draws.group_names).
        seed: random seed of the bootstrap.

    Raises:
        UsageError: no clip has a split that is a rung, or a rung is given twice.
    """
    rows = {name: [c for c in scores.predictions if c.split == name and c.weight > 0] for name in NAMES}
    rows = {name: clips for name, clips in rows.items() if clips}
    files = ", ".join(dict.fromkeys(clip.where.rpartition(":")[0] for clip in scores.predictions))
    if not rows:
        raise UsageError(
            f"{files}: no clip is in {', '.join(RUNGS[1:])}; add a column split, or a manifest that has the clips"
        )
    for name, clips in rows.items():
        if not sum(clip.weight * (clip.words or 0) for clip in clips):
            raise UsageError(f"{files}: the clips of {name} have no words, so there is no error rate")
        if name in given:
            raise UsageError(f"--{name} is given, but {len(clips):,} clips of the scores are of {name}; omit one")
    drawn = bootstrap(rows, by=by, seed=seed)
    rungs = _given_rungs(given, seed)
    for name, clips in rows.items():
        words = float(sum(clip.words or 0 for clip in clips))
        rungs[name] = Rung(name, error_of(clips), drawn.draws[name], len(clips), words, drawn.groups[name])
    exact = [
        f"{name} is given without a number of clips and taken as exact"
        for name, error in given.items()
        if name != "human" and error.n is None
    ]
    counts = Counter(clip.split or "" for clip in scores.predictions)
    names = sorted(set(counts) - {*NAMES, ""})
    unused = [f"{counts[name]:,} clips of split {name} are not a rung of the ladder" for name in names]
    if counts[""]:
        unused.append(f"{counts['']:,} clips have no split and were left out")
    notes = (*scores.notes, *overlap_notes(rows), *drawn.notes, *exact, *unused)
    return Ladder({name: rungs[name] for name in NAMES if name in rungs}, scores.measure, scores.is_rate, notes)


def _given_rungs(given: Mapping[str, GivenError], seed: int) -> dict[str, Rung]:
    rungs = {}
    for number, name in enumerate(NAMES):
        if name not in given:
            continue
        error, n = given[name].error, given[name].n
        if n is None:
            draws = np.full(DRAWS, error)
        else:
            rng = generator(seed, "ladder.given_error", number)
            draws = rng.beta(error * n + 0.5, n - error * n + 0.5, DRAWS)
        rungs[name] = Rung(name, error, draws, 0, math.inf if n is None else n, 0)
    return rungs


def error_of(clips: Sequence[Prediction]) -> float:
    """Return sum(weight * errors) / sum(weight * words).

    It is not the mean of the clips' rates, in which a clip of one word would count as much as one of thirty.
    """
    errors = sum(clip.weight * (clip.errors or 0.0) for clip in clips)
    return float(errors / sum(clip.weight * (clip.words or 0.0) for clip in clips))
