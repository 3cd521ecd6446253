"""The error ladder: one error a rung, from people (or a proxy for the best there is) down to the test set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from synth.diagnose.ladder.overlap import held_out_notes
from synth.diagnose.ladder.predictions import Prediction, Scores, check_twice, read_scores
from synth.diagnose.ladder.resample import bootstrap
from synth.draws import generator
from synth.dsp.arrays import Vector
from synth.errors import UsageError
from synth.stats.bootstrap import DRAWS

RUNGS: Final = ("human", "train", "train-dev", "train-dev-noise", "dev", "test")
"""From the top down; what each step between two of them is called stands in gaps.STEPS."""

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
_INDEPENDENT = (
    "intervals: 95 %, from the numbers of clips or words as if they were independent; clips of one speaker or drive "
    "are not, so that these are too narrow: give scores clip by clip (--scores) to be told by groups"
)
_ASSUMED = "people's error is taken as 0 % (--human gives another): avoidable bias is at most what is shown"
_GIVEN = re.compile(r"(?P<wrong>[^/@%]+)/(?P<all>[^/@%]+)|(?P<percent>[^/@%]+)%?(?:@(?P<of>[^/@%]+))?")


@dataclass(frozen=True, slots=True)
class Given:
    """An error given as a number: a share (0.1 is 10 %) of `n` clips or words; None for n is an error known exactly."""

    error: float
    n: float | None


@dataclass(frozen=True, slots=True)
class Rung:
    """One error with its sampling error.

    `error`: share of wrong units, or mean loss. `draws`: shape (DRAWS,), the error of sets drawn again; a draw of one
    rung belongs to the same draw of another (they may hold the same groups). `clips`, `words`: how many stand behind
    it (0: given as a number; for that `words` is its n, inf where it is known exactly). `groups`: independent groups.
    """

    name: str
    error: float
    draws: Vector
    clips: int
    words: float
    groups: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """`rungs`: by name, of NAMES. `is_rate`: errors are shares, shown in percent. `notes`: what a reader must know."""

    rungs: Mapping[str, Rung]
    measure: str
    is_rate: bool
    notes: tuple[str, ...]


def parse_given(text: str, n: float | None = None, *, is_rate: bool = True, what: str = "the error") -> Given:
    """`9` and `9%` are 9 % (of `n`), `9@600` is 9 % of 600, `54/600` is 54 wrong of 600. A loss is a plain number,
    which is taken as exact. Raises UsageError."""
    match = _GIVEN.fullmatch("".join(text.split()))
    if not is_rate:
        return Given(_as_number(text, f"{what} is {text!r}; a loss is needed, such as 0.3"), None)
    told = f"{what} is {text!r}; percent (9), percent of a number (9@600) or wrong/all (54/600) is needed"
    if match is None:
        raise UsageError(told)
    if match["wrong"]:
        n = _as_number(match["all"], told)
        error = _as_number(match["wrong"], told) / n if n else float("nan")
    else:
        error = _as_number(match["percent"], told) / 100
        n = _as_number(match["of"], told) if match["of"] else n
    if not 0 <= error <= 1 or (n is not None and n < 1):
        raise UsageError(f"{told}, from 0 to 100 % of at least 1 clip or word")
    return Given(error, n)


def _as_number(text: str, told: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number - number != 0:
        raise UsageError(told)
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
    """The ladder of score files, with errors given as numbers (`given`, as parse_given reads them, each of `n`) for
    rungs that no clip is of; of numbers alone where there are no files. An error rate has people's error at 0 unless
    it is given.

    Raises:
        UsageError: as read_scores, from_scores and parse_given.
    """
    scores = None if not paths else _together([read_scores(p, manifests, unit=unit, measure=measure) for p in paths])
    is_rate = scores is None or scores.is_rate
    numbers = {
        name: parse_given(text, _count(name, n), is_rate=is_rate, what=f"--{name}") for name, text in given.items()
    }
    assumed = (
        is_rate and "human" not in numbers and not (scores and any(c.split == "human" for c in scores.predictions))
    )
    if assumed:
        numbers["human"] = Given(0.0, None)
    found = from_numbers(numbers, seed=seed) if scores is None else from_scores(scores, numbers, by=by, seed=seed)
    return replace(found, notes=(_ASSUMED, *found.notes)) if assumed else found


def _count(name: str, n: float | None) -> float | None:
    """People's error is known as well as it is said to be, unless it has a number of its own."""
    return None if name == "human" else n


