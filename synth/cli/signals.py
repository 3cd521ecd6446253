"""Ctrl-C and SIGTERM end a command with their exit codes, without a traceback. `execute` has handlers of its own."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

from synth.errors import Interrupted, SynthError, Terminated


class Stopped(BaseException):
    """A signal asked the command to stop. Not an `Exception`, so that no handler of errors swallows it on its way."""

    def __init__(self, error: SynthError) -> None:
        super().__init__(str(error))
        self.error = error


def listen() -> None:
    """Turn SIGINT and SIGTERM into `Stopped`."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _terminated)


def end_listening() -> None:
    """Ignore signals from now on: a second Ctrl-C must not change the exit code, nor print a traceback at the end."""
    for number, handler in ((signal.SIGINT, _interrupted), (signal.SIGTERM, _terminated)):
        if signal.getsignal(number) is handler:
            signal.signal(number, signal.SIG_IGN)


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    end_listening()
    raise Stopped(Interrupted("interrupted; run again to resume"))


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    end_listening()
    raise Stopped(Terminated("terminated; run again to resume"))
