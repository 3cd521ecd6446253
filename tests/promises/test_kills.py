"""Kills of the whole process group at random moments of every phase: run it again, and the bytes are the same.

One kill per phase; with SYNTH_LONG=1 or SYNTH_TEST_KILLS=N more. `tests.crash_loop` kills at every point of the code.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers import LONG, ROOT, run_synth
from tests.small_set import RECIPE, make_sources, tree

PHASES = ("scan", "render", "rename", "part", "merge") if LONG else ("scan", "rename", "merge")
KILLS = int(os.environ.get("SYNTH_TEST_KILLS") or (20 if LONG else len(PHASES)))
KILLS_PER_PHASE = KILLS // len(PHASES)
TRIES = 40


def phase(out: Path) -> str:
    """What a run is at, as far as its directory shows."""
    private = out / ".synth"
    if not (private / "plan.json").exists():
        return "scan"
    if (out / "dataset.json").exists():
        return "done"
    parts = len(list((private / "parts").glob("*.jsonl"))) if (private / "parts").exists() else 0
    if (out / "manifest.jsonl").exists() or parts == 4:
        return "merge"
    made = Counter(path.suffix for path in (out / "audio").rglob("*")) if (out / "audio").exists() else Counter()
    shards = made[".tar"] + made[".wav"] / 32
    if shards > parts:
        return "rename"
    return "part" if shards and shards == parts else "render"


def kill_in(wanted: str, recipe: Path, out: Path, env: dict[str, str], random_: random.Random) -> str | None:
    """Start a run and kill its process group once it is seen in a phase; the phase in which it died, None if it ended."""
    command = [sys.executable, "-c", "from synth.cli import main; main()", "generate", str(recipe), "--out", str(out)]
    process = subprocess.Popen(
        command, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and phase(out) != wanted:
        time.sleep(0.0002)
    time.sleep(random_.uniform(0, {"scan": 0.5, "render": 0.05}.get(wanted, 0.0)))
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return phase(out)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("layout", "made"), [("files", {".wav": 128}), ("tar", {".tar": 4})], ids=["files", "tar"])
def test_kills_in_every_phase_leave_the_same_bytes(layout: str, made: dict[str, int], tmp_path: Path) -> None:
    recipe = make_sources(tmp_path, speech=64)
    text = RECIPE.replace("shard_size: 3, stems: true", f"shard_size: 32, format: wav, layout: {layout}")
    recipe.write_text(text)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    golden = run_synth("generate", recipe, "--out", tmp_path / "golden", env={"SYNTH_CACHE": str(tmp_path / "cache")})
    assert golden.returncode == 0, golden.stderr
    expected = tree(tmp_path / "golden")
    assert made == Counter(Path(path).suffix for path in expected if path.startswith("audio/"))
    hits: Counter[str] = Counter()
    random_ = random.Random(7)
    for wanted in PHASES:
        for number in range(KILLS_PER_PHASE):
            for attempt in range(TRIES):
                out = tmp_path / f"{wanted}-{number}-{attempt}"
                cache = str(tmp_path / (f"cache-{out.name}" if wanted == "scan" else "cache"))
                died_in = kill_in(wanted, recipe, out, {**env, "SYNTH_CACHE": cache}, random_)
                if died_in in PHASES:
                    break
            else:
                pytest.fail(f"never caught a run in {wanted}")
            hits[died_in] += 1
            again = run_synth("generate", recipe, "--out", out, env={"SYNTH_CACHE": cache})
            assert again.returncode == 0, again.stderr
            assert tree(out) == expected, f"killed in {died_in}"
    print(f"\nkilled {sum(hits.values())} times: {dict(hits)}")
    assert sum(hits.values()) == KILLS_PER_PHASE * len(PHASES)
    assert set(hits) == set(PHASES)
