"""Kernels are compiled once, also where the package folder is read-only, and for every processor alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import synth.dsp.kernels

KERNEL = """
import numba
from synth.dsp.kernels.compiler import kernel

@kernel("float64(Array(float64, 1, 'C', readonly=True))")
def weigh(samples):
    total = 0.0
    for k in range(samples.size):
        total += samples[k] / (k + 1)
    return total
"""


def run(folder: Path, **env: str) -> str:
    """Import the kernel in `folder` in a fresh process; returns its result and how often numba had it in its cache."""
    code = (
        "import numpy as np, weights; x = np.arange(1e5); x.flags.writeable = False; w = weights.weigh; "
        "print(repr(w(x)), repr(w(x[:7].copy())), sum(w.stats.cache_hits.values()) if hasattr(w, 'stats') else '')"
    )
    root = Path(synth.dsp.kernels.__file__).parents[3]
    variables = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{root}", **env}
    result = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "package"
    path.mkdir()
    (path / "weights.py").write_text(KERNEL)
    return path


def test_a_second_process_loads_what_the_first_compiled(folder: Path, tmp_path: Path) -> None:
    first, second = (run(folder, HOME=str(tmp_path / "home")) for _ in range(2))
    assert first.split()[:2] == second.split()[:2]
    assert (first.split()[-1], second.split()[-1]) == ("0", "1")


def test_it_works_where_the_package_folder_is_read_only(folder: Path, tmp_path: Path) -> None:
    (folder / "__pycache__").write_text("a file, so that not even root can put anything into this folder")
    home = tmp_path / "home"
    results = [run(folder, HOME=str(home), XDG_CACHE_HOME=str(home / "cache")) for _ in range(2)]
    assert [text.split()[-1] for text in results] == ["0", "1"]
    assert [*home.rglob("*.nbc")]


def test_it_works_where_no_folder_can_be_written(folder: Path, tmp_path: Path) -> None:
    (folder / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "below")  # not even root can make it
    results = [run(folder, HOME=nowhere, XDG_CACHE_HOME=nowhere) for _ in range(2)]
    assert results[0] == results[1]


def test_the_bytes_are_those_of_the_simplest_processor(folder: Path, tmp_path: Path) -> None:
    ours = run(folder)
    shutil.rmtree(folder / "__pycache__")
    generic = run(folder, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert ours.split()[:2] == generic.split()[:2]
