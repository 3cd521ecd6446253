"""Commands of `synth` in forked children of a process that has its imports behind it.

A fresh interpreter costs a command 0.5 to 1.5 s of imports; a forked child costs 10 ms, and is as much a process of its
own: own arguments, environment, folder, exit code, memory. A `WarmProcess` is started once, has one thread, and makes
one child per call. What depends on how an interpreter starts (PYTHON* and LD_* variables, import times) needs a fresh
one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
_LIBRARIES: Final = ("scipy.signal", "soundfile", "soxr", "sklearn.linear_model")
_ONE_THREAD: Final = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")}
MAIN: Final = "synth.cli:main"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: exit code (negative: killed by that signal), output, largest process in MB, seconds."""

    returncode: int
    stdout: str
    stderr: str
    peak_mb: float
    cpu_s: float
    wall_s: float
    hung: bool


class WarmProcess:
    """The process that forks; a context manager. Not for several threads at once."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.warm_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and all that it started."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()
        self._folder.cleanup()

    def call(
        self,
        *words: str | Path,
        target: str = MAIN,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 300,
    ) -> Ended:
        """Run `target` ("module:function", without arguments) with `words` as sys.argv[1:].

        Args:
            words: the command line.
            env: variables beside those of this process.
            cwd: folder that it runs in.
            timeout_s: after this many seconds the child and its children are killed.
        """
        request = {
            "target": target,
            "argv": ["synth", *map(str, words)],
            "env": {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(ROOT), **(env or {})},
            "cwd": str(cwd or Path.cwd()),
            "folder": self._folder.name,
            "timeout_s": timeout_s,
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        output = [Path(self._folder.name, name).read_bytes().decode("utf-8", "backslashreplace") for name in "12"]
        return Ended(stdout=output[0], stderr=output[1], **answer)


# ---------------------------------------------------------------------------------------------- inside the process


def serve() -> None:
    """Answer requests, one JSON object per line, until stdin ends."""
    _import_all()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a child might print before it has its own files
    while line := _read_line():
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _read_line() -> bytes:
    """One line of stdin, without reading ahead into what a child would inherit."""
    return sys.stdin.buffer.readline()


def _import_all() -> None:
    import synth

    for module in pkgutil.walk_packages(synth.__path__, "synth."):
        importlib.import_module(module.name)
    for name in _LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that a child's collector does not copy every page


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(request)
    ended = os.pidfd_open(child)
    hung = not select.select([ended], [], [], request["timeout_s"])[0]
    os.close(ended)
    if hung:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # what it left behind
    return {
        "returncode": os.waitstatus_to_exitcode(status),
        "peak_mb": usage.ru_maxrss / 1024,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic() - start,
        "hung": hung,
    }


def _become(request: Mapping[str, Any]) -> None:
    """The child: never returns."""
    code = 70
    try:
        os.setsid()
        _redirect(request["folder"])
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = list(request["argv"])
        code = _exit_code(request["target"])
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(folder: str) -> None:
    descriptors = [os.open(os.devnull, os.O_RDONLY)]
    descriptors += [os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for name in "12"]
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", closefd=False, encoding="utf-8", errors="backslashreplace", buffering=1)


def _exit_code(target: str) -> int:
    import traceback

    module, _, name = target.partition(":")
    try:
        getattr(importlib.import_module(module), name)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
