from __future__ import annotations

from pathlib import Path

import pytest

from synth.commands.plan import make_plan
from synth.processes import pool
from synth.processes.supervisor import Worker
from tests.small_set import make_sources


def test_a_plan_starts_no_more_workers_than_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech, noise and rooms are scanned, and noise is decoded, by the same workers: each start takes time."""
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    started: list[Worker] = []
    start_worker = pool.start_worker

    def count_starts() -> Worker:
        started.append(start_worker())
        return started[-1]

    monkeypatch.setattr(pool, "start_worker", count_starts)
    recipe = make_sources(tmp_path)
    assert len(make_plan(recipe, jobs=1, check=False).plan) == 8
    assert len(started) == 1
    assert started[0].process.exitcode is not None, "it has ended"
