"""The worker's side of a supervised process: how it is confined, what it answers, how its errors reach the parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from synth.errors import SynthError

OUT_OF_MEMORY: Final = 112  # an exit code of our own
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception on its way to the parent, which raises it: a full disk, or a mistake in our code."""

    error: BaseException


def bind_to_parent(parent: int) -> None:
    """Leave Ctrl-C to the parent (process number `parent`), and never outlive it.

    On Linux the kernel kills this process when its parent dies, also while it hangs; elsewhere it ends when the pipe is
    closed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def answer_messages(connection: Connection, work: Callable[[Any], Iterable[Any]]) -> None:
    """Answer the parent's messages until it closes the pipe.

    Args:
        connection: the worker's end of the pipe.
        work: yields the answers to one message.
    """
    with contextlib.suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            message = connection.recv()
            try:
                for answer in work(message):
                    connection.send(answer)
            except MemoryError:  # as if the kernel had ended it: its task is tried again alone, then it is to blame
                os._exit(OUT_OF_MEMORY)
            except BaseException as error:  # whatever it is, the parent decides
                connection.send(Raised(_portable(error)))


def _portable(error: BaseException) -> BaseException:
    """The error with its traceback as a note (for --debug), or its text if it may not survive pickling."""
    text = "".join(traceback.format_exception(error))
    is_known = isinstance(error, SynthError | OSError)
    portable = error if is_known else SynthError(f"internal error in a worker: {type(error).__name__}: {error}")
    portable.__context__ = portable.__cause__ = None
    portable.add_note(text)
    return portable
