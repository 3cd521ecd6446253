"""How far a fit is: its steps, the one it is at, and the time that it has taken and may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from synth.text import clock_text


@dataclass(slots=True)
class Steps:
    """The steps of a fit, each with the number of clips that it simulates. A fit may end before the last of them."""

    planned: Sequence[tuple[str, int]]
    clock: Callable[[], float] = time.monotonic
    begun: int = 0  # steps, the one at work included
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def begin(self, title: str) -> str:
        """Go to the step with this title, and return what a progress bar says of it."""
        self.begun = [name for name, _ in self.planned].index(title) + 1
        return f"step {self.begun} of at most {len(self.planned)}, {title}"

    def times(self) -> str:
        """At the end of a step: `0:01:10 elapsed, at most 0:03:20 left`, by the clips that it may still simulate."""
        elapsed = self.clock() - self.start
        past = sum(clips for _, clips in self.planned[: self.begun])
        rest = sum(clips for _, clips in self.planned[self.begun :])
        return f"{clock_text(elapsed)} elapsed, at most {clock_text(elapsed / past * rest)} left"


def steps_of(*, clips: int, calibration_clips: int, rounds: int, calibrations: int) -> list[tuple[str, int]]:
    """All steps that a fit may have, in their order."""
    return [
        (BEFORE, clips),
        *((calibration_title(k), calibration_clips) for k in range(1, calibrations + 1)),
        *((round_title(k, rounds), clips) for k in range(rounds + 1)),
        (MIXTURE, clips),
    ]


BEFORE, MIXTURE = "the recipe as it is", "the whole mixture"


def calibration_title(number: int) -> str:
    return f"calibration {number} of 2"


def round_title(number: int, rounds: int) -> str:
    return f"round {number} of {rounds}"
