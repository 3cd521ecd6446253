"""One thread a process: workers are processes, and BLAS threads beside them only cost time (and forbid to fork)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def pin_threads() -> None:
    """Ask the numerical libraries for one thread. Has an effect only before numpy is imported, so it comes first."""
    for name in _VARIABLES:
        os.environ.setdefault(name, "1")


def thread_count() -> int:
    """Threads of this process, those of libraries included; 2 where the system does not tell (so nobody forks)."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return 2
