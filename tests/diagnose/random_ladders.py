"""Ladders of random true errors, measured on random samples: what the diagnosis must find in them is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from synth.diagnose.ladder.diagnosis import Diagnosis, diagnose
from synth.diagnose.ladder.gaps import STEPS
from synth.diagnose.ladder.ladder import RUNGS, GivenError, from_numbers

N = 10_000


@dataclass(frozen=True)
class Trial:
    """`largest`: the step that is truly the largest. `truth`: the true size of each step, by name."""

    largest: str
    truth: dict[str, float]
    diagnosis: Diagnosis


def trial(seed: int, n: int = N) -> Trial:
    """A full ladder of true errors: each step is 0, a little or a lot, now and then below 0; then n clips a rung."""
    rng = np.random.default_rng(seed)
    steps = rng.exponential(rng.choice([0.0, 0.01, 0.05, 0.1], size=5)) * rng.choice([1, 1, 1, -0.3], size=5)
    steps[0] = abs(steps[0])
    human = rng.choice([0.0, 0.01, 0.03])
    errors = np.clip(human + np.concatenate([[0.0], np.cumsum(steps)]), 0.0, 0.95)
    truth = dict(zip(STEPS, np.diff(errors), strict=True))
    given = {
        name: GivenError(float(e), None) if name == "human" else GivenError(rng.binomial(n, e) / n, n)
        for name, e in zip(RUNGS, errors, strict=True)
    }
    return Trial(max(truth, key=lambda step: truth[step]), truth, diagnose(from_numbers(given, seed=seed)))


def outcome(one: Trial) -> str:
    """`right`: told, and the largest is alone or first by more than chance. `tie`: it is among those that are said to
    be the largest or not to be told from it. `none`: no gap is large, which is true. Else `wrong`."""
    found = one.diagnosis.analysis
    said = {found.gaps[0].steps[0], *(gap.steps[0] for gap in found.rivals)}
    if found.verdict == "none large":
        return "none" if one.truth[one.largest] < 0.25 * sum(one.truth[s] for s in STEPS[:4]) + 0.25 * 0.03 else "wrong"
    if one.largest not in said:
        return "wrong"
    if found.verdict == "cannot tell":
        return "cannot tell"
    return "right" if len(said) == 1 else "tie"


def outcomes(count: int, n: int = N) -> Counter[str]:
    return Counter(outcome(trial(seed, n)) for seed in range(count))
