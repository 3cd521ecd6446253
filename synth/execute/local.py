"""The local engine: worker processes that may die or hang at any moment, at the cost of one clip.

A worker notes in shared memory which clip it is at. When it dies, or shows no sign of life for too long, its shard is
put aside. When all else is done, each of these shards is tried again alone. A clip that kills or blocks its process a
second time is refused by name (`decode_crash`, `render_failed`, `timeout`), and its shard is made without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from types import FrameType
from typing import Any, Final

from synth.errors import Interrupted, SynthError, Terminated
from synth.execute.shard import Failure, FailureCode, ShardResult, ShardWork
from synth.processes.interrupts import interrupts_held_back
from synth.processes.memory import keep_freed_memory
from synth.processes.threads import pin_threads, thread_count
from synth.render.progress import WORK_STAGES, WorkStage

_log = logging.getLogger(__name__)

_TICK, _CLIP, _STAGE, _CLIPS, _MILLISECONDS = range(5)
_POLL_S: Final = 0.2
_ATTEMPTS_WITHOUT_CULPRIT: Final = 3
_PR_SET_PDEATHSIG: Final = 1
_NO_MEMORY: Final = 112  # an exit code of our own


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, shards in work included."""

    shards: int  # that are complete
    of_shards: int
    clips: int  # that are made
    refused: int
    seconds: float  # of audio that are made
    elapsed: float  # seconds of wall time
    of_clips: int = 0  # planned, made and refused ones; 0 if not known
    of_seconds: float = 0.0  # of audio that are planned
    passed_seconds: float = 0.0  # of the planned audio: made or refused


ShardSizes = Mapping[int, tuple[int, float]]
"""Shard -> planned clips and seconds of audio in it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Sums over the shards made by one run; `elapsed` in seconds of wall time."""

    shards: int
    clips: int
    refused: int
    seconds: float
    timeouts: int
    elapsed: float


# ---------------------------------------------------------------------------------------------- inside a worker


class _SharedProgress:
    """The worker's side of the shared memory."""

    def __init__(self, cells: Any) -> None:
        self._cells = cells

    def report(self, clip: int, stage: WorkStage) -> None:
        cells = self._cells
        cells[_CLIP] = clip
        cells[_STAGE] = WORK_STAGES.index(stage)
        cells[_TICK] += 1

    def count_clip(self, seconds: float) -> None:
        self._cells[_CLIPS] += 1
        self._cells[_MILLISECONDS] += round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception on its way to the parent."""

    error: BaseException


def _die_with(parent: int) -> None:
    """No orphans: the kernel kills this process when its parent dies (Linux; elsewhere it ends after its shard)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """The error with its traceback as a note (for --debug), or its text where it cannot be pickled."""
    text = "".join(traceback.format_exception(error))
    known = isinstance(error, SynthError | OSError)
    portable = error if known else SynthError(f"internal error in a worker: {type(error).__name__}: {error}")
    portable.__context__ = portable.__cause__ = None
    portable.add_note(text)
    return portable


def _worker_main(work: ShardWork, channel: Any, cells: Any, parent: int) -> None:
    """Make shards until told to stop. Ctrl-C is the parent's business, which then ends the workers."""
    _die_with(parent)
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    progress = _SharedProgress(cells)
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent is gone
        while (task := channel.recv()) is not None:
            try:
                shard, failures = task
                answer: ShardResult | _Raised = work(shard, failures, progress)
            except MemoryError:  # as if the kernel had ended it: tried again alone, and then it costs its clip
                os._exit(_NO_MEMORY)
            except BaseException as error:  # whatever it is, the parent decides
                answer = _Raised(_portable(error))
            channel.send(answer)


# ---------------------------------------------------------------------------------------------- the parent's side


class _Worker:
    """One process, and what the parent knows of it."""

    def __init__(self, work: ShardWork, start_method: str) -> None:
        context: Any = multiprocessing.get_context(start_method)
        self.channel, theirs = context.Pipe()
        self.cells: Any = RawArray("q", 5)
        arguments = (work, theirs, self.cells, os.getpid())
        self.process = context.Process(target=_worker_main, args=arguments, daemon=True)
        with interrupts_held_back():
            self.process.start()
        theirs.close()
        self.shard: int | None = None
        self._given = 0.0
        self._tick = -1
        self._idle = 0.0

    def give(self, shard: int, failures: Mapping[int, Failure]) -> None:
        self.shard = shard
        self._given = time.monotonic()
        self._idle = 0.0
        for cell in (_CLIP, _STAGE, _CLIPS, _MILLISECONDS):
            self.cells[cell] = 0
        with contextlib.suppress(BrokenPipeError):  # it died while idle: its sentinel will tell
            self.channel.send((shard, failures))

    def idle_seconds(self, passed: float) -> float:
        """Seconds without a sign of life, in which `passed` more have gone by. Writing to a slow disk is no hang."""
        tick, stage = self.cells[_TICK], WORK_STAGES[self.cells[_STAGE]]
        alive = self.shard is None or tick != self._tick or stage == "commit"
        self._idle = 0.0 if alive else self._idle + passed
        self._tick = tick
        return self._idle

    def answer(self) -> Any:
        """What it sent, or None when there is nothing (any more)."""
        try:
            return self.channel.recv() if self.channel.poll() else None
        except (EOFError, ConnectionResetError):
            return None

    def log_shard(self, result: ShardResult) -> None:
        _log.info(
            "shard %d: %d clips, %.1f s of audio, %d refused, in %.1f s by process %d",
            *(result.shard, result.clips, result.seconds, result.refused),
            *(time.monotonic() - self._given, self.process.pid),
        )

    def culprit(self) -> tuple[int, WorkStage]:
        return self.cells[_CLIP], WORK_STAGES[self.cells[_STAGE]]

    def end(self, *, kill: bool) -> None:
        with contextlib.suppress(BrokenPipeError, OSError):
            self.process.kill() if kill else self.channel.send(None)
        self.process.join()
        self.channel.close()


