"""Tell glibc to keep the memory that arrays give back: the next clip needs it again.

By default every array of a few hundred kilobytes is fetched from the system and given back, zeroed page by page each
time, which costs as much as encoding. With these limits a worker holds on to at most what its largest clip took.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP = 64 << 20
_LARGEST = 16 << 20


def keep_freed_memory() -> None:
    """Once in a process that renders. Without effect where the C library is not glibc."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_TRIM_THRESHOLD, _KEEP)
            mallopt(_M_MMAP_THRESHOLD, _LARGEST)
