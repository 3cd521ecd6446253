"""What an engine and a worker say to each other. An engine knows no audio: it numbers shards and hears of clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Stage: TypeAlias = Literal["commit", "read", "render"]
FailureCode: TypeAlias = Literal["decode_crash", "timeout", "render_failed"]
STAGES: tuple[Stage, ...] = ("commit", "read", "render")


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A shard that is done. `seconds` of audio were made; `timeouts` counts clips given up for the time limit."""

    shard: int
    clips: int
    refused: int
    seconds: float
    timeouts: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """What a clip did to the process that worked on it, twice: its worker is to refuse it without trying again."""

    code: FailureCode
    stage: Stage
    message: str


class Heart(Protocol):
    """Where a worker says what it is at, so that a death or a hang has a culprit. Costs well under a microsecond."""

    def beat(self, clip: int, stage: Stage) -> None:
        """Clip number `clip` is now being read or rendered; or (stage "commit") the shard is being written."""
        ...

    def made(self, samples_seconds: float) -> None:
        """One more clip is made, of so many seconds."""
        ...


class NoHeart:
    """For a call without an engine."""

    def beat(self, clip: int, stage: Stage) -> None:
        pass

    def made(self, samples_seconds: float) -> None:
        pass


Work: TypeAlias = Callable[[int, Mapping[int, Failure], Heart], ShardResult]
"""`work(shard, failures, heart)`: make one shard, always with the same bytes; `failures` by clip index."""
