"""Machine code of kernels is kept, and loaded without numba; where that is not possible, numba's kernel is called."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synth
from synth.dsp import sections
from synth.dsp.kernels import native
from synth.dsp.stretch_sizes import Sizes
from tests.dsp.kernels.scratch import SOURCE

ROOT = Path(synth.__file__).parents[1]
KERNELS = [
    ("filters", "filter_lanes"),
    ("filters", "block_sums"),
    ("filters", "average"),
    ("mixing", "energy_and_peak"),
    ("mixing", "round_sum"),
    ("mixing", "energy_of_steps"),
    ("wsola", "stretch_into"),
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with a module of kernels, for which nothing is compiled yet."""
    kernels = tmp_path / "synth/dsp/kernels"
    kernels.mkdir(parents=True)
    for folder in ("synth", "synth/dsp", "synth/dsp/kernels"):
        for path in (ROOT / folder).glob("*.py"):
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "synth/paths").symlink_to(ROOT / "synth/paths")
    (kernels / "scratch.py").write_text(SOURCE)
    return tmp_path


def run(package: Path, code: str, **env: str) -> list[str]:
    """Run code in a fresh process with the package; what it prints, then whether it has loaded numba."""
    code = (
        f"import sys; import numpy as np; from synth.dsp.kernels import native; {code}; print('numba' in sys.modules)"
    )
    variables = {**os.environ, "PYTHONPATH": str(package), "SYNTH_CACHE": str(package / "cache"), **env}
    result = subprocess.run(
        [sys.executable, "-P", "-c", code], env=variables, cwd=package, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


SUM = "print(*native.load('scratch', 'moments')(np.arange(5.0), 2, 0.5))"


def test_a_second_process_needs_no_numba(package: Path) -> None:
    assert run(package, SUM) == ["5.0", "15.0", "2", "True"]
    assert run(package, SUM) == ["5.0", "15.0", "2", "False"]


def test_it_works_where_the_package_folder_is_read_only(package: Path) -> None:
    (package / "synth/dsp/kernels/__pycache__").write_text("a file, so that not even root can put anything here")
    assert run(package, SUM)[-1] == "True"
    assert run(package, SUM) == ["5.0", "15.0", "2", "False"]
    assert [*(package / "cache/kernels").glob("*.native")]


def test_it_works_where_no_folder_can_be_written(package: Path) -> None:
    (package / "synth/dsp/kernels/__pycache__").write_text("")
    (package / "cache").write_text("")
    for _ in range(2):
        assert run(package, SUM) == ["5.0", "15.0", "2", "True"]


@pytest.mark.parametrize("damage", ["", "cut", "flip"])
def test_damaged_code_is_never_run(package: Path, damage: str) -> None:
    run(package, SUM)
    (path,) = (package / "synth/dsp/kernels/__pycache__").glob("scratch.moments-*.native")
    content = path.read_bytes()
    middle = len(content) * 3 // 4
    path.write_bytes(
        {"": b"", "cut": content[:middle], "flip": content[:middle] + b"?" + content[middle + 1 :]}[damage]
    )
    assert run(package, SUM) == ["5.0", "15.0", "2", "True"]
    assert run(package, SUM)[-1] == "False"


def test_a_change_of_any_kernel_module_compiles_again(package: Path) -> None:
    run(package, SUM)
    path = package / "synth/dsp/kernels/scratch.py"
    path.write_text(path.read_text().replace("factor * samples[k]", "3 * factor * samples[k]"))
    assert run(package, SUM) == ["15.0", "45.0", "2", "True"]


def test_another_processor_has_its_own_code_and_the_same_result(package: Path) -> None:
    first = run(package, SUM)
    assert run(package, SUM, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == first


def test_a_kernel_that_makes_arrays_stays_with_numba(package: Path) -> None:
    for _ in range(2):
        assert run(package, "print(native.load('scratch', 'makes_an_array')(3.0))") == ["9.0", "True"]


@pytest.mark.parametrize(("module", "name"), KERNELS)
def test_what_every_clip_needs_is_loaded_without_numba(module: str, name: str) -> None:
    code = f"from synth.dsp.kernels import native; native.load({module!r}, {name!r})"
    subprocess.run([sys.executable, "-P", "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    code += "; import sys; sys.exit('numba' in sys.modules or 'scipy' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


def arguments_of(name: str) -> list[Any]:
    """Arguments for a kernel, the same each time."""
    rng = np.random.default_rng(1)
    speech, noise = rng.standard_normal(20_000), rng.standard_normal(30_001) * 0.1
    steps, pcm = rng.integers(-32768, 32768, 30_001).astype(np.int16), np.zeros(30_001, np.int16)
    (band,) = sections._cascades(sections.butterworth(4, low_hz=200, high_hz=7000, sample_rate=16000).tobytes())
    scratch, nothing = np.empty((3, 512)), np.zeros(0)
    sizes = Sizes.at(16000)
    fine = len(speech) + 2 * sizes.lead
    coarse = fine // sizes.factor
    return {
        "filter_lanes": [noise, band.sections, band.gain, band.memory, np.zeros_like(noise)],
        "block_sums": [noise, 100, 29_000, band.sections, band.gain, band.memory, 16, np.zeros((2, 1807))],
        "average": [speech, 0.99, 0.5, np.zeros_like(speech)],
        "energy_and_peak": [speech, 5_000, noise, np.zeros(0, np.int16), 1.0, 0.7, 30_001, scratch],
        "round_sum": [pcm, speech, 5_000, nothing, steps, 2.0**-18, 0.7, 0.3, scratch],
        "energy_of_steps": [steps],
        "stretch_into": [
            *(speech, 2.0 ** (sizes.bits - 3), np.array(sizes)),
            *(np.zeros(fine, np.int16), np.zeros(fine + 1, np.int64)),
            *(np.zeros(coarse, np.int16), np.zeros(coarse + 1, np.int64)),
            np.zeros((2, len(speech) // sizes.block // 6 + 2), np.int64),
            np.zeros(6 * sizes.drift // sizes.factor + 2 * sizes.factor + 8),
            np.zeros(24_000),
        ],
    }[name]


@pytest.mark.parametrize(("module", "name"), KERNELS)
def test_machine_code_gives_the_bits_of_numba(module: str, name: str) -> None:
    compiled = getattr(importlib.import_module(f"synth.dsp.kernels.{module}"), name)
    loaded = native.load(module, name)
    assert loaded is not compiled
    ours, theirs = arguments_of(name), arguments_of(name)
    result = loaded(*ours)
    assert result == compiled(*theirs)
    arrays = [(a, b) for a, b in zip(ours, theirs, strict=True) if isinstance(a, np.ndarray)]
    assert all(np.array_equal(a, b) for a, b in arrays if a.shape != (3, 512))
    assert result is not None or arrays[-1][1].any()


def test_an_unknown_version_of_numba_keeps_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.dsp.kernels import compiler, filters

    assert compiler.machine_code(filters.average) is not None
    monkeypatch.setattr(compiler, "_KNOWN_VERSIONS", ((0, 1),))
    assert compiler.machine_code(filters.average) is None


def test_arrays_are_checked_before_they_are_passed() -> None:
    average = native.load("filters", "average")
    right, out = np.ones(4), np.empty(4)
    average(right, 0.5, 0.0, out)
    fixed = np.empty(4)
    fixed.flags.writeable = False
    for samples, result in (
        (right.astype(np.float32), out),
        (right.reshape(2, 2), out),
        (np.ones(8)[::2], out),
        (right, fixed),
    ):
        with pytest.raises(TypeError, match="expects an array of 1 axes of float64"):
            average(samples, 0.5, 0.0, result)
    with pytest.raises(ValueError, match="argument"):
        average(right, 0.5, 0.0)
