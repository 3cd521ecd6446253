"""What an engine and a worker exchange. An engine knows no audio: it numbers shards and counts clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from synth.render.progress import ProgressReporter, WorkStep

FailureCode: TypeAlias = Literal["decode_crash", "timeout", "render_failed"]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a worker made of one shard."""

    shard: int
    clips: int  # written
    refused: int
    seconds: float  # of audio in the clips written
    timeouts: int = 0  # of the refused clips, those given up for the time limit


@dataclass(frozen=True, slots=True)
class Failure:
    """What a clip did, twice, to the process that worked on it: a worker refuses it without trying again."""

    code: FailureCode
    step: WorkStep
    message: str


ShardWork: TypeAlias = Callable[[int, Mapping[int, Failure], ProgressReporter], ShardResult]
"""`work(shard, failures, progress)` makes one shard, always with the same bytes; `failures` by clip index."""
