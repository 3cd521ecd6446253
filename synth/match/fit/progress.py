"""How far a fit is: its steps, the current one, and the time that it has taken and may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from synth.text import clock_text

BEFORE, MIXTURE = "the recipe as it is", "the whole mixture"


@dataclass(slots=True)
class FitProgress:
    """The steps of a fit. It may end before the last of them."""

    steps: Sequence[tuple[str, int]]  # title, number of clips to simulate
    clock: Callable[[], float] = time.monotonic  # seconds
    begun: int = 0  # number of steps, including the current one
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def begin(self, title: str) -> str:
        """Go to the step with this title. Returns the text for a progress bar."""
        self.begun = [name for name, _ in self.steps].index(title) + 1
        return f"step {self.begun} of at most {len(self.steps)}, {title}"

    def times(self) -> str:
        """At the end of a step: `0:01:10 elapsed, at most 0:03:20 left`, by the clips still to be simulated."""
        elapsed = self.clock() - self.start
        simulated = sum(clips for _, clips in self.steps[: self.begun])
        remaining = sum(clips for _, clips in self.steps[self.begun :])
        return f"{clock_text(elapsed)} elapsed, at most {clock_text(elapsed / simulated * remaining)} left"


def plan_steps(*, clips: int, calibration_clips: int, rounds: int, calibrations: int) -> list[tuple[str, int]]:
    """All steps that a fit may have, in order: title, number of clips."""
    return [
        (BEFORE, clips),
        *((calibration_title(k), calibration_clips) for k in range(1, calibrations + 1)),
        *((round_title(k, rounds), clips) for k in range(rounds + 1)),
        (MIXTURE, clips),
    ]


def calibration_title(number: int) -> str:
    """The title of a calibration, from 1."""
    return f"calibration {number} of 2"


def round_title(number: int, rounds: int) -> str:
    """The title of a round, from 0."""
    return f"round {number} of {rounds}"
