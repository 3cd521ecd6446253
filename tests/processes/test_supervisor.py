"""What a supervisor takes for a hang, and what it does not."""

from __future__ import annotations

import time

import pytest

from synth.processes import supervisor as module
from synth.processes.pool import start_worker
from synth.processes.supervisor import Lost, Supervisor, Worker

HANG, ANSWER = ("time:sleep", [(0, (60,))]), ("builtins:len", [(0, ("abc",))])


def test_a_pause_of_the_parent_is_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-Z, or a laptop's lid: no time that is not spent waiting for workers counts against them."""
    monkeypatch.setattr(module, "wait", lambda *_, **__: [])
    clock = iter(range(0, 100_000, 1000))  # every look at the clock is 1000 s later
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    with Supervisor(start_worker, 1) as supervisor:
        worker = supervisor.idle_worker()
        assert worker is not None
        supervisor.give(worker, "task", HANG, limit_s=2.5)
        answers = [answer for _ in range(3) for _, answer in supervisor.watch()]
    assert [(answer.task, answer.is_hung) for answer in answers] == [("task", True)], "after 3 polls of at most 1 s"


def test_a_worker_that_dies_while_idle_is_replaced() -> None:
    with Supervisor(start_worker, 1) as supervisor:
        first = supervisor.idle_worker()
        assert first is not None
        first.process.kill()
        first.process.join()
        assert list(supervisor.watch()) == []
        second = supervisor.idle_worker()
        assert second is not None and second is not first
        supervisor.give(second, "task", ANSWER, limit_s=30.0)
        answers: list[tuple[Worker, object]] = []
        while not answers:
            answers += supervisor.watch()
    assert answers == [(second, [(0, 3)])]


def test_a_task_given_to_a_dead_worker_is_lost_not_forgotten() -> None:
    with Supervisor(start_worker, 1) as supervisor:
        worker = supervisor.idle_worker()
        assert worker is not None
        worker.process.kill()
        worker.process.join()
        supervisor.give(worker, "task", ANSWER, limit_s=30.0)
        ((_, lost),) = supervisor.watch()
    assert lost == Lost("task", is_hung=False, limit_s=30.0, ending="was killed by SIGKILL")
