"""Two runs never write into one directory at a time, and a dead one never blocks the next."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.errors import Locked

SCRIPT = """
import os, sys, time
from pathlib import Path
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
dataset = DatasetDir(Path(sys.argv[1]))
with {held}:
    # With a child it is the child that says so: its lock is closed then, however busy the machine is.
    if not {fork} or os.fork() == 0:
        print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def holder(folder: Path, held: str, *, fork: bool = False) -> Iterator[subprocess.Popen[str]]:
    code = SCRIPT.format(held=held, fork=fork)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


WHOLE, PART_0, PART_1 = "lock.whole(dataset)", "lock.part(dataset, 0, 2)", "lock.part(dataset, 1, 2)"


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (WHOLE, WHOLE, True),
        (WHOLE, PART_0, True),
        (PART_0, WHOLE, True),
        (PART_0, PART_0, True),
        (PART_0, PART_1, False),
    ],
)
def test_who_may_work_beside_whom(tmp_path: Path, first: str, second: str, refused: bool) -> None:
    dataset = DatasetDir(tmp_path / "out")
    mine = {WHOLE: lock.whole(dataset), PART_0: lock.part(dataset, 0, 2), PART_1: lock.part(dataset, 1, 2)}[second]
    with holder(dataset.path, first) as other:
        what = "synth generate" if first == WHOLE else "synth generate --part 0/2"
        host = re.escape(os.uname().nodename)
        expected = rf"out is in use by {what}, process {other.pid} on {host}; wait until it is done"
        with pytest.raises(Locked, match=expected) if refused else contextlib.nullcontext(), mine:
            pass


def test_holders_are_shown_and_gone_when_done(tmp_path: Path) -> None:
    dataset = DatasetDir(tmp_path)
    assert lock.holders(dataset) == []
    with holder(tmp_path, PART_0) as one, holder(tmp_path, PART_1) as two:
        assert [text.split(" on ")[0] for text in lock.holders(dataset)] == [
            f"synth generate --part 0/2, process {one.pid}",
            f"synth generate --part 1/2, process {two.pid}",
        ]
    assert lock.holders(dataset) == []


@pytest.mark.parametrize("fork", [False, True])
def test_a_killed_run_does_not_block_even_where_a_child_of_it_lives_on(tmp_path: Path, fork: bool) -> None:
    dataset = DatasetDir(tmp_path)
    with holder(tmp_path, WHOLE, fork=fork) as other:
        other.kill()
        other.wait()
        with lock.whole(dataset):
            pass


def test_planning_waits_for_its_turn(tmp_path: Path) -> None:
    dataset = DatasetDir(tmp_path)
    with holder(tmp_path, "lock.planning(dataset)") as other:
        with pytest.raises(Locked, match="the planning of another part"), lock.planning(dataset, patience_s=0.2):
            pass
        other.kill()
        started = time.monotonic()
        with lock.planning(dataset, patience_s=30):
            assert time.monotonic() - started < 20
