"""Kernels of filters: the tests of what they compute are in tests/dsp/test_sections.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import synth.dsp.kernels

FILTER = """
import hashlib
import numpy as np
from synth.dsp import levels, sections
x = np.random.RandomState(0).standard_normal(20011)
sos = levels.weighting_filter("a", 16000)
for result in (sections.filtered(sos, x), sections.block_sums(sos, x, block=16, span=slice(777, 19000)),
               sections.running_mean(x, 0.97)):
    print(hashlib.sha256(result.tobytes()).hexdigest())
"""


def digests(cache: Path, **env: str) -> str:
    root = Path(synth.dsp.kernels.__file__).parents[3]
    variables = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(cache), **env}
    result = subprocess.run([sys.executable, "-c", FILTER], env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_bytes_are_those_of_the_simplest_processor(tmp_path: Path) -> None:
    """Vectors of eight numbers are cut to what the processor has; none multiplies and adds in one step."""
    ours = digests(tmp_path / "ours")
    generic = digests(tmp_path / "generic", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert ours == generic
    assert len(set(ours.split())) == 3
