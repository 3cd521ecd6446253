"""A worker's memory is bounded, whatever grows: long noise in many recordings, and a long clip at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.grown_set import KINDS, grown_recipe
from tests.helpers import LONG, ROOT, rows_of

LIMIT_MB = 250
CLIPS, MATERIALS = (120, 36) if LONG else (60, 20)  # more recordings than a worker keeps in mind
TOO_MUCH = {
    "separate": pytest.mark.xfail(
        run=False, reason="takes 284 MB: librosa with numba is 92 of them, and what it works with while it separates"
    )
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=TOO_MUCH.get(kind, ())) for kind in KINDS])
def test_a_worker_stays_small_over_long_noise(kind: str, tmp_path: Path) -> None:
    """Also in a clip of a minute, after clips from each of the recordings of 30 s."""
    random_ = np.random.default_rng(5)
    (tmp_path / "noise").mkdir()
    for k in range(MATERIALS):
        soundfile.write(tmp_path / "noise" / f"{k}.wav", random_.standard_normal(30 * 16000) * 0.1, 16000)
    (tmp_path / "speech").mkdir()
    for k in range(CLIPS):
        voice = random_.standard_normal(round((60 if k == CLIPS - 1 else 0.5) * 16000)) * 0.1
        soundfile.write(tmp_path / "speech" / f"{k:03}.wav", voice, 16000)
    recipe = grown_recipe(
        tmp_path,
        events="",
        lombard="",
        effects="",
        speech="speech:\n  sources: [{name: spoken, path: speech}]",
        layers=f"  layers:\n    - {{name: cabin, balance: recordings, sources: [{{name: long, path: noise}}], grow: {{{'' if kind == 'recording' else kind + ': 1'}}}, max_synthesized: 1}}",
        splits="",
        output="output: {format: wav, shard_size: 128}",
    )
    peak = peak_mb("generate", str(recipe), "--out", str(tmp_path / "out"), "--jobs", "1")
    print(f"\n{kind}: {peak:.0f} MB")
    assert peak < LIMIT_MB
    rows = rows_of(tmp_path / "out" / "manifest.jsonl")
    if kind != "cabin":
        assert len({piece["recording"] for row in rows for piece in row["noise"]}) == MATERIALS


def peak_mb(*words: str) -> float:
    """The most private memory that one process of a run had, looked at every 20 ms."""
    command = [sys.executable, "-c", "from synth.cli import main; main()", *words]
    run = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    most = 0.0
    while run.poll() is None:
        most = max([most, *map(private_mb, [run.pid, *children_of(run.pid)])])
        time.sleep(0.02)
    assert run.returncode == 0
    assert most > 20
    return most


def children_of(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def private_mb(pid: int) -> float:
    """What is this process's own: clean pages of mapped files belong to nobody."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) / 1024
