"""The benchmark that times the steps of a clip names functions that exist, and counts each moment once."""

from __future__ import annotations

import time

from benchmarks.profile_steps import STEPS, StepClock, find


def test_every_function_that_is_timed_exists() -> None:
    for names in STEPS.values():
        for name in names:
            owner, attribute = find(name)
            assert callable(getattr(owner, attribute)), name


def test_a_moment_counts_for_the_innermost_step_alone() -> None:
    clock = StepClock()

    def work() -> None:
        stop = time.process_time() + 0.02
        while time.process_time() < stop:
            pass

    inner = clock.timed("inner", work)
    clock.timed("outer", lambda: (inner(), inner()))()
    clock.stop()
    assert clock.calls == {"inner": 2, "outer": 1}
    assert clock.seconds["inner"] >= 0.04
    assert clock.seconds["outer"] < clock.seconds["inner"]
