"""The local engine: worker processes that may die or hang at any moment, at the cost of one clip.

A worker notes in shared memory which clip it is at. When it dies, or shows no sign of life for too long, its shard is
put aside. When all others are complete, each of these shards is tried again alone. A clip that kills or blocks its
process a second time is refused by name (`decode_crash`, `render_failed`, `timeout`), and its shard is made without it.
"""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, Final, TypeAlias

from synth.errors import Interrupted, SynthError, Terminated
from synth.execute.shard import Failure, FailureCode, ShardResult, ShardWork
from synth.processes.interrupts import NotedSignals, interrupts_held_back
from synth.processes.memory import keep_freed_memory
from synth.processes.supervisor import Lost, Supervisor, Worker
from synth.processes.threads import pin_threads, thread_count
from synth.processes.worker_side import answer_messages, bind_to_parent
from synth.render.progress import WORK_STEPS, WorkStep

_log = logging.getLogger(__name__)

# Cells of the memory that a worker shares with the engine: a count of signs of life, the clip and the step that it is
# at, and what it has made of its shard.
_TICK, _CLIP, _STEP, _CLIPS, _MILLISECONDS = range(5)
_ATTEMPTS_WITHOUT_CULPRIT: Final = 3


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, shards in work included."""

    shards: int  #: that are complete
    of_shards: int
    clips: int  #: that are made
    refused: int
    seconds: float  #: of audio that are made
    elapsed: float  #: seconds of wall time
    of_clips: int = 0  #: planned, made and refused ones; 0 if not known
    of_seconds: float = 0.0  #: of audio that are planned
    passed_seconds: float = 0.0  #: of the planned audio: made or refused


ShardSizes: TypeAlias = Mapping[int, tuple[int, float]]
"""Shard -> planned clips and seconds of audio in it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Sums over the shards made by one run."""

    shards: int
    clips: int
    refused: int
    seconds: float  #: of audio
    timeouts: int  #: refused clips that exceeded the time limit
    elapsed: float  #: seconds of wall time


class _SharedProgress:
    """The worker's side of the shared memory."""

    def __init__(self, cells: Any) -> None:
        self._cells = cells

    def report(self, clip: int, step: WorkStep) -> None:
        cells = self._cells
        cells[_CLIP] = clip
        cells[_STEP] = WORK_STEPS.index(step)
        cells[_TICK] += 1

    def count_clip(self, seconds: float) -> None:
        self._cells[_CLIPS] += 1
        self._cells[_MILLISECONDS] += round(seconds * 1000)


def _worker_main(work: ShardWork, connection: Any, cells: Any, parent: int) -> None:
    bind_to_parent(parent)
    keep_freed_memory()
    progress = _SharedProgress(cells)

    def make_shard(message: tuple[int, Mapping[int, Failure]]) -> Iterator[ShardResult]:
        shard, failures = message
        yield work(shard, failures, progress)

    answer_messages(connection, make_shard)


@dataclass(slots=True, eq=False)
class _ShardWorker(Worker):
    """A worker whose task is a shard."""

    cells: Any = None
    tick: int = -1  # count of signs of life when it was last looked at
    given_at: float = 0.0

    def start_shard(self) -> None:
        self.given_at = time.monotonic()
        for cell in (_CLIP, _STEP, _CLIPS, _MILLISECONDS):
            self.cells[cell] = 0

    def shows_life(self) -> bool:
        before, self.tick = self.tick, self.cells[_TICK]
        return self.tick != before or self.step == "commit"  # writing to a slow disk is no hang

    @property
    def clip(self) -> int:
        """The clip that it is at."""
        return int(self.cells[_CLIP])

    @property
    def step(self) -> WorkStep:
        step: WorkStep = WORK_STEPS[self.cells[_STEP]]
        return step


