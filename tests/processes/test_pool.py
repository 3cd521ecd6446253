from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from synth.errors import BadInput, SynthError
from synth.processes.pool import Pool, shared_pool, start_worker

ANSWER, MISBEHAVE = "tests.processes.hostile:answer", "tests.processes.hostile:misbehave"


def outcomes(tasks: list[tuple[str, str]], *, jobs: int = 2, timeout_s: float = 20.0) -> dict[str, str]:
    with Pool(jobs) as pool:
        answers = dict(pool.map(MISBEHAVE, tasks, timeout_s=timeout_s))
    assert answers.keys() == set(range(len(tasks)))
    return {tasks[i][0]: a.code if isinstance(a, BadInput) else a for i, a in answers.items()}


def test_every_task_is_answered_once_by_its_own_answer() -> None:
    tasks = [(f"file {i}", i) for i in range(1000)]
    with Pool(jobs=3) as pool:
        found = list(pool.map(ANSWER, tasks, timeout_s=60))
    assert sorted(index for index, _ in found) == list(range(1000))
    assert all(answer[:2] == tasks[index] for index, answer in found)
    assert len({answer[2] for _, answer in found}) > 1, "more than one process did the work"


def test_a_crash_costs_one_file() -> None:
    tasks = [(f"good {i}", "fine") for i in range(150)]
    tasks.insert(40, ("aborts", "abort"))
    tasks.insert(90, ("segfaults", "segfault"))
    found = outcomes(tasks)
    assert found.pop("aborts") == found.pop("segfaults") == "decode_crash"
    assert set(found.values()) == {"fine"} and len(found) == 150


def test_a_hang_costs_one_file() -> None:
    found = outcomes([*((f"good {i}", "fine") for i in range(20)), ("hangs", "hang")], timeout_s=1.0)
    assert found.pop("hangs") == "timeout"
    assert set(found.values()) == {"fine"}


def test_the_refusal_says_what_happened() -> None:
    with Pool() as pool:
        answers = dict(pool.map(MISBEHAVE, [("a.wav", "abort"), ("b.wav", "hang")], timeout_s=1.0))
    assert str(answers[0]) == "a.wav: decode_crash: the decoder's process was killed by SIGABRT, twice"
    assert str(answers[1]) == "b.wav: timeout: the decoder did not come back within 1 s, twice"


def test_a_process_that_was_killed_for_another_reason_costs_nothing(tmp_path: Path) -> None:
    with Pool() as pool:
        tasks = [("a.wav", str(tmp_path / "marker"))]
        assert dict(pool.map("tests.processes.hostile:die_at_first", tasks, timeout_s=60)) == {0: "came through"}


def test_memory_is_bounded_and_refusals_come_back() -> None:
    found = outcomes([("hungry", "eat memory"), ("refused", "refuse"), ("talks", "talk")])
    assert found == {"hungry": "decode_crash", "refused": "not_audio", "talks": "talk"}


def test_a_mistake_of_ours_is_not_blamed_on_the_file() -> None:
    with pytest.raises(SynthError, match="internal error in a worker: KeyError: 'a mistake of ours'"):
        outcomes([("a.wav", "mistake")])


def test_the_crash_point_of_a_test_is_not_blamed_on_a_file(monkeypatch) -> None:
    monkeypatch.setenv("SYNTH_CRASH_AT", "1")
    with Pool() as pool:
        assert dict(pool.map("os:getenv", [("SYNTH_CRASH_AT",)], timeout_s=60)) == {0: None}


def test_an_interrupt_while_a_worker_starts_prints_nothing_and_costs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """B14: Ctrl-C goes to the whole group; the traceback of the worker's imports was on the terminal."""
    with Pool(jobs=1) as pool:
        answers = pool.map(ANSWER, [("file", 0)], timeout_s=60)
        worker = start_worker()
        pool._supervisor.workers.append(worker)
        assert worker.process.pid is not None
        os.kill(worker.process.pid, signal.SIGINT)
        assert [index for index, _ in answers] == [0]
        assert worker.process.exitcode is None
    assert capfd.readouterr().err == ""


def test_an_error_of_the_disk_is_no_internal_error() -> None:
    """B13: what a worker says of it names the file, and has no traceback."""
    with pytest.raises(SynthError) as caught, Pool() as pool:
        list(pool.map(MISBEHAVE, [("a.wav", "eio")], timeout_s=60))
    assert str(caught.value) == "a.wav: Input/output error; check the disk, then run again"


def test_nothing_is_left_running() -> None:
    with Pool(jobs=2) as pool:
        pids = {answer[2] for _, answer in pool.map(ANSWER, [("a", 1)] * 500, timeout_s=60)}
        for _ in pool.map(MISBEHAVE, [("a", "fine"), ("b", "hang")], timeout_s=30, batch=1):
            break  # the caller stops listening while a worker hangs
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_steps_that_share_a_pool_share_its_workers() -> None:
    def pids(pool: Pool | None) -> set[int]:
        with shared_pool(pool, jobs=1) as workers:
            return {answer[2] for _, answer in workers.map(ANSWER, [("a", 1)], timeout_s=60)}

    with Pool(jobs=1) as pool:
        assert pids(pool) == pids(pool), "the pool outlives each step"
    assert pids(None) != pids(None), "a step without one starts its own, and ends it"
