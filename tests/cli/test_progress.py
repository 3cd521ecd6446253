"""Progress counts seconds of audio of the planned seconds; the time left never rises at the start."""

from __future__ import annotations

import itertools
import random
import re
import time
from pathlib import Path

import pytest

from synth.cli.output import state
from synth.cli.progress import RemainingTime, Screen, rendering_text
from synth.execute.local import RunProgress, run_shards
from synth.text import clock_text
from tests.small_set import make_sources, plan_into


def simulated(seed: int, *, clips: int = 146, jobs: int = 2, start_s: float = 1.5) -> list[RunProgress]:
    """What a run reports every 0.2 s: workers that start slowly, clips of 1 to 15 s at 60 times real time a worker."""
    rng = random.Random(seed)
    lengths = [rng.uniform(1, 15) for _ in range(clips)]
    free = [start_s + 0.3 * k for k in range(jobs)]
    ends = []
    for seconds in lengths:
        worker = min(range(jobs), key=lambda k: free[k])
        free[worker] += seconds / 60 * rng.uniform(0.8, 1.25)
        ends.append((free[worker], seconds))
    reports = []
    for tick in range(int(max(free) / 0.2) + 2):
        passed = [seconds for end, seconds in ends if end <= 0.2 * tick]
        reports.append(
            RunProgress(0, 2, len(passed), 0, sum(passed), 0.2 * tick, clips, sum(lengths), sum(passed))
        )  # fmt: skip
    return reports


@pytest.mark.parametrize("seed", range(8))
def test_the_time_left_never_rises(seed: int) -> None:
    """D13: it rose from 0:03 to 0:05 because it went by shard, of which none was complete."""
    remaining = RemainingTime()
    shown = [remaining_s for report in simulated(seed) if (remaining_s := remaining.seconds(report)) is not None]
    assert len(shown) > 20
    assert all(later <= earlier for earlier, later in itertools.pairwise(shown[: len(shown) // 2]))
    assert shown[-1] == 0


@pytest.mark.parametrize("seed", range(8))
def test_the_time_left_is_right_within_a_fifth_once_half_is_made(seed: int) -> None:
    """D13: 44 s were announced when 15 were left."""
    reports = simulated(seed)
    remaining = RemainingTime()
    for report in reports:
        remaining_s = remaining.seconds(report)
        if report.passed_seconds > report.of_seconds / 2:
            break
    assert remaining_s == pytest.approx(reports[-1].elapsed - report.elapsed, rel=0.2)


def test_the_time_left_grows_when_the_machine_becomes_slow() -> None:
    def at(elapsed: float, passed: float) -> RunProgress:
        return RunProgress(0, 1, 50, 0, passed, elapsed, 100, 1000.0, passed)

    remaining = RemainingTime()
    assert remaining.seconds(at(1, 10)) is None  # one report says nothing of the speed
    assert remaining.seconds(at(10, 100)) == 90
    assert remaining.seconds(at(12, 100)) == 88  # counts down where nothing new is known
    assert remaining.seconds(at(40, 200)) == pytest.approx(800 / (190 / 39))


def test_a_worker_that_died_takes_its_clips_back() -> None:
    remaining = RemainingTime()
    remaining.seconds(RunProgress(0, 1, 1, 0, 10.0, 1.0, 100, 1000.0, 10.0))
    assert remaining.seconds(RunProgress(0, 1, 31, 0, 310.0, 11.0, 100, 1000.0, 310.0)) == pytest.approx(23)
    assert remaining.seconds(RunProgress(0, 1, 0, 30, 0.0, 12.0, 100, 1000.0, 0.0)) == pytest.approx(22)


NOW = RunProgress(2, 5, 288, 3, 2916.0, 18.0, 524, 5292.0, 2916.0)


def test_a_line_of_a_log_has_all_totals() -> None:
    """D13: there were no totals of clips and hours."""
    text = "288 of 524 clips, 0.81 of 1.47 h, 55 %, 162x real time, 0:00:15 left, 3 refused"
    assert rendering_text(NOW, 15.2) == text


@pytest.mark.parametrize("room", [33, 53, 73, 173])
def test_the_text_beside_a_bar_fits(room: int) -> None:
    text = rendering_text(NOW, 15.2, room=room)
    assert len(text) <= room
    assert text.startswith("288 of 524 clips")
    assert "0:00:15 left" in text


def test_clock() -> None:
    assert [clock_text(seconds) for seconds in (0, 59.6, 3723)] == ["0:00:00", "0:01:00", "1:02:03"]


def test_a_log_has_a_line_at_once_and_one_every_30_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """D13: the first line came after 30 s, and lines had no time."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Screen() as screen:
        for tick in range(0, 65):
            now[0] = 100.0 + tick
            screen.rendered(RunProgress(0, 5, tick, 0, tick * 10.0, float(tick), 100, 1000.0, tick * 10.0))
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line).split(",")[0] for line in lines] == [
        "0 of 100 clips",
        "30 of 100 clips",
        "60 of 100 clips",
    ]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)


def test_a_short_scan_is_silent_in_a_log_and_a_long_one_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Screen() as screen:
        for now[0], what, count in ((0.0, "reading headers", 1), (9.9, "reading headers", 90), (10.0, "decoding", 1)):
            screen.scanned(what, count, 100)
        assert capsys.readouterr().err == ""
        now[0] = 20.1
        screen.scanned("decoding", 7, 100)
    assert re.fullmatch(r"\d\d:\d\d:\d\d decoding: 7 of 100\n", capsys.readouterr().err)


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(state, "verbosity", 0)
    with Screen() as screen:
        screen.rendered(NOW)
        screen.message("something")
    assert capsys.readouterr().err == ""


def test_a_run_reports_before_its_first_shard_and_counts_what_is_planned(tmp_path: Path) -> None:
    """D13: in a real run, the first report comes before any shard is complete, and it knows the totals."""
    dataset = plan_into(make_sources(tmp_path), tmp_path / "out")
    reports: list[RunProgress] = []
    run_shards(dataset.path, [0, 2], jobs=1, timeout_s=60, progress=reports.append)
    first, last = reports[0], reports[-1]
    assert (first.shards, first.clips, first.passed_seconds) == (0, 0, 0.0)
    assert (first.of_shards, first.of_clips) == (2, 5)
    assert (last.shards, last.clips) == (2, 5)
    assert last.passed_seconds == pytest.approx(last.of_seconds) == pytest.approx(last.seconds)
