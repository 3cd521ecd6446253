"""Tell glibc to keep the memory of freed arrays: the next clip needs it again.

By default every array of a few hundred kilobytes is fetched from the system and given back, and the system zeroes it
page by page each time, which costs as much as encoding. With these limits a worker keeps at most the memory that its
largest clip needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Final

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # options of mallopt
_KEEP: Final = 64 << 20  # bytes that are kept when memory is freed
_LARGEST: Final = 16 << 20  # bytes; larger arrays go back to the system


def keep_freed_memory() -> None:
    """Call this once in a process that renders. It has no effect if the C library is not glibc."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_TRIM_THRESHOLD, _KEEP)
            mallopt(_M_MMAP_THRESHOLD, _LARGEST)
