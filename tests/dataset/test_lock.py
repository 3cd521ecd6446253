"""Two runs never write into one directory at a time, and a dead one never blocks the next."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synth.commands.generate import Listeners, generate
from synth.dataset import lock
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.status import status
from synth.errors import DamagedDataset, Locked, UsageError
from tests import small_set

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


WHOLE, PART_0, PART_1 = "lock.hold_all(dataset)", "lock.hold_part(dataset, 0, 2)", "lock.hold_part(dataset, 1, 2)"


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
    mine = {
        WHOLE: lock.hold_all(dataset),
        PART_0: lock.hold_part(dataset, 0, 2),
        PART_1: lock.hold_part(dataset, 1, 2),
    }[second]
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
        with lock.hold_all(dataset):
            pass


def test_planning_waits_for_its_turn(tmp_path: Path) -> None:
    dataset = DatasetDir(tmp_path)
    with holder(tmp_path, "lock.hold_plan(dataset)") as other:
        with pytest.raises(Locked, match="the planning of another part"), lock.hold_plan(dataset, patience_s=0.2):
            pass
        other.kill()
        started = time.monotonic()
        with lock.hold_plan(dataset, patience_s=30):
            assert time.monotonic() - started < 20


# ---------------------------------------------------------------------------------------------- a read-only disk (B12)


@pytest.fixture
def complete(tmp_path: Path) -> Path:
    """A recipe, and its complete data set beside it."""
    recipe = small_set.make_sources(tmp_path / "in", speech=2)
    recipe.write_text(recipe.read_text().replace("timeout_s: 20", "timeout_s: 300"))  # however busy the machine is
    generate(recipe, tmp_path / "out")
    return recipe


def make_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way to write below a folder fails, for root too."""
    opened, root = os.open, f"{folder}{os.sep}"

    def refuse(path: object, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def open_to_read(path: Any, flags: int, *args: Any, **named: Any) -> int:
        if str(path).startswith(root) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse(path)
        return opened(path, flags, *args, **named)

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(path: Any, *args: Any, **named: Any) -> Any:
            touched = [str(p) for p in (path, *args) if isinstance(p, str | Path)]
            return refuse(path) if any(p.startswith(root) for p in touched) else function(path, *args, **named)

        return called

    monkeypatch.setattr(os, "open", open_to_read)
    for name in ("mkdir", "rename", "unlink", "link", "rmdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


def test_status_reads_only(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: status of a complete data set on a read-only disk failed at .synth/lock."""
    out = complete.parent.parent / "out"
    make_read_only(out, monkeypatch)
    state = status(DatasetDir(out))
    assert state.complete
    assert state.missing == ()
    assert state.held_by == ()


def test_generate_again_writes_nothing(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B12: generate again on a complete data set on a read-only disk failed."""
    out = complete.parent.parent / "out"
    said: list[str] = []
    make_read_only(out, monkeypatch)
    done = generate(complete, out, listeners=Listeners(message=said.append))
    assert said[-1] == "2 of 2 shards are already done"
    assert (done.result.clips, done.result.shards) == (0, 0)
    assert done.content == json.loads((out / "dataset.json").read_text())
    with pytest.raises(UsageError, match="holds another data set"):
        generate(complete, out, overrides=["seed=4"])


@pytest.mark.parametrize(
    "name", ["manifest.jsonl", "dataset.json", *(f".synth/plan/{name}" for name in ("pools.json", "speech.catalog"))]
)
def test_generate_again_still_repairs(complete: Path, name: str) -> None:
    out = complete.parent.parent / "out"
    before = (out / name).read_bytes()
    (out / name).write_bytes(before[:-5])
    generate(complete, out)
    assert (out / name).read_bytes() == before


def test_status_names_who_holds_the_lock(complete: Path) -> None:
    dataset = DatasetDir(complete.parent.parent / "out")
    with lock.hold_part(dataset, 1, 2):
        assert lock.holders(dataset)[0].startswith("synth generate --part 1/2, process ")
    with lock.hold_all(dataset):
        assert lock.holders(dataset)[0].startswith("synth generate, process ")
    dataset.lock.unlink()
    os.mkfifo(dataset.lock)
    with pytest.raises(DamagedDataset, match=r"lock: cannot be read: not a regular file; remove it, and run again"):
        lock.holders(dataset)
