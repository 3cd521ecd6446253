"""What processes load: a worker of `generate` nothing of its own, and none of them a slow library without need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from synth.catalog.probe import AudioSegment
from synth.processes.pool import Pool
from tests import small_set

ROOT = Path(__file__).resolve().parents[2]
SLOW = frozenset(("audiomentations", "librosa", "matplotlib", "numba", "scipy", "sklearn", "torch"))

#: Makes a data set as `generate` does, and prints which modules its worker had when it started, and got in addition.
PROGRAM = """
import json, os, sys
from pathlib import Path
from synth.processes.threads import pin_threads, thread_count
pin_threads()
from tests import small_set
from synth.execute import local, worker
folder, overrides = Path(sys.argv[1]), sys.argv[2:]
make, parent = worker.run_shard, os.getpid()

def run_shard(*arguments):
    before = set(sys.modules)
    result = make(*arguments)
    assert os.getppid() == parent
    (folder / "loaded.json").write_text(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
    return result

worker.run_shard = run_shard
dataset = small_set.plan_into(folder / "recipe.yaml", folder / "out", overrides)
local.run_shards(dataset.path, [0], jobs=1, timeout_s=60)
assert thread_count() == 1, "a process of several threads does not fork"
print((folder / "loaded.json").read_text())
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imports")
    small_set.make_sources(folder / "set")
    return folder / "set"


def loaded(sources: Path, folder: Path, *overrides: str) -> tuple[set[str], set[str]]:
    """Modules of a worker at its start, and those that it imported, when all kernels are compiled."""
    for name in ("speech", "noise", "recipe.yaml"):
        (folder / name).symlink_to(sources / name)
    program = [sys.executable, "-P", "-c", PROGRAM, str(folder), *overrides]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):  # the first may compile kernels
        shutil.rmtree(folder / "out", ignore_errors=True)
        result = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
    before, imported = json.loads(result.stdout.splitlines()[-1])
    return set(before), {name for name in imported if not name.startswith("numpy.fft")}  # light: a filter's


def slow(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & SLOW


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux only")
@pytest.mark.parametrize(
    "overrides",
    [
        ("noise.measure=rms", "noise.weighting=none"),
        ("noise.measure=active", "output.stems=false"),
        ("noise.measure=rms", "speech.effects=[{tempo: [0.9, 1.1]}, {pitch: 2}]"),
        ("noise.measure=active", "channel=[{microphone: {}}, {agc: {}}, {shelf: 3}, {equalizer: {}}]"),
    ],
)
def test_a_worker_imports_and_compiles_nothing(sources: Path, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    before, imported = loaded(sources, tmp_path, *overrides)
    assert imported == set()
    assert slow(before) == set()  # without numba nothing can be compiled


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux only")
@pytest.mark.parametrize(
    ("engine", "module"), [("wsola", "synth.dsp.kernels.native"), ("signalsmith", "python_stretch.Signalsmith")]
)
def test_an_engine_is_loaded_before_the_fork(sources: Path, tmp_path: Path, engine: str, module: str) -> None:
    before, imported = loaded(sources, tmp_path, f"speech.effects=[{{tempo: {{factor: 0.9, engine: {engine}}}}}]")
    assert imported <= {"synth.dsp.kernels.stretch_sizes"}
    assert slow(before) == set()
    assert module in before


def test_helpers_of_a_scan_load_little(sources: Path, tmp_path: Path) -> None:
    noise = sources / "noise" / "noise0.wav"
    segment = AudioSegment(str(sources), 0, 12000, "mean")
    tasks = [
        (str(noise), "synth.catalog.probe:probe", (str(sources),)),
        (str(noise), "synth.catalog.noise_decode:decode_noise", (segment, 8000, str(tmp_path))),
    ]
    for task in tasks:
        for _ in range(2):  # the first may compile kernels
            with Pool(1) as pool:
                ((_, modules),) = pool.map("tests.loaded_modules:after", [task], timeout_s=60)
        assert slow(set(modules)) == set(), task
        assert not any(name.startswith(("synth.cli", "synth.plan", "synth.render", "typer")) for name in modules), task


def test_a_plan_loads_no_slow_library(sources: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom synth.cli import run\n"
        f"assert run(['plan', {str(sources / 'recipe.yaml')!r}]) == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SYNTH_CACHE": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert slow(set(result.stdout.splitlines()[-1].split())) == set()