@dataclass(frozen=True, slots=True)
class _Death:
    """A worker died, or was killed because it hung, in the middle of a shard."""

    shard: int
    clip: int  # that it was at
    step: WorkStep
    code: FailureCode
    message: str

    @classmethod
    def of(cls, worker: _ShardWorker, lost: Lost) -> _Death:
        step = worker.step
        if lost.is_hung:
            message = f"no sign of life for {lost.limit_s:g} s while the clip was in {step}, twice"
            return cls(lost.task, worker.clip, step, "timeout", message)
        code: FailureCode = "decode_crash" if step == "read" else "render_failed"
        message = f"the process {lost.ending} while the clip was in {step}, twice"
        return cls(lost.task, worker.clip, step, code, message)


@dataclass(slots=True)
class _EngineRun:
    """One run of the engine: what is complete so far, and the loop."""

    work: ShardWork
    of_shards: int
    timeout_s: float
    start_method: str
    sizes: ShardSizes
    report: Callable[[RunProgress], object]
    results: list[ShardResult] = field(default_factory=list)
    clips: int = 0
    refused: int = 0
    seconds: float = 0.0
    timeouts: int = 0
    signals: NotedSignals = field(default_factory=NotedSignals)
    started: float = field(default_factory=time.monotonic)

    def make_shards(self, shards: Sequence[int], jobs: int, failures: Mapping[int, Failure]) -> list[_Death]:
        """Make `shards` with `jobs` workers; returns the deaths of those whose shard is not made."""
        queue = deque(shards)
        deaths: list[_Death] = []
        with Supervisor(self._start_worker, jobs) as supervisor:
            while queue or supervisor.busy():
                while queue and (worker := supervisor.idle_worker()) is not None:
                    shard = queue.popleft()
                    worker.start_shard()
                    supervisor.give(worker, shard, (shard, failures), self.timeout_s)
                for worker, answer in supervisor.watch():
                    if isinstance(answer, Lost):
                        deaths.append(_Death.of(worker, answer))
                    else:
                        worker.task = None
                        self._add(answer, worker)
                self.check_signals()
                self.report(self.progress(supervisor.busy()))
        return deaths

    def make_alone(self, first: _Death) -> None:
        """Try a shard again whose worker died, alone on the machine, until it is made without its culprits."""
        strikes = Counter({(first.clip, first.step): 1})
        failures: dict[int, Failure] = {}
        while deaths := self.make_shards([first.shard], 1, failures):
            (death,) = deaths
            strikes[death.clip, death.step] += 1
            count = strikes[death.clip, death.step]
            if death.step == "commit" and count >= _ATTEMPTS_WITHOUT_CULPRIT:
                raise SynthError(f"shard {death.shard}: {death.message}; no clip is to blame; run again to resume")
            if death.step != "commit" and count >= 2:
                failures[death.clip] = Failure(death.code, death.step, death.message)

    def _start_worker(self) -> _ShardWorker:
        context: Any = multiprocessing.get_context(self.start_method)
        ours, theirs = context.Pipe()
        cells = RawArray("q", 5)
        arguments = (self.work, theirs, cells, os.getpid())
        process = context.Process(target=_worker_main, args=arguments, daemon=True)
        with interrupts_held_back():
            process.start()
        # At once: a sibling that is forked later must not inherit it, or the death of this worker would not be seen.
        theirs.close()
        return _ShardWorker(process, ours, cells=cells)

    def _add(self, result: ShardResult, worker: _ShardWorker) -> None:
        self.results.append(result)
        self.clips += result.clips
        self.refused += result.refused
        self.seconds += result.seconds
        self.timeouts += result.timeouts
        _log.info(
            "shard %d: %d clips, %.1f s of audio, %d refused, in %.1f s by process %d",
            *(result.shard, result.clips, result.seconds, result.refused),
            *(time.monotonic() - worker.given_at, worker.process.pid),
        )

    def check_signals(self) -> None:
        """Raise Interrupted or Terminated if a signal has come."""
        state = f"{len(self.results)} of {self.of_shards} shards are done; run the same command again to resume"
        if self.signals.received == signal.SIGINT:
            raise Interrupted(f"stopped by Ctrl-C: {state}")
        if self.signals.received == signal.SIGTERM:
            raise Terminated(f"stopped by SIGTERM: {state}")

    def progress(self, busy: Sequence[_ShardWorker] = ()) -> RunProgress:
        """How far this run is, with what busy workers have made."""
        busy_seconds = sum(worker.cells[_MILLISECONDS] for worker in busy) / 1000
        complete_seconds = sum(self.sizes[result.shard][1] for result in self.results if result.shard in self.sizes)
        return RunProgress(
            shards=len(self.results),
            of_shards=self.of_shards,
            clips=self.clips + sum(worker.cells[_CLIPS] for worker in busy),
            refused=self.refused,
            seconds=self.seconds + busy_seconds,
            elapsed=time.monotonic() - self.started,
            of_clips=sum(clips for clips, _ in self.sizes.values()),
            of_seconds=sum(seconds for _, seconds in self.sizes.values()),
            passed_seconds=complete_seconds + busy_seconds,
        )

    def result(self) -> RunResult:
        """The sums."""
        elapsed = time.monotonic() - self.started
        return RunResult(len(self.results), self.clips, self.refused, self.seconds, self.timeouts, elapsed)


