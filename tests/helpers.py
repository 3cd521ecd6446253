"""What many tests need: the fixtures of the repo, the real audio where there is some, and `synth` run as a person does."""

from __future__ import annotations

import atexit
import functools
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.warm_process import WarmProcess

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
REAL_AUDIO = os.environ.get("SYNTH_TEST_AUDIO")
LONG = bool(os.environ.get("SYNTH_LONG"))
"""Whether the long forms of tests run: more kills, clips, pairs and mutants of the same kind."""

_FRESH = ("PYTHON", "LD_", "OMP_", "OPENBLAS_", "MKL_", "NPY_", "SYNTH_CRASH")
"""Variables that count when an interpreter starts."""

needs_real_audio = pytest.mark.skipif(
    not REAL_AUDIO, reason="SYNTH_TEST_AUDIO does not name a folder of real recordings"
)


REVIEW_DESIGN = {"seed": 0, "by": "errors", "clips": 1000, "wrong": 100, "errors": 100.0, "words": 1000.0} | {
    "measure": "error rate",
    "unit": "clip",
    "split": "dev",
    "predictions": "gone.csv",
    "predictions_sha256": "",
}
"""How the clips of a review were drawn."""


def real_audio() -> Path:
    assert REAL_AUDIO
    return Path(REAL_AUDIO)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


@functools.cache
def _warm_process() -> WarmProcess:
    warm = WarmProcess()
    atexit.register(warm.close)
    return warm


def run_synth(
    *words: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`synth` in a process of its own: a forked one of a warm process, or a fresh interpreter if `env` needs that."""
    arguments = [str(word) for word in words]
    if not sys.platform.startswith("linux") or any(name.startswith(_FRESH) for name in env or ()):
        command = [sys.executable, "-c", "from synth.cli import main; main()", *arguments]
        full = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=full, cwd=cwd, timeout=900)
    ended = _warm_process().call(*arguments, env=env, cwd=cwd)
    if ended.hung:
        raise subprocess.TimeoutExpired(arguments, 300, ended.stdout, ended.stderr)
    output = [io.StringIO(text, newline=None).read() for text in (ended.stdout, ended.stderr)]
    return subprocess.CompletedProcess(arguments, ended.returncode, *output)


def fixture_recipe(folder: Path, **changes: str) -> Path:
    """A recipe on the fixtures in `folder`, as text blocks that a test may replace by name."""
    blocks = {
        "head": "schema: 1\nseed: 23\nsample_rate: 16000\ncopies: 1",
        "speech": f"speech:\n  sources: [{{name: spoken, path: '{FIXTURES}/speech', manifest: '{FIXTURES}/speech/metadata.csv'}}]",
        "effects": "  effects:\n    - speed: {choice: [0.9, 1.0, 1.1]}",
        "margins": "margins_s: [0.2, 0.5]",
        "noise": "noise:\n  snr_db: [0, 20]",
        "layers": f"  layers:\n    - {{name: cabin, sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]}}",
        "level": "level_dbfs: [-32, -18]",
        "splits": "splits: {by: [speaker], train: 1.0}",
        "output": "output: {format: flac}",
        **changes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text("\n".join(block for block in blocks.values() if block) + "\n")
    return path
