"""Keep what the MP3 decoder prints off the terminal: it writes to the process's stderr, which no Python code can stop.

Only what it is known to print is dropped. All else that came meanwhile (another thread's error) is passed on after.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import Final

from synth.audio.scratch import scratch_file

_STDERR: Final = 2
_DECODERS_LINE: Final = re.compile(rb"\s*(?:\[(?:src/)?libmpg123/|Note: |Warning: |mpg123|Illegal Audio-MPEG|$)")
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def dropped_decoder_notes() -> Iterator[None]:
    """Send stderr to a file in this block, and drop the lines of the MP3 decoder; for calls into the decoder alone."""
    if sys.__stderr__ is None:  # the process began without: the number may be that of any other file
        yield
        return
    with _one_at_a_time:
        terminal = os.dup(_STDERR)
        with scratch_file(None) as written:
            os.dup2(written.fileno(), _STDERR)
            try:
                yield
            finally:
                os.dup2(terminal, _STDERR)
                os.close(terminal)
                if os.lseek(written.fileno(), 0, os.SEEK_END):
                    written.seek(0)
                    _pass_on(written.read())


def _pass_on(text: bytes) -> None:
    others = [line for line in text.splitlines(keepends=True) if not _DECODERS_LINE.match(line)]
    if others:
        with contextlib.suppress(OSError):
            os.write(_STDERR, b"".join(others))