def _start_method() -> str:
    """Fork costs nothing and shares the plan's pages, but only a process of one thread may fork."""
    return "fork" if sys.platform.startswith("linux") and thread_count() == 1 else "spawn"


def run(
    work: ShardWork,
    shards: Sequence[int],
    *,
    jobs: int,
    timeout_s: float,
    progress: Callable[[RunProgress], object] | None = None,
    start_method: str | None = None,
    sizes: ShardSizes | None = None,
) -> RunResult:
    """Make shards with worker processes (also with one, so that a crash never takes the run with it).

    Args:
        work: makes one shard; can be pickled, if processes are spawned.
        shards: their numbers.
        jobs: worker processes.
        timeout_s: for how long a clip may be in reading or in rendering.
        progress: called at once, then a few times a second; what it raises ends the run.
        start_method: of multiprocessing; default: fork if that is safe.
        sizes: what is planned in `shards`, for progress alone.

    Raises:
        Interrupted, Terminated: after SIGINT, SIGTERM; the workers are dead, shards in work are dropped.
        SynthError, OSError: as a worker raised it (disk full, a bug); the others are dead.
    """
    pin_threads()  # for workers that are spawned; a forked one has its parent's libraries
    engine_run = _EngineRun(
        work,
        of_shards=len(shards),
        timeout_s=timeout_s,
        start_method=start_method or _start_method(),
        sizes=sizes or {},
        report=progress or (lambda progress: None),
    )
    with engine_run.signals:
        if shards:
            engine_run.report(engine_run.progress())
        for death in engine_run.make_shards(shards, max(1, jobs), {}):
            engine_run.make_alone(death)
        engine_run.check_signals()
    return engine_run.result()


def run_shards(
    dataset_dir: str | os.PathLike[str],
    shards: Sequence[int],
    *,
    jobs: int,
    timeout_s: float,
    progress: Callable[[RunProgress], None] | None = None,
) -> RunResult:
    """Make shards of a data set, again if they exist. The caller holds the lock.

    Args:
        dataset_dir: its folder, which has a plan.
        shards: as for `run`; so are the others.
        jobs: worker processes.
        timeout_s: for how long a clip may be in reading or in rendering.
        progress: called a few times a second.

    Raises:
        UsageError: nothing is planned there, or the plan is damaged.
        SynthError, OSError: as `run` raises them.
    """
    from synth.dataset.commit import begin
    from synth.dataset.dataset_dir import DatasetDir
    from synth.execute.clip_maker import open_clip_maker  # the engine itself knows no audio
    from synth.execute.preload import preload
    from synth.execute.worker import run_shard

    begin(DatasetDir(Path(dataset_dir)), shards)
    sizes: ShardSizes = {}
    if shards:
        plan = open_clip_maker(dataset_dir).plan  # forked workers have it from here, and need not read it themselves
        preload(plan.recipe)
        samples, rate = plan.clips["num_samples"], plan.recipe.sample_rate
        sizes = {k: (len(span := plan.shard(k)), float(samples[span.start : span.stop].sum()) / rate) for k in shards}
    work = functools.partial(run_shard, os.fspath(dataset_dir))
    return run(work, shards, jobs=jobs, timeout_s=timeout_s, progress=progress, sizes=sizes)
