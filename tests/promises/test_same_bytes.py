"""The bar on bytes: the tree is equal for any workers and parts, and with the surroundings of the process changed.

Each variant is a run of its own from the shell, with a cache of its own where what is cached could differ.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import FIXTURES, fixture_recipe, run_synth
from tests.small_set import tree

EFFECTS = f"""  effects:
    - speed: {{choice: [0.9, 1.0, 1.1]}}
    - pitch: {{normal: [0, 1], clip: [-3, 3]}}
      probability: 0.3
    - tempo: [0.85, 1.2]
      probability: 0.5
    - equalizer: {{tilt_db_per_octave: [-1, 1]}}
  room: {{probability: 0.4, sources: [{{name: room, path: '{FIXTURES}/room'}}]}}"""
LAYERS = f"""  layers:
    - name: cabin
      sources: [{{name: car, path: '{FIXTURES}/noise/car'}}]
      recordings: {{choice: [1, 2]}}
      effects:
        - speed: {{log_uniform: [0.85, 1.18]}}
        - pitch: [-1, 1]
        - equalizer: {{bands_db: {{normal: [0, 3]}}, tilt_db_per_octave: [-6, 6]}}
        - drift: {{depth_db: [0, 2]}}
    - name: rain
      probability: 0.5
      relative_db: [-12, 0]
      sources: [{{name: rain, path: '{FIXTURES}/noise/rain'}}]"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 clips in 4 shards: the default measure, every source resampled, noise chained and summed, stems, a channel."""
    return fixture_recipe(
        tmp_path_factory.mktemp("same"),
        head="seed: 5\nsample_rate: 22050\ncopies: 2",
        speech=f"speech:\n  sources: [{{name: spoken, path: '{FIXTURES}/speech', glob: '[a-d]*/*_[1-3].flac'}}]",
        effects=EFFECTS,
        layers=LAYERS,
        channel="channel:\n  - microphone: {low_hz: [60, 150], high_hz: [6000, 7800]}\n    probability: 0.5",
        splits="",
        output="output: {stems: true, shard_size: 6}",
    )


@pytest.fixture(scope="module")
def golden(recipe: Path) -> dict[str, str]:
    made(recipe, "golden")
    found = tree(recipe.parent / "golden")
    assert sum(name.startswith("audio/") for name in found) == 24
    assert sum(name.startswith("stems/") for name in found) == 48
    return found


def made(recipe: Path, name: str, *words: str, **env: str) -> dict[str, str]:
    """A run with the words and surroundings; the tree that it made."""
    run = run_synth("-q", "generate", recipe, "--out", recipe.parent / name, *words, env=env, cwd=recipe.parent)
    assert run.returncode == 0, run.stderr
    return tree(recipe.parent / name)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_any_number_of_workers(jobs: int, recipe: Path, golden: dict[str, str]) -> None:
    assert made(recipe, f"jobs{jobs}", "--jobs", str(jobs)) == golden


def test_any_number_of_workers_and_parts_with_tar_files(recipe: Path, golden: dict[str, str]) -> None:
    in_tars = made(recipe, "tar", "--jobs", "1", "--set", "output.layout=tar")
    assert sum(name.endswith(".tar") for name in in_tars) == 12
    assert made(recipe, "tar-jobs3", "--jobs", "3", "--set", "output.layout=tar") == in_tars
    for part in ("1/2", "0/2"):
        made(recipe, "tar-parts", "--jobs", "1", "--part", part, "--set", "output.layout=tar")
    assert run_synth("finish", recipe.parent / "tar-parts").returncode == 0
    assert tree(recipe.parent / "tar-parts") == in_tars
    loose, tars = (
        [json.loads(line)["sha256"] for line in (recipe.parent / name / "manifest.jsonl").read_text().splitlines()]
        for name in ("golden", "tar")
    )
    assert loose == tars


@pytest.mark.parametrize("count", [3, 5])
def test_parts_in_any_order_then_finish(count: int, recipe: Path, golden: dict[str, str]) -> None:
    """5 parts of 4 shards: one of them has nothing to do."""
    order = list(range(count))
    random.Random(count).shuffle(order)
    assert order != sorted(order)
    for part in order:
        assert "dataset.json" not in made(recipe, f"parts{count}", "--jobs", "1", "--part", f"{part}/{count}")
    assert run_synth("finish", recipe.parent / f"parts{count}").returncode == 0
    assert tree(recipe.parent / f"parts{count}") == golden


SURROUNDINGS = {
    "hash seed 0, locale C": {"PYTHONHASHSEED": "0", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "hash seed 1, C.UTF-8, time zone": {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Pacific/Chatham"},
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_any_surroundings(name: str, recipe: Path, golden: dict[str, str], tmp_path: Path) -> None:
    env = {"SYNTH_CACHE": str(tmp_path / "cache"), **SURROUNDINGS[name]}
    assert made(recipe, name, "--jobs", "2", **env) == golden


def test_any_folder_to_run_from_and_way_to_name_the_files(recipe: Path, golden: dict[str, str], tmp_path: Path) -> None:
    where = tmp_path / "elsewhere"
    where.mkdir()
    relative = os.path.relpath(recipe, where)
    env = {"SYNTH_CACHE": str(tmp_path / "cache"), "TMPDIR": str(where)}
    run = run_synth("-q", "generate", relative, "--out", "out/of/here", env=env, cwd=where)
    assert run.returncode == 0, run.stderr
    assert tree(where / "out" / "of" / "here") == golden


@cache
def cpu_features() -> str:
    """Those that numpy found here and can do without."""
    code = "import numpy._core._multiarray_umath as m; print(' '.join(n for n in m.__cpu_dispatch__ if m.__cpu_features__[n]))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def test_without_the_features_of_a_new_processor(recipe: Path, golden: dict[str, str], tmp_path: Path) -> None:
    """No AVX for numpy, our kernels compiled for the least processor, and linear algebra as for a Nehalem.

    Noise is decoded anew.
    """
    if not cpu_features():
        pytest.skip("numpy uses no features of this processor that it could do without")
    env = {
        "SYNTH_CACHE": str(tmp_path / "cache"),
        "NPY_DISABLE_CPU_FEATURES": cpu_features(),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "OPENBLAS_CORETYPE": "Nehalem",
    }
    assert made(recipe, "old", **env) == golden


def test_another_seed_gives_other_bytes(recipe: Path, golden: dict[str, str]) -> None:
    """The control."""
    other = made(recipe, "seed", "--set", "seed=6")
    same = {name for name in golden if other.get(name) == golden[name]}
    assert not {name for name in same if name.startswith("audio/")}