def _together(found: Sequence[Scores]) -> Scores:
    measures = sorted({scores.measure for scores in found})
    if len(measures) > 1:
        raise UsageError(f"scores of {' and of '.join(measures)} make no ladder together; see --measure and --unit")
    predictions = tuple(clip for scores in found for clip in scores.predictions)
    check_twice(predictions)
    return replace(found[0], predictions=predictions, notes=tuple(note for scores in found for note in scores.notes))


def from_numbers(given: Mapping[str, Given], *, seed: int = 0) -> Ladder:
    """A ladder of errors given as numbers, each with its number of independent clips or words.

    Sampling error is binomial at n: draws from the Jeffreys posterior Beta(k + 1/2, n - k + 1/2) (Brown, Cai &
    DasGupta 2001, from memory), which says something sensible also where k is 0. Only people's error may be exact.

    Raises:
        UsageError: an error without n.
    """
    exact = [name for name, one in given.items() if one.n is None and name != "human"]
    if exact:
        raise UsageError(f"of how many clips or words is --{exact[0]}? Give --n 2000, or --{exact[0]} 9@2000")
    return Ladder(_given_rungs(given, seed), "error rate", True, (_INDEPENDENT,))


def from_scores(
    scores: Scores, given: Mapping[str, Given] = MappingProxyType({}), *, by: Sequence[str] = (), seed: int = 0
) -> Ladder:
    """A ladder of scores clip by clip: sum(weight * errors) / sum(weight * words) of each split, and a cluster
    bootstrap over groups. `given`: errors of rungs that have no clips. `by`: what a group is (resample.group_names).

    Raises:
        UsageError: no clip has a split that is a rung, or a rung is given twice.
    """
    rows = {name: [c for c in scores.predictions if c.split == name and c.weight > 0] for name in NAMES}
    rows = {name: clips for name, clips in rows.items() if clips}
    files = ", ".join(dict.fromkeys(clip.where.rpartition(":")[0] for clip in scores.predictions))
    if not rows:
        raise UsageError(
            f"{files}: no clip is of {', '.join(RUNGS[1:])}; a column split, or a manifest that has the clips, "
            "is needed"
        )
    for name, clips in rows.items():
        if not sum(clip.weight * (clip.words or 0) for clip in clips):
            raise UsageError(f"{files}: the clips of {name} have no words, so that no error can be told")
        if name in given:
            raise UsageError(f"--{name} is given, and {len(clips):,} clips of the scores are of {name}; leave one out")
    drawn = bootstrap(rows, by=by, seed=seed)
    rungs = {name: _rung(name, clips, drawn.draws[name], drawn.groups[name]) for name, clips in rows.items()}
    rungs |= _given_rungs(given, seed)
    exact = [f"{name} is given without a number of clips and taken as exact" for name in given if _exact(name, given)]
    notes = (*scores.notes, *held_out_notes(rows), *drawn.notes, *exact, *_left_out(scores))
    return Ladder({name: rungs[name] for name in NAMES if name in rungs}, scores.measure, scores.is_rate, notes)


def _exact(name: str, given: Mapping[str, Given]) -> bool:
    return name != "human" and given[name].n is None


def _given_rungs(given: Mapping[str, Given], seed: int) -> dict[str, Rung]:
    there = {name: given[name] for name in NAMES if name in given}
    return {
        name: Rung(name, one.error, _drawn(one, seed, NAMES.index(name)), 0, one.n or float("inf"), 0)
        for name, one in there.items()
    }


def _rung(name: str, clips: Sequence[Prediction], draws: Vector, groups: int) -> Rung:
    words = float(sum(clip.words or 0 for clip in clips))
    return Rung(name, error_of(clips), draws, len(clips), words, groups)


def error_of(clips: Sequence[Prediction]) -> float:
    """sum(weight * errors) / sum(weight * words): never a mean of ratios, in which a clip of one word would count as
    much as one of thirty."""
    errors = sum(clip.weight * (clip.errors or 0.0) for clip in clips)
    return float(errors / sum(clip.weight * (clip.words or 0.0) for clip in clips))


def _drawn(given: Given, seed: int, number: int) -> Vector:
    if given.n is None:
        return np.full(DRAWS, given.error)
    wrong = given.error * given.n
    return generator(seed, "ladder.given_error", number).beta(wrong + 0.5, given.n - wrong + 0.5, DRAWS)


def _left_out(scores: Scores) -> list[str]:
    names = sorted({clip.split or "" for clip in scores.predictions} - set(NAMES))
    counts = {name: sum((clip.split or "") == name for clip in scores.predictions) for name in names}
    notes = [f"{count:,} clips of split {name} are no rung of the ladder" for name, count in counts.items() if name]
    return notes + ([f"{counts['']:,} clips have no split and were left out"] if "" in counts else [])
