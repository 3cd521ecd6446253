"""The parent's side of worker processes that may die or hang at any moment.

A `Supervisor` starts workers, gives each one task at a time, and reports what they answer and which are lost. What a
lost task means is for its two users to say: `processes/pool.py` (files) and `execute/local.py` (shards of clips).
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Generic, Protocol, TypeVar

from synth.processes.worker_side import OUT_OF_MEMORY, Raised

_POLL_S: Final = 0.2
_LONGEST_POLL_S: Final = 5 * _POLL_S
_REAPED_S: Final = 1.0  # a process that has closed its pipe is dead within this


class ChildProcess(Protocol):
    """What a worker's process can do: `multiprocessing.Process`, or `InterpreterProcess`."""

    @property
    def pid(self) -> int | None:
        """Its number."""
        ...

    @property
    def exitcode(self) -> int | None:
        """None while it runs; negative: the signal that killed it."""
        ...

    def kill(self) -> None:
        """Kill it; no error if it is dead."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is dead, at most `timeout` seconds."""
        ...


@dataclass(slots=True, eq=False)
class Worker:
    """A worker process, and what its supervisor knows of it."""

    process: ChildProcess
    connection: Connection  #: the parent's end of the pipe
    task: Any = None  #: what it works on; None: it is idle. The user sets it to None when the task is done.
    limit_s: float = 0.0  #: for how long it may show no sign of life
    silent_s: float = 0.0  #: for how long it has shown none

    def shows_life(self) -> bool:
        """Whether it has shown a sign of life, other than an answer, since it was last asked."""
        return False


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of an answer: the worker died, or was killed because it hung; its task is not done."""

    task: Any
    is_hung: bool
    limit_s: float  #: the limit that a hung worker exceeded
    ending: str  #: of the process: "was killed by SIGABRT"


AnyWorker = TypeVar("AnyWorker", bound=Worker)


class Supervisor(Generic[AnyWorker]):
    """At most `jobs` workers, started when there is work; a context manager that leaves none behind."""

    def __init__(self, start_worker: Callable[[], AnyWorker], jobs: int) -> None:
        self.workers: list[AnyWorker] = []
        self._start_worker = start_worker
        self._jobs = jobs

    def __enter__(self) -> Supervisor[AnyWorker]:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill(self.workers)

    def busy(self) -> list[AnyWorker]:
        """The workers that have a task."""
        return [worker for worker in self.workers if worker.task is not None]

    def idle_worker(self) -> AnyWorker | None:
        """A worker without a task, started if there are fewer than `jobs`; None if all are busy."""
        for worker in self.workers:
            if worker.task is None:
                return worker
        if len(self.workers) >= self._jobs:
            return None
        self.workers.append(self._start_worker())
        return self.workers[-1]

    def give(self, worker: AnyWorker, task: object, message: object, limit_s: float) -> None:
        """Give a task to an idle worker: `message` is sent, `task` is what the supervisor calls it."""
        worker.task, worker.limit_s, worker.silent_s = task, limit_s, 0.0
        worker.shows_life()
        with contextlib.suppress(OSError):  # it died while idle: `watch` will notice
            worker.connection.send(message)

    def watch(self) -> Iterator[tuple[AnyWorker, Any]]:
        """Wait a moment, then yield (worker, its answer or Lost) of those that have something to report.

        Raises:
            Exception: what a worker raised.
        """
        before = time.monotonic()
        ready = set(wait([worker.connection for worker in self.workers], timeout=_POLL_S))
        # Only time spent waiting here counts: a parent that was stopped itself (Ctrl-Z, a laptop's lid), or whose
        # caller was busy, must not take that for a hang of its workers.
        passed = min(time.monotonic() - before, _LONGEST_POLL_S)
        for worker in list(self.workers):
            if worker.connection in ready:
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):  # all that it sent before it died has been read by now
                    yield from self._lose(worker, is_hung=False)
                    continue
                worker.silent_s = 0.0
                if isinstance(answer, Raised):
                    raise answer.error
                yield worker, answer
            elif worker.task is not None:
                worker.silent_s = 0.0 if worker.shows_life() else worker.silent_s + passed
                if worker.silent_s > worker.limit_s:
                    yield from self._lose(worker, is_hung=True)

    def _lose(self, worker: AnyWorker, *, is_hung: bool) -> Iterator[tuple[AnyWorker, Lost]]:
        if not is_hung:
            worker.process.join(_REAPED_S)  # before it is killed, so that its exit code is its own
        task = worker.task
        self.kill([worker])
        if task is not None:  # a worker that dies while idle is replaced when the next task comes
            yield worker, Lost(task, is_hung, worker.limit_s, _ending(worker.process.exitcode))

    def kill(self, workers: list[AnyWorker]) -> None:
        """Kill some of the workers, and wait until they are dead."""
        doomed = list(workers)
        for worker in doomed:
            worker.process.kill()  # all at once, before each is waited for
        for worker in doomed:
            worker.process.join()
            worker.connection.close()
            worker.task = None
            self.workers.remove(worker)


def _ending(exit_code: int | None) -> str:
    if exit_code == OUT_OF_MEMORY:
        return "ran out of memory"
    if exit_code is not None and exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-exit_code).name}"
        return f"was killed by signal {-exit_code}"
    return f"ended with exit code {exit_code}"