@dataclass(frozen=True, slots=True)
class _Death:
    """A worker that died, or was killed because it hung, in the middle of a shard."""

    shard: int
    clip: int
    stage: WorkStage
    code: FailureCode
    message: str


def _describe_exit(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-exit_code).name}"
    if exit_code == _NO_MEMORY:
        return "ran out of memory"
    return f"ended with exit code {exit_code}"


def _death(worker: _Worker, *, hung_s: float | None) -> _Death:
    clip, stage = worker.culprit()
    assert worker.shard is not None
    if hung_s is not None:
        message = f"no sign of life for {hung_s:g} s while the clip was in {stage}, twice"
        return _Death(worker.shard, clip, stage, "timeout", message)
    code: FailureCode = "decode_crash" if stage == "read" else "render_failed"
    message = f"the process {_describe_exit(worker.process.exitcode)} while the clip was in {stage}, twice"
    return _Death(worker.shard, clip, stage, code, message)


class _Signals:
    """While a run is on, SIGINT and SIGTERM only leave a note; the loop reads it."""

    def __init__(self) -> None:
        self.received: int | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def check(self, shards: int, of_shards: int) -> None:
        state = f"{shards} of {of_shards} shards are done; run the same command again to go on"
        if self.received == signal.SIGINT:
            raise Interrupted(f"stopped by Ctrl-C: {state}")
        if self.received == signal.SIGTERM:
            raise Terminated(f"stopped by SIGTERM: {state}")


class _Run:
    """One run of the engine: what is done so far, and the loop."""

    def __init__(
        self, work: ShardWork, *, of_shards: int, timeout_s: float, start_method: str, sizes: ShardSizes | None = None
    ) -> None:
        self.work = work
        self.sizes = sizes or {}
        self.timeout_s = timeout_s
        self.start_method = start_method
        self.of_shards = of_shards
        self.done: list[ShardResult] = []
        self.totals = [0, 0, 0.0, 0]  # clips, refused, seconds, timeouts
        self.signals = _Signals()
        self.started = time.monotonic()
        self.report: Callable[[Progress], None] = lambda progress: None

    def phase(self, shards: Sequence[int], jobs: int, failures: Mapping[int, Failure]) -> list[_Death]:
        """Make `shards` with `jobs` workers; those whose worker died or hung come back."""
        queue = deque(shards)
        deaths: list[_Death] = []
        workers: list[_Worker] = []
        try:
            while queue or any(w.shard is not None for w in workers):
                while queue and len(workers) < jobs:
                    workers.append(_Worker(self.work, self.start_method))
                for worker in workers:
                    if worker.shard is None and queue:
                        worker.give(queue.popleft(), failures)
                self._turn(workers, deaths)
        except BaseException:
            for worker in workers:
                worker.process.kill()  # all at once, before each is waited for
            raise
        finally:
            for worker in workers:
                worker.end(kill=worker.shard is not None)
        return deaths

    def _turn(self, workers: list[_Worker], deaths: list[_Death]) -> None:
        """Wait a moment, then look at every worker once."""
        before = time.monotonic()
        connection.wait([item for w in workers for item in (w.channel, w.process.sentinel)], timeout=_POLL_S)
        # A parent that was stopped itself (Ctrl-Z, a laptop's lid) must not take that time for a hang of its workers.
        passed = min(time.monotonic() - before, 5 * _POLL_S)
        self.signals.check(len(self.done), self.of_shards)
        for worker in list(workers):
            self._look_at(worker, passed, workers, deaths)
        self.report(self.progress(workers))

    def _look_at(self, worker: _Worker, passed: float, workers: list[_Worker], deaths: list[_Death]) -> None:
        dead = not worker.process.is_alive()  # asked before the pipe is read: an answer may stand before a death
        answer = worker.answer()
        hung = worker.idle_seconds(passed) > self.timeout_s
        if isinstance(answer, _Raised):
            raise answer.error
        if answer is not None:
            self._add(answer)
            worker.log_shard(answer)
            worker.shard = None
        if dead or (hung and answer is None):
            worker.end(kill=True)
            workers.remove(worker)
            if worker.shard is not None:
                deaths.append(_death(worker, hung_s=self.timeout_s if hung and not dead else None))

    def _add(self, result: ShardResult) -> None:
        self.done.append(result)
        for position, value in enumerate((result.clips, result.refused, result.seconds, result.timeouts)):
            self.totals[position] += value

    def progress(self, workers: Sequence[_Worker] = ()) -> Progress:
        """How far this run is, with what `workers` are at."""
        active = [w.cells for w in workers if w.shard is not None]
        active_seconds = sum(cells[_MILLISECONDS] for cells in active) / 1000
        completed = sum(self.sizes[result.shard][1] for result in self.done if result.shard in self.sizes)
        return Progress(
            shards=len(self.done),
            of_shards=self.of_shards,
            clips=int(self.totals[0]) + sum(cells[_CLIPS] for cells in active),
            refused=int(self.totals[1]),
            seconds=self.totals[2] + active_seconds,
            elapsed=time.monotonic() - self.started,
            of_clips=sum(clips for clips, _ in self.sizes.values()),
            of_seconds=sum(seconds for _, seconds in self.sizes.values()),
            passed_seconds=completed + active_seconds,
        )

    def alone(self, first: _Death) -> None:
        """Try a shard again whose worker died, alone on the machine, until it is made without its culprits."""
        strikes = Counter({(first.clip, first.stage): 1})
        failures: dict[int, Failure] = {}
        while deaths := self.phase([first.shard], 1, failures):
            (death,) = deaths
            strikes[death.clip, death.stage] += 1
            count = strikes[death.clip, death.stage]
            if death.stage == "commit" and count >= _ATTEMPTS_WITHOUT_CULPRIT:
                raise SynthError(f"shard {death.shard}: {death.message}; no clip is to blame; run again to go on")
            if death.stage != "commit" and count >= 2:
                failures[death.clip] = Failure(death.code, death.stage, death.message)

    def result(self) -> RunResult:
        clips, refused, seconds, timeouts = self.totals
        elapsed = time.monotonic() - self.started
        return RunResult(len(self.done), int(clips), int(refused), seconds, int(timeouts), elapsed)


