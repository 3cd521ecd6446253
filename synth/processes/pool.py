"""Run functions on files in processes of their own, where a crash or a hang costs one file and nothing else.

A worker gets a batch of tasks and answers as it goes. When it dies or is silent for too long, the tasks without an
answer are tried once more, each alone; the one that fails again is the culprit. Workers are fresh interpreters: a
process that has threads must not fork.

    with Pool(jobs=2) as pool:
        for index, answer in pool.map("synth.catalog.probe:probe", tasks, timeout_s=60): ...

`answer` is what the function returned, or the BadInput that it raised. The first element of each task is the path.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, TypeAlias

from synth.errors import BadInput, SynthError
from synth.processes.interrupts import interrupts_held_back
from synth.processes.memory import keep_freed_memory
from synth.processes.supervisor import Lost, Supervisor, Worker
from synth.processes.threads import ONE_THREAD
from synth.processes.worker_side import answer_messages, bind_to_parent

BATCH: Final = 64
_FLUSH_SECONDS: Final = 0.02
_MEMORY: Final = 2 << 30  # address space of a worker, in bytes

Task: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class _Batch:
    indices: list[int]  # of the tasks without an answer
    is_retry: bool = False  # a suspect, tried alone for the second time


class Pool:
    """At most `jobs` worker processes, started when there is work; a context manager that leaves none behind."""

    def __init__(self, jobs: int = 1) -> None:
        self._jobs = max(1, jobs)
        self._supervisor: Supervisor[Worker] = Supervisor(start_worker, self._jobs)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all workers."""
        self._supervisor.kill(self._supervisor.workers)

    def map(
        self, function: str, tasks: Sequence[Task], *, timeout_s: float | Sequence[float], batch: int = BATCH
    ) -> Iterator[tuple[int, Any]]:
        """Yield (index of the task, its answer) as answers come in.

        Args:
            function: `module:name`, of a function at the top level of a module.
            tasks: its arguments, each time; what can be pickled.
            timeout_s: for how long a worker may be silent over one task; one number, or one per task.
            batch: at most this many tasks are given to a worker at once.

        Raises:
            SynthError: the function failed, and no task is to blame.
        """
        limits = [timeout_s] * len(tasks) if isinstance(timeout_s, int | float) else list(timeout_s)
        size = max(1, min(batch, -(-len(tasks) // (2 * self._jobs))))
        starts = range(0, len(tasks), size)
        waiting = deque(_Batch(list(range(start, min(start + size, len(tasks))))) for start in starts)
        supervisor = self._supervisor
        try:
            while waiting or supervisor.busy():
                while waiting and (worker := supervisor.idle_worker()) is not None:
                    given = waiting.popleft()
                    message = function, [(i, tasks[i]) for i in given.indices]
                    supervisor.give(worker, given, message, max(limits[i] for i in given.indices))
                for worker, answer in supervisor.watch():
                    if not isinstance(answer, Lost):
                        for index, _ in answer:
                            worker.task.indices.remove(index)
                        if not worker.task.indices:
                            worker.task = None
                        yield from answer
                    elif answer.task.is_retry:
                        (index,) = answer.task.indices
                        yield index, _refusal(str(tasks[index][0]), answer)
                    else:
                        waiting.extendleft(_Batch([i], is_retry=True) for i in reversed(answer.task.indices))
        finally:
            supervisor.kill(supervisor.busy())  # the caller stopped listening


@contextlib.contextmanager
def shared_pool(pool: Pool | None, jobs: int) -> Iterator[Pool]:
    """Use a pool that somebody else ends, or a pool of `jobs` workers that ends with the block.

    A worker takes 0.2 s of CPU time to start, so that steps that follow each other share one pool.
    """
    if pool is not None:
        yield pool
    else:
        with Pool(jobs) as own:
            yield own


def _refusal(path: str, lost: Lost) -> BadInput:
    if lost.is_hung:
        return BadInput("timeout", path, f"the decoder did not come back within {lost.limit_s:g} s, twice", "scan")
    return BadInput("decode_crash", path, f"the decoder's process {lost.ending}, twice", "scan")


class InterpreterProcess:
    """A Python interpreter that was started afresh, with the methods of `multiprocessing.Process`."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self.pid = popen.pid

    @property
    def exitcode(self) -> int | None:
        """None while it runs; negative: the signal that killed it."""
        return self._popen.poll()

    def kill(self) -> None:
        """Kill it; no error if it is dead."""
        self._popen.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is dead, at most `timeout` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)


def start_worker() -> Worker:
    """A fresh interpreter at the other end of a pipe, with one thread per library and this process's import path."""
    ours, theirs = Pipe()
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment.pop("SYNTH_CRASH_AT", None)  # a test's crash point is for its own process, and no fault of a file
    # -P: a file in the current folder must not pass for a module
    command = [sys.executable, "-P", "-m", "synth.processes.pool", str(theirs.fileno()), str(os.getpid())]
    with interrupts_held_back():
        popen = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    theirs.close()
    return Worker(InterpreterProcess(popen), ours)


def serve(descriptor: int, parent: int) -> None:
    """The life of a worker, whose end of the pipe is `descriptor`."""
    bind_to_parent(parent)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    keep_freed_memory()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the MP3 decoder prints to stderr
    answer_messages(Connection(descriptor), _answers)


def _answers(message: tuple[str, list[tuple[int, Task]]]) -> Iterator[list[tuple[int, Any]]]:
    """Lists of (index, answer): at most one list per 20 ms, since a message costs more than a small task."""
    name, tasks = message
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    answers: list[tuple[int, Any]] = []
    sent = time.monotonic()
    for index, task in tasks:
        answers.append((index, _attempt(function, task)))
        if time.monotonic() - sent > _FLUSH_SECONDS:
            yield answers
            answers, sent = [], time.monotonic()
    if answers:
        yield answers


def _attempt(function: Any, task: Task) -> Any:
    try:
        return function(*task)
    except BadInput as refusal:
        return refusal
    except MemoryError:
        return BadInput("decode_crash", str(task[0]), "the decoder needed more memory than a worker may use", "scan")
    except SynthError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SynthError(f"{where}{error.strerror or error}; check the disk, then run again") from error


if __name__ == "__main__":
    # under its real name, so that what is sent can be unpickled at the other end
    importlib.import_module("synth.processes.pool").serve(int(sys.argv[1]), int(sys.argv[2]))
