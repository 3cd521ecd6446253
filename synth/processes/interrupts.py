"""Ctrl-C and SIGTERM: kept from processes that are just starting, and noted rather than raised while a run is on."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Start processes in this block: they never see a SIGINT until they allow it themselves.

    Ctrl-C goes to the whole process group, and a process that is still importing would answer it with a traceback. A
    SIGINT that arrives meanwhile reaches this process when the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # not on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class NotedSignals:
    """In a `with` block SIGINT and SIGTERM only leave a note in `received`; whoever is in charge looks at it.

    Raising from a signal handler could leave a worker that was just started without anybody who knows of it.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> NotedSignals:
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
