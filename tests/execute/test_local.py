"""The engine with toy work: deaths, hangs, errors, signals, orphans. No audio is needed to test it."""

from __future__ import annotations

import faulthandler
import functools
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from synth.errors import SynthError
from synth.execute.local import RunProgress, RunResult, run
from synth.execute.shard import Failure, ShardResult
from synth.render.progress import ProgressReporter, WorkStep

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and looks into /proc"),
    # pytest-timeout has a thread of its own; our workers are forked here all the same.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

SHARD_SIZE = 4


def toy(
    trouble: Mapping[int, tuple[WorkStep, str]],
    log: Path,
    shard: int,
    failures: Mapping[int, Failure],
    progress: ProgressReporter,
) -> ShardResult:
    """Make a shard of four clips of 2 s; the clips in `trouble` do what stands there at that step."""
    refused = 0
    for clip in range(shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE):
        if clip in failures:
            refused += 1
            continue
        step, action = trouble.get(clip, ("read", ""))
        progress.report(clip, step)
        _act(action, log, clip)
        progress.count_clip(2.0)
    progress.report(0, "commit")
    with log.open("a") as file:
        file.write(f"{shard}\n")
    timeouts = sum(f.code == "timeout" for f in failures.values())
    return ShardResult(shard, SHARD_SIZE - refused, refused, 2.0 * (SHARD_SIZE - refused), timeouts)


def _act(action: str, log: Path, clip: int) -> None:
    if action == "once":
        marker = log.with_name(f"once{clip}")
        action = "" if marker.exists() else "abort"
        marker.touch()
    if action == "abort":
        faulthandler.disable()  # pytest's; its report would only litter the output
        os.kill(os.getpid(), signal.SIGABRT)
    if action == "memory":
        raise MemoryError
    if action == "hang":
        time.sleep(60)
    if action == "disk":
        raise OSError(28, "No space left on device", "x.flac")
    if action == "bug":
        raise ZeroDivisionError("by zero")


def run_toy(
    log: Path, shards: int, trouble: Mapping[int, tuple[WorkStep, str]], *, jobs: int = 2, timeout_s: float = 30.0
) -> RunResult:
    return run(functools.partial(toy, trouble, log), range(shards), jobs=jobs, timeout_s=timeout_s, start_method="fork")


def made(log: Path) -> list[int]:
    return sorted(int(line) for line in log.read_text().split())


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_shard_is_made_once(tmp_path: Path, jobs: int) -> None:
    result = run_toy(tmp_path / "log", 7, {}, jobs=jobs)
    assert made(tmp_path / "log") == list(range(7))
    assert (result.shards, result.clips, result.refused, result.seconds, result.timeouts) == (7, 28, 0, 56.0, 0)


def test_work_can_be_spawned(tmp_path: Path) -> None:
    result = run(functools.partial(toy, {}, tmp_path / "log"), [0, 1], jobs=1, timeout_s=30, start_method="spawn")
    assert result.clips == 8


@pytest.mark.parametrize(("step", "code"), [("read", "decode_crash"), ("render", "render_failed")])
def test_a_clip_that_kills_its_process_twice_is_refused_and_costs_nothing_else(
    tmp_path: Path, step: WorkStep, code: str
) -> None:
    work = functools.partial(_recording, {5: (step, "abort")}, tmp_path)
    result = run(work, range(3), jobs=2, timeout_s=30, start_method="fork")
    assert made(tmp_path / "log") == [0, 1, 2]
    assert (result.clips, result.refused) == (11, 1)
    text = (tmp_path / "failures").read_text()
    assert text == f"5 {code} {step} the process was killed by SIGABRT while the clip was in {step}, twice"


def _recording(
    trouble: Mapping[int, tuple[WorkStep, str]],
    folder: Path,
    shard: int,
    failures: Mapping[int, Failure],
    progress: ProgressReporter,
) -> ShardResult:
    for clip, f in failures.items():
        (folder / "failures").write_text(f"{clip} {f.code} {f.step} {f.message}")
    return toy(trouble, folder / "log", shard, failures, progress)


def test_a_clip_for_which_the_memory_is_too_small_is_refused(tmp_path: Path) -> None:
    work = functools.partial(_recording, {5: ("render", "memory")}, tmp_path)
    assert run(work, range(3), jobs=2, timeout_s=30, start_method="fork").refused == 1
    text = (tmp_path / "failures").read_text()
    assert text == "5 render_failed render the process ran out of memory while the clip was in render, twice"


