"""Run functions on files in processes of their own, where a crash or a hang costs one file and nothing else.

A worker gets a batch of tasks and answers as it goes. When it dies or stays silent, the tasks without an answer are
tried once more, each alone; the one that fails again is the culprit. Workers are fresh interpreters: no fork of a
process that has threads.

    with Pool(jobs=2) as pool:
        for index, answer in pool.map("synth.catalog.probe:probe", tasks, timeout_s=60): ...

`answer` is what the function returned, or the BadInput that it raised. The first element of each task is the path.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import Any

from synth.errors import BadInput, SynthError
from synth.processes.interrupts import interrupts_held_back

BATCH = 64
_FLUSH_SECONDS = 0.02
_MEMORY = 2 << 30  # address space of a worker, in bytes
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")}

Task = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    indices: list[int]
    alone: bool = False  # a suspect, tried for the second time


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    open_tasks: list[int] = field(default_factory=list)
    alone: bool = False
    heard: float = 0.0
    limit: float = 0.0


class Pool:
    """At most `jobs` worker processes, started when there is work; a context manager that leaves none behind."""

    def __init__(self, jobs: int = 1) -> None:
        self._jobs = max(1, jobs)
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            _end(worker)
        self._workers = []

    def map(
        self, function: str, tasks: Sequence[Task], *, timeout_s: float | Sequence[float], batch: int = BATCH
    ) -> Iterator[tuple[int, Any]]:
        """Yield (index of the task, its answer) as answers come in. `function` is "module:name".

        `timeout_s`: for how long a worker may stay silent over one file; one number, or one a task.
        """
        limits = [timeout_s] * len(tasks) if isinstance(timeout_s, int | float) else list(timeout_s)
        size = max(1, min(batch, -(-len(tasks) // (2 * self._jobs))))
        starts = range(0, len(tasks), size)
        waiting = deque(_Batch(list(range(start, min(start + size, len(tasks))))) for start in starts)
        try:
            while waiting or self._busy():
                self._feed(function, tasks, limits, waiting)
                yield from self._listen(tasks, waiting)
        finally:
            for worker in self._busy():  # the caller stopped listening
                self._drop(worker)

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.open_tasks]

    def _feed(self, function: str, tasks: Sequence[Task], limits: Sequence[float], waiting: deque[_Batch]) -> None:
        while waiting and len(self._busy()) < self._jobs:
            worker = next((w for w in self._workers if not w.open_tasks), None) or self._start()
            batch = waiting.popleft()
            worker.alone, worker.open_tasks = batch.alone, batch.indices
            worker.limit = max(limits[i] for i in worker.open_tasks)
            worker.heard = time.monotonic()
            with contextlib.suppress(OSError):  # a worker that is gone is noticed when listening
                worker.connection.send((function, [(i, tasks[i]) for i in worker.open_tasks]))

    def _start(self) -> _Worker:
        worker = start_worker()
        self._workers.append(worker)
        return worker

    def _listen(self, tasks: Sequence[Task], waiting: deque[_Batch]) -> Iterator[tuple[int, Any]]:
        busy = self._busy()
        patience = max(0.0, min(w.heard + w.limit for w in busy) - time.monotonic())
        ready = wait([w.connection for w in busy], timeout=min(patience, 1.0) + 0.001)
        for worker in busy:
            if worker.connection in ready:
                answers = _receive(worker)
                yield from answers if answers is not None else self._blame(worker, tasks, waiting, hung=False)
            elif time.monotonic() > worker.heard + worker.limit:
                yield from self._blame(worker, tasks, waiting, hung=True)

    def _blame(
        self, worker: _Worker, tasks: Sequence[Task], waiting: deque[_Batch], *, hung: bool
    ) -> Iterator[tuple[int, Any]]:
        """A worker is lost: name the culprit if it was alone, otherwise try its tasks again one by one."""
        suspects, alone, limit = worker.open_tasks, worker.alone, worker.limit
        status = self._drop(worker)
        if not alone:
            waiting.extendleft(_Batch([i], alone=True) for i in reversed(suspects))
            return
        code, text = "decode_crash", f"the decoder killed its process, twice ({_status(status)})"
        if hung:
            code, text = "timeout", f"the decoder did not come back within {limit:g} s, twice"
        yield suspects[0], BadInput(code, str(tasks[suspects[0]][0]), text, "scan")

    def _drop(self, worker: _Worker) -> int:
        self._workers.remove(worker)
        return _end(worker)


def _status(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def _receive(worker: _Worker) -> list[tuple[int, Any]] | None:
    """The next answers of a worker; None when it is gone. Raises SynthError for a mistake in the function itself."""
    try:
        answers: list[tuple[int, Any]] = worker.connection.recv()
    except (EOFError, OSError):
        return None
    worker.heard = time.monotonic()
    for index, answer in answers:
        if isinstance(answer, _Mistake):
            raise SynthError(answer.text)
        worker.open_tasks.remove(index)
    return answers


def _end(worker: _Worker) -> int:
    """Kill a worker; its exit status (the one it had, where it died before)."""
    worker.connection.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return worker.process.wait(0.05 if worker.open_tasks else 0.0)
    worker.process.kill()
    return worker.process.wait()


def start_worker() -> _Worker:
    """A fresh interpreter at the other end of a pipe, with one thread a library and this process's import path."""
    ours, theirs = Pipe()
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment.pop("SYNTH_CRASH_AT", None)  # a test's crash point is for its own process, and no fault of a file
    # -P: a file in the current folder must not pass for a module
    command = [sys.executable, "-P", "-m", "synth.processes.isolate", str(theirs.fileno())]
    with interrupts_held_back():
        process = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    theirs.close()
    return _Worker(process, ours)


# what runs in the worker


@dataclass(frozen=True, slots=True)
class _Mistake:
    """An exception that is not about the input: a full disk, or a mistake in the function."""

    text: str


def serve(descriptor: int) -> None:
    """The life of a worker: answer batches until the parent closes the pipe."""
    _confine()
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        _serve(Connection(descriptor))


def _serve(connection: Connection) -> None:
    while True:
        try:
            function, tasks = connection.recv()
        except EOFError:
            return
        _work(connection, _find(function), tasks)


def _find(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _work(connection: Connection, function: Any, tasks: Sequence[tuple[int, Task]]) -> None:
    answers: list[tuple[int, Any]] = []
    sent = time.monotonic()
    for index, task in tasks:
        answers.append((index, _attempt(function, task)))
        if time.monotonic() - sent > _FLUSH_SECONDS:
            connection.send(answers)
            answers, sent = [], time.monotonic()
    if answers:
        connection.send(answers)


def _attempt(function: Any, task: Task) -> Any:
    try:
        return function(*task)
    except BadInput as refusal:
        return refusal
    except MemoryError:
        return BadInput("decode_crash", str(task[0]), "the decoder wanted more memory than a worker may take", "scan")
    except SynthError as error:
        return _Mistake(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _Mistake(f"{where}{error.strerror or error}; check the disk, then run again")
    except Exception:
        return _Mistake(f"internal error:\n{traceback.format_exc()}")


def _confine() -> None:
    """No core dumps, bounded memory, no Ctrl-C of its own, and never longer alive than the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also while it hangs
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the MP3 decoder talks on stderr


if __name__ == "__main__":
    # under its real name, so that what is sent can be unpickled at the other end
    importlib.import_module("synth.processes.isolate").serve(int(sys.argv[1]))
