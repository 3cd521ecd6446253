"""benchmarks/speed.py runs, resumes and compares within a round; its peers do the work; the page shows its results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from benchmarks import profile_steps
from benchmarks.costs import page
from benchmarks.costs.bars import LIMITS, Bar, bars
from benchmarks.costs.plot import Series, cost_svg, spread, ticks
from benchmarks.costs.results import Results, Run, line_through, read_results
from benchmarks.costs.variants import PEERS, SCHEDULE, SCRIPTS, profile_rows, select
from tests.helpers import ROOT

SPEED = ROOT / "benchmarks" / "speed.py"
RATE = 16_000


def run_of(
    variant: str, number: int, cpu_s: float, *, workload: str = "long", hours: float = 2.0, **more: float
) -> Run:
    return Run(workload, variant, number, hours, cpu_s, wall_s=cpu_s, peak_mb=100.0, **more)


def speed(*words: str) -> str:
    done = subprocess.run([sys.executable, str(SPEED), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_runs_and_resumes(tmp_path: Path) -> None:
    work = tmp_path / "work"
    some = ("--quick", "--work", str(work), "--only")
    first = speed(*some, "tiny/synth_basic", "tiny/floor", "million")
    data = json.loads((work / "results.json").read_text())
    runs = {run["variant"]: run for run in data["runs"]}
    assert list(runs) == ["synth_basic", "floor", "million"]
    assert runs["floor"]["hours"] == runs["synth_basic"]["hours"] > 0
    assert 0 < runs["floor"]["cpu_s"] < runs["synth_basic"]["cpu_s"]
    assert "plan of a million clips, peak memory" in first
    second = speed(*some[:-1], "--resume", "--only", "tiny/synth_basic", "tiny/floor", "tiny/synth_default")
    assert second.count("s CPU") == 1, second
    assert "tiny/synth_default" in second
    assert json.loads((work / "results.json").read_text())["runs"][:3] == data["runs"]


@pytest.mark.parametrize(
    ("name", "pitch_tempo"),
    [
        ("audiomentations", False),
        ("audiomentations", True),
        ("prototype", False),
        ("prototype", True),
        ("librosa", False),
    ],
)
def test_peers_do_the_work(name: str, pitch_tempo: bool, tmp_path: Path) -> None:
    """Those whose libraries synth uses itself. librosa compiles the change of pitch for too long, and lhotse needs torch."""
    script = SCRIPTS[name][0]
    for folder in ("speech", "noise", "out"):
        (tmp_path / folder).mkdir()
    generator = np.random.default_rng(1)
    for index in range(3):
        soundfile.write(tmp_path / "speech" / f"{index}.flac", 0.1 * np.sin(np.arange(RATE) * 0.1), RATE)
        soundfile.write(tmp_path / "noise" / f"{index}.flac", 0.1 * generator.standard_normal(3 * RATE), RATE)
    words = [str(tmp_path / folder) for folder in ("speech", "noise", "out")]
    extra = ["--pitch-tempo"] if pitch_tempo else []
    command = [sys.executable, "-P", str(PEERS / f"{script}.py"), *words, "--copies", "2", *extra]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    clips = [soundfile.read(path) for path in sorted((tmp_path / "out").glob("*.flac"))]
    assert len(clips) == 6
    exact = {round(RATE / factor) for factor in (0.9, 1.0, 1.1)}
    for samples, rate in clips:
        assert rate == RATE
        if pitch_tempo:
            assert RATE / 1.1**2 - 200 <= len(samples) <= RATE / 0.9**2 + 200
        else:
            assert min(abs(len(samples) - size) for size in exact) <= 1
        tone = np.abs(np.fft.rfft(samples))
        assert tone.max() > 10 * np.median(tone) > 0  # a tone, in noise


def test_every_peer_is_pinned() -> None:
    for script, _ in SCRIPTS.values():
        lines = (PEERS / f"{script}.txt").read_text().splitlines()
        pins = [line for line in lines if not line.startswith("#")]
        assert len(pins) > 1
        assert [pin for pin in pins if pin.count("==") != 1] == []
    assert {path.stem for path in PEERS.glob("*.py")} == {script for script, _ in SCRIPTS.values()}


def test_ratios_are_of_pairs_of_one_round() -> None:
    results = Results({})
    for number, (ours, floor) in enumerate([(2.0, 1.0), (30.0, 10.0), (400.0, 100.0)], start=1):
        results.add(run_of("synth_basic", number, ours))
        results.add(run_of("floor", number, floor))
    results.add(run_of("floor", 4, 0.001))  # without a partner
    assert results.ratio(("long", "synth_basic"), ("long", "floor")) == 3.0
    assert results.ratio(("long", "synth_basic"), ("short", "floor")) is None


def test_cost_is_per_hour_of_audio() -> None:
    results = Results({})
    results.add(run_of("synth_basic", 1, 10.0, hours=4.0))
    results.add(run_of("floor", 1, 10.0, hours=2.0))
    assert results.ratio(("long", "synth_basic"), ("long", "floor")) == 0.5


def test_a_run_replaces_that_of_its_round(tmp_path: Path) -> None:
    results = Results({"date": "today"})
    for cpu_s in (1.0, 2.0):
        results.add(run_of("floor", 1, cpu_s))
    results.write(tmp_path / "results.json")
    again = read_results(tmp_path / "results.json")
    assert (again.about, [run.cpu_s for run in again.runs]) == ({"date": "today"}, [2.0])


def test_bars_know_their_side() -> None:
    assert Bar("cost", 1.4, 1.5).met
    assert not Bar("cost", 1.6, 1.5).met
    assert Bar("gain", 0.96, 0.95, at_least=True).met
    assert "**unmet**" in Bar("gain", 0.94, 0.95, at_least=True).row()


def test_throughput_is_that_of_synth_over_that_of_the_peer() -> None:
    results = Results({})
    results.add(run_of("audiomentations_basic", 1, 20.0, workload="short", hours=1.2))
    results.add(run_of("synth_basic", 1, 5.0, workload="short", hours=1.3))  # its clips have margins
    (bar,) = bars(results)
    assert (bar.measured, bar.limit, bar.met) == (4.0, 1.8, True)
    assert "1.3 h" in bar.name


def test_every_bar_and_table_has_its_variants_in_the_schedule() -> None:
    """With figures for all that is scheduled, no bar is without a value."""
    results = Results({})
    for number, workload, variant in select((), before=True, peers=list(SCRIPTS), rounds=3):
        results.add(run_of(variant.name, number, 1.0, workload=workload, private_mb=1.0))
    assert len(bars(results)) == len(LIMITS)
    assert {(workload, variant.name) for workload, variant, _ in SCHEDULE} == {
        (run.workload, run.variant) for run in results.runs
    }


def test_what_is_selected() -> None:
    def names(*patterns: str, **more: object) -> set[str]:
        options = {"before": True, "peers": list(SCRIPTS), "rounds": 1, **more}
        return {f"{workload}/{variant.name}" for _, workload, variant in select(patterns, **options)}

    assert names("tiny/floor", "help") == {"tiny/floor", "alone/help"}
    assert not any("before_" in name for name in names(before=False))
    assert not any("lhotse" in name for name in names(peers=["librosa"]))
    assert any("lhotse" in name for name in names())


def test_the_profile_is_read_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    clock = profile_steps.StepClock()
    clock.seconds.update(dict.fromkeys(profile_steps.STEPS, 0.5))
    profile_steps.report(clock, clips=100, seconds=900.0, floor=1.0)
    assert profile_rows(capsys.readouterr().out) == {**dict.fromkeys(profile_steps.STEPS, 5.0), "everything else": 0.0}


def test_the_line_separates_fixed_and_marginal_cost() -> None:
    assert line_through([(0.3, 1.6), (1.2, 3.4), (4.8, 10.6)]) == pytest.approx((1.0, 2.0))
    assert line_through([(1.0, 2.0)]) is None
    assert line_through([]) is None


def test_the_plot_places_its_points() -> None:
    text = cost_svg([Series("ours & <theirs>", [(1.0, 2.0), (2.0, 4.0)])], title="a < b", note="note")
    root = ElementTree.fromstring(text)
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    (left, low), (right, high) = [(float(node.get("cx", 0)), float(node.get("cy", 0))) for node in circles]
    assert left < right
    assert low > high
    assert "prefers-color-scheme: dark" in text
    assert "0.0 s + 2.00 s per hour" in text


def test_labels_move_apart_as_little_as_possible() -> None:
    assert spread([10, 50, 90], gap=30, low=0, high=100) == [10, 50, 90]
    assert spread([50, 50], gap=30, low=0, high=100) == [35, 65]
    assert spread([10, 50, 52, 90], gap=20, low=0, high=100) == [10, 41, 61, 90]
    assert spread([99, 99, 99], gap=30, low=0, high=100) == [40, 70, 100]
    assert spread([1, 1], gap=30, low=0, high=100) == [0, 30]


@pytest.mark.parametrize("most", [0.07, 0.5, 4.9, 37.0, 800.0])
def test_axes_have_some_round_ticks(most: float) -> None:
    values = ticks(most)
    assert 4 <= len(values) <= 9
    assert values[0] == 0
    assert values[-1] <= most < values[-1] + values[1]


def test_the_page_shows_the_committed_results() -> None:
    results = read_results(ROOT / "docs" / "performance.json")
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.into_page(text, results) == text, f"run `{page.COMMAND}`"
    assert page.plot(results) == (ROOT / "docs" / "performance.svg").read_text(encoding="utf-8")
    assert page.COMMAND in text


def test_a_page_without_a_block_is_refused() -> None:
    with pytest.raises(SystemExit, match="no block between"):
        page.into_page("nothing", read_results(ROOT / "docs" / "performance.json"))
