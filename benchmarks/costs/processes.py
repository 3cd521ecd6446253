"""What a process costs: CPU, wall time and memory, of it and of all its children."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Cost:
    """Cost of one process and of all children that it waited for."""

    cpu_s: float  # user and system
    wall_s: float
    peak_mb: float  # resident memory of the largest process
    private_mb: float = 0.0  # most private memory of a child; 0 if it was not watched


class CommandFailed(Exception):
    """A measured command exited with an error."""


def environment(**more: str) -> dict[str, str]:
    """The environment of this process with one thread per library; an empty value removes a variable.

    Byte code is kept, as it is for any user: without it, each process compiles each module that it imports.
    """
    merged = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONDONTWRITEBYTECODE": "", **more}
    return {name: value for name, value in merged.items() if value}


def in_a_child(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a process of its own.

    A process that is started counts the memory of the one that started it as its own peak, so this one must stay small.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        return pool.submit(function, *arguments).result()


def measure(command: Sequence[str], *, log: Path, env: Mapping[str, str], watched: bool = False) -> Cost:
    """Run the command in a fresh process. Its output goes to the log, whose end is shown if the command fails."""
    start = time.perf_counter()
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment(**env), stdout=out, stderr=out)
        watch = Watch(process.pid)
        if watched:
            watch.start()
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    private = watch.stop() if watched else 0.0
    if process.returncode:
        raise CommandFailed(f"exit {process.returncode}: {' '.join(command)}\n{log.read_text()[-3000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, private)


def descendants(pid: int) -> list[int]:
    """Process ids of all children and their children (Linux)."""
    pids: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            pids += [child, *descendants(child)]
    return pids


def private_mb(pid: int) -> float:
    """Memory of this process alone. Clean pages of mapped files belong to the page cache and do not count."""
    return private_kb(Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()) / 1024


def private_kb(lines: Iterable[str]) -> int:
    """The sum of `Private_Dirty` in the lines of a `smaps_rollup`."""
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))


class Watch(threading.Thread):
    """Reads the private memory of all children of a process every 50 ms; `peak_mb` is the most that one of them had."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._stopped = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self._stopped.wait(0.05):
            with contextlib.suppress(OSError):  # one of them has just ended
                self.peak_mb = max([self.peak_mb, *map(private_mb, descendants(self._pid))])

    def stop(self) -> float:
        self._stopped.set()
        self.join()
        return self.peak_mb