def _start_method() -> str:
    """fork costs nothing and shares the plan's pages, but only a process of one thread may fork."""
    return "fork" if sys.platform.startswith("linux") and thread_count() == 1 else "spawn"


def run(
    work: ShardWork,
    shards: Sequence[int],
    *,
    jobs: int,
    timeout_s: float,
    progress: Callable[[Progress], None] | None = None,
    start_method: str | None = None,
    sizes: ShardSizes | None = None,
) -> RunResult:
    """Make `shards` with `jobs` worker processes (also one, so that a crash never takes the run with it).

    `work` must be picklable where processes are spawned. A clip may be in reading or in rendering for `timeout_s`
    seconds. `progress` is called at once, then a few times a second; what it raises ends the run. `sizes` is what is
    planned in `shards`, for progress alone.

    Raises:
        Interrupted, Terminated: after SIGINT, SIGTERM; the workers are gone, shards in work are dropped.
        SynthError, OSError: as a worker raised it (disk full, a bug); the others are gone.
    """
    pin_threads()  # for workers that are spawned; a forked one has its parent's libraries
    method = start_method or _start_method()
    one = _Run(work, of_shards=len(shards), timeout_s=timeout_s, start_method=method, sizes=sizes)
    one.report = progress or one.report
    with one.signals.caught():
        if shards:
            one.report(one.progress())
        for death in one.phase(shards, max(1, jobs), {}):
            one.alone(death)
        one.signals.check(len(one.done), one.of_shards)
    return one.result()


def run_shards(
    dataset_dir: str | os.PathLike[str],
    shards: Sequence[int],
    *,
    jobs: int,
    timeout_s: float,
    progress: Callable[[Progress], None] | None = None,
) -> RunResult:
    """Make `shards` of the data set planned in `dataset_dir`, over again where they were. The caller holds the lock.

    As `run`; and UsageError where nothing is planned there, or what was is damaged.
    """
    from synth.dataset.commit import begin
    from synth.dataset.dataset_dir import DatasetDir
    from synth.execute.worker import open_clip_maker, shard_work  # the engine itself knows no audio

    begin(DatasetDir(Path(dataset_dir)), shards)
    sizes: ShardSizes = {}
    if shards:
        plan = open_clip_maker(dataset_dir).plan  # forked workers have it from here, and need not read it themselves
        samples, rate = plan.clips["num_samples"], plan.recipe.sample_rate
        sizes = {k: (len(span := plan.shard(k)), float(samples[span.start : span.stop].sum()) / rate) for k in shards}
    work = functools.partial(shard_work, os.fspath(dataset_dir))
    return run(work, shards, jobs=jobs, timeout_s=timeout_s, progress=progress, sizes=sizes)
