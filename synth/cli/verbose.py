"""`--verbose`: what the layers below log about their work, as lines on stderr with the seconds since the start."""

from __future__ import annotations

import logging
import resource
import sys
import time

from synth.cli.output import detail

_LOGGER = logging.getLogger("synth")


class _Lines(logging.Handler):
    """Each record as a line."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        detail(f"[{time.monotonic() - self.start:7.2f} s] {record.getMessage()}")


_lines = _Lines()


def show_log() -> None:
    """From now on print what is logged."""
    _lines.start = time.monotonic()
    _LOGGER.addHandler(_lines)
    _LOGGER.setLevel(logging.INFO)


def end_log() -> None:
    """Print what the command took, and stop printing, for the next command line in this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / 1024 if sys.platform.startswith("linux") else peak / 1024**2  # macOS counts bytes
    _LOGGER.info("finished; this process took at most %.0f MB of memory", megabytes)
    _LOGGER.removeHandler(_lines)
    _LOGGER.setLevel(logging.NOTSET)
