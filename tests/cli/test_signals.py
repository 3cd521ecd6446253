"""A signal that comes at the very start ends the program with its exit code and one line."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.helpers import ROOT

SENT_AT_THE_START = """
import os, sys
from synth.cli import main, signals
listen = signals.listen
def listen_and_be_hit():
    listen()
    os.kill(os.getpid(), int(sys.argv.pop(1)))
signals.listen = listen_and_be_hit
main()
"""


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (signal.SIGINT, 130, "synth: interrupted; run again to resume\n"),
        (signal.SIGTERM, 143, "synth: terminated; run again to resume\n"),
    ],
)
def test_a_signal_in_the_first_moment_prints_no_traceback(number: int, code: int, text: str) -> None:
    command = [sys.executable, "-c", SENT_AT_THE_START, str(int(number)), "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (code, text)