def test_a_process_that_is_killed_once_costs_no_clip(tmp_path: Path) -> None:
    result = run_toy(tmp_path / "log", 3, {5: ("read", "once"), 9: ("commit", "once")})
    assert made(tmp_path / "log") == [0, 1, 2]
    assert (result.clips, result.refused) == (12, 0)


def test_several_culprits_in_one_shard(tmp_path: Path) -> None:
    result = run_toy(tmp_path / "log", 2, {4: ("read", "abort"), 6: ("read", "abort"), 7: ("render", "abort")})
    assert made(tmp_path / "log") == [0, 1]
    assert (result.clips, result.refused) == (5, 3)


def test_a_hang_is_ended_and_counted(tmp_path: Path) -> None:
    result = run_toy(tmp_path / "log", 3, {5: ("read", "hang")}, timeout_s=0.5)
    assert made(tmp_path / "log") == [0, 1, 2]
    assert (result.clips, result.refused, result.timeouts) == (11, 1, 1)


def test_deaths_while_writing_blame_no_clip(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match=r"shard 1: .*SIGABRT.*no clip is to blame"):
        run_toy(tmp_path / "log", 2, {5: ("commit", "abort")})
    assert made(tmp_path / "log") == [0]


def test_a_full_disk_ends_the_run_as_the_worker_saw_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        run_toy(tmp_path / "log", 50, {5: ("render", "disk")})
    assert "Traceback" in caught.value.__notes__[0]
    assert len(made(tmp_path / "log")) < 50


def test_a_bug_ends_the_run_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="internal error in a worker: ZeroDivisionError: by zero"):
        run_toy(tmp_path / "log", 2, {5: ("render", "bug")})


def test_progress_ends_with_the_sums(tmp_path: Path) -> None:
    seen: list[RunProgress] = []
    work = functools.partial(toy, {}, tmp_path / "log")
    run(work, range(5), jobs=2, timeout_s=30, progress=seen.append, start_method="fork")
    last = seen[-1]
    assert (last.shards, last.of_shards, last.clips, last.seconds) == (5, 5, 20, 40.0)
    assert all(a.clips <= b.clips for a, b in itertools.pairwise(seen))


def test_what_progress_raises_ends_the_run_and_its_workers(tmp_path: Path) -> None:
    def refuse(progress: RunProgress) -> None:
        raise SynthError("enough")

    with pytest.raises(SynthError, match="enough"):
        run(functools.partial(toy, {2: ("read", "hang")}, tmp_path / "log"), range(5), jobs=2, timeout_s=30,
            progress=refuse, start_method="fork")  # fmt: skip
    assert multiprocessing.active_children() == []


SCRIPT = textwrap.dedent("""
    import functools, sys, time
    from pathlib import Path
    from synth.errors import SynthError
    from synth.execute.local import run
    from synth.processes.threads import thread_count
    from synth.execute.shard import ShardResult

    def work(shard, failures, progress):
        progress.report(shard, "read")
        Path(sys.argv[1], f"pid{__import__('os').getpid()}").touch()
        time.sleep(0.05 if shard < 3 else 600)
        return ShardResult(shard, 1, 0, 1.0)

    assert thread_count() == 1
    try:
        run(work, range(9), jobs=2, timeout_s=900, progress=lambda p: p.shards == 3 and Path(sys.argv[1], "ready").touch())
    except SynthError as error:
        print(error)
        raise SystemExit(error.exit_code)
""")


def _start(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (folder / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    return process, [int(p.name[3:]) for p in folder.glob("pid*")]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(_alive(pid) for pid in pids)


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [(signal.SIGINT, 130, "stopped by Ctrl-C"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
@pytest.mark.parametrize("group", [True, False])
def test_signals_end_the_run_without_orphans(tmp_path: Path, number: int, code: int, text: str, group: bool) -> None:
    process, workers = _start(tmp_path)
    assert len(workers) == 2
    (os.killpg if group else os.kill)(process.pid, number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == code
    assert out == f"{text}: 3 of 9 shards are done; run the same command again to resume\n"
    assert _gone(workers)


def test_a_killed_parent_takes_its_workers_with_it(tmp_path: Path) -> None:
    process, workers = _start(tmp_path)
    process.kill()
    process.communicate()
    assert len(workers) == 2
    assert _gone(workers)
