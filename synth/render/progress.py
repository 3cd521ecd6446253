"""How a worker reports what it is doing, so that a crash or a hang can be blamed on a clip."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

WorkStep: TypeAlias = Literal["commit", "read", "render"]
WORK_STEPS: tuple[WorkStep, ...] = ("commit", "read", "render")


class ProgressReporter(Protocol):
    """Receives what a worker is doing. A call costs well under a microsecond: it is made for each block of a file."""

    def report(self, clip: int, step: WorkStep) -> None:
        """Report a sign of life.

        Args:
            clip: index of the clip that is being read or rendered; for "commit", the first clip of the shard.
            step: what is being done: "read" or "render" one clip, or "commit" the files of the shard.
        """
        ...

    def count_clip(self, seconds: float) -> None:
        """Count one more finished clip, `seconds` long."""
        ...


class NoProgress:
    """A `ProgressReporter` for calls that nobody supervises."""

    def report(self, clip: int, step: WorkStep) -> None:
        """Do nothing."""

    def count_clip(self, seconds: float) -> None:
        """Do nothing."""
