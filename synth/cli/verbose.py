"""`--verbose`: print what other rooms log about their work, as lines on stderr with the seconds since the start."""

from __future__ import annotations

import logging
import resource
import sys
import time

from synth.cli.output import detail

_LOGGER = logging.getLogger("synth")


class _LineHandler(logging.Handler):
    """Prints each record as a line."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        detail(f"[{time.monotonic() - self.start:7.2f} s] {record.getMessage()}")


_handler = _LineHandler()


def show_log() -> None:
    """Print what is logged from now on."""
    _handler.start = time.monotonic()
    _LOGGER.addHandler(_handler)
    _LOGGER.setLevel(logging.INFO)


def end_log() -> None:
    """Print the memory that the command took, and stop printing, for the next command line in this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / 1024 if sys.platform.startswith("linux") else peak / 1024**2  # macOS counts bytes
    _LOGGER.info("finished; this process took at most %.0f MB of memory", megabytes)
    _LOGGER.removeHandler(_handler)
    _LOGGER.setLevel(logging.NOTSET)
