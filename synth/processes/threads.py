"""One thread per process: workers are processes, and BLAS threads beside them only cost time (and forbid to fork)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "VECLIB_MAXIMUM", "NUMBA_NUM")
ONE_THREAD: Final = {f"{library}_THREADS": "1" for library in _LIBRARIES}
"""Environment variables that ask the numerical libraries for one thread."""


def pin_threads() -> None:
    """Ask the numerical libraries for one thread, unless the environment says otherwise.

    Has an effect only before numpy is imported, so it comes first.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


def thread_count() -> int:
    """Threads of this process, those of libraries included; 2 if the system does not say (so that nobody forks)."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return 2
