"""The short form of `tests.crash_loop`; with SYNTH_LONG=1 the long one: 200 kills and 280 injected faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash_loop import loop
from tests.helpers import LONG, ROOT

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks"),
    # pytest-timeout has a thread of its own; the children that are forked here do not mind.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
    pytest.mark.timeout(7200 if LONG else 1200),
]


@pytest.mark.parametrize("layout", ["files", "tar"])
def test_kills_and_faults_leave_the_same_bytes_and_no_temporary_file(layout: str, tmp_path: Path) -> None:
    """B13, B14 and the bar of issue 10: also reads fail, and signals come twice."""
    kills, faults = (200, 280) if LONG else (4, 8)
    results = loop(tmp_path, kills=kills, faults=faults, layout=layout)
    assert sum(results["kills"].values()) - results["kills"]["ended the run"] >= kills
    assert sum(results["faults"].values()) - results["faults"]["ended the run"] >= faults


def test_two_interrupts_end_with_130_wherever_they_come() -> None:
    """Part C of the trials: the second Ctrl-C ended Python by a signal, or printed a traceback."""
    code = (
        "import atexit, os, signal, synth.cli, synth.processes.threads as threads\n"
        "interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "threads.pin_threads = interrupt\n"  # while modules are imported
        "atexit.register(interrupt)\n"  # while Python ends
        "synth.cli.main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "synth: interrupted; run again to resume\n")
