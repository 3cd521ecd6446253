"""Keep the MP3 decoder's prints off the terminal: it writes to file descriptor 2, which no Python code can stop.

Only lines that it is known to print are dropped. Everything else that came meanwhile (another thread's error) is passed
on afterwards.
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
    """Send stderr to a file in this block, and drop the lines of the MP3 decoder; only for calls into the decoder."""
    if sys.__stderr__ is None:  # the process began without stderr: descriptor 2 may be any other file
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
                    foreign = [line for line in written if not _DECODERS_LINE.match(line)]
                    if foreign:
                        with contextlib.suppress(OSError):
                            os.write(_STDERR, b"".join(foreign))
