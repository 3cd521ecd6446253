"""Killed, or out of disk, or with a broken disk, at any step: nothing half-written has a final name, and a resume ends
in the same bytes. The steps are counted up until the run comes through, as SQLite is tested."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import finish
from synth.dataset.reader import split_at_tar
from synth.dataset.status import status
from tests import small_set
from tests.helpers import LONG

ROOT = Path(__file__).resolve().parents[2]

KILLS = 20 if LONG else 6

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks"),
    # pytest-timeout has a thread of its own; the children that are forked here do not mind.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


@pytest.fixture(scope="module", params=["files", "tar"])
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a plan of 4 clips in 2 shards, and nothing made yet; tar files have stems beside them."""
    folder = tmp_path_factory.mktemp("small")
    recipe = small_set.make_sources(folder / "in", speech=2)
    stems = str(request.param == "tar").lower()
    overrides = ["output.shard_size=2", f"output.stems={stems}", f"output.layout={request.param}"]
    small_set.plan_into(recipe, folder / "out", overrides)
    return folder / "out"


@pytest.fixture(scope="module")
def golden(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("golden") / "out"
    shutil.copytree(begun, out)
    small_set.make_inline(DatasetDir(out), range(2))
    return small_set.tree(out)


def check_no_lie(out: Path, golden: dict[str, str]) -> None:
    """Whatever stands under a final name is whole; `dataset.json` stands there only when all the rest does."""
    found = small_set.tree(out)
    assert all(golden[name] == sha256 for name, sha256 in found.items())
    assert "dataset.json" not in found or found == golden
    for part in (out / ".synth" / "parts").glob("*"):
        rows = part.read_text().splitlines()[1:]
        assert all(split_at_tar(json.loads(row)["audio_filepath"])[0] in found for row in rows)


def enumerate_points(
    tmp_path: Path, begun: Path, golden: dict[str, str], mode: str, make: Callable[[DatasetDir], object]
) -> int:
    """Crash at step 1, 2, 3, ... (in the short form every third), look, resume, compare; return the last step tried."""
    for point in range(1, 500, 1 if LONG else 3):
        out = tmp_path / str(point)
        shutil.copytree(begun, out)
        dataset = DatasetDir(out)
        code, reached = small_set.in_child(lambda: make(dataset), f"{point}:{mode}")  # noqa: B023 - used at once
        check_no_lie(out, golden)
        assert code != 0 or small_set.tree(out) == golden
        assert code in ((0, -9) if mode == "kill" else (0, 1))
        assert small_set.in_child(lambda: make(dataset))[0] == 0  # noqa: B023
        assert small_set.tree(out) == golden
        assert not any((out / ".synth" / "tmp").glob("*"))
        shutil.rmtree(out)
        if not reached:
            return point - 1
    raise AssertionError("it never came through")


@pytest.mark.parametrize("mode", ["kill", "enospc", "eio"])
def test_every_step_of_making_and_merging(tmp_path: Path, begun: Path, golden: dict[str, str], mode: str) -> None:
    points = enumerate_points(tmp_path, begun, golden, mode, lambda dataset: small_set.make_inline(dataset, range(2)))
    assert points > 50


def test_every_third_step_of_a_worker_under_the_engine(tmp_path: Path, begun: Path, golden: dict[str, str]) -> None:
    """A worker that is killed is replaced; one that is killed at the same step each time ends the run."""
    for point in range(1, 60, 3):
        out = tmp_path / str(point)
        shutil.copytree(begun, out)
        dataset = DatasetDir(out)

        def make(dataset: DatasetDir = dataset) -> None:
            small_set.make_with_engine(dataset, range(2), jobs=2)

        small_set.in_child(make, f"{point}:kill")
        check_no_lie(out, golden)
        assert small_set.in_child(make)[0] == 0
        assert small_set.tree(out) == golden


def test_every_step_of_writing_the_plan(tmp_path: Path) -> None:
    recipe = small_set.make_sources(tmp_path / "in", speech=2)
    first = small_set.plan_into(recipe, tmp_path / "first")  # fills the caches
    small_set.make_inline(first, range(2))
    golden = small_set.tree(first.path)
    for point in range(1, 500, 3):
        out = tmp_path / str(point)
        code, reached = small_set.in_child(lambda: small_set.plan_into(recipe, out), f"{point}:kill")  # noqa: B023
        assert code == (-9 if reached else 0)
        small_set.make_inline(small_set.plan_into(recipe, out), range(2))
        assert small_set.tree(out) == golden
        shutil.rmtree(out)
        if not reached:
            break
    assert point > 20


def test_killed_at_random(tmp_path: Path) -> None:
    """The whole process group of a program that plans, makes with two workers, and merges."""
    recipe = small_set.make_sources(tmp_path / "in", speech=24)
    small_set.make_inline(small_set.plan_into(recipe, tmp_path / "golden"), range(16))
    golden = small_set.tree(tmp_path / "golden")
    out = tmp_path / "out"
    rng = random.Random(5)
    kills, longest = 0, 0.5
    for _ in range(10 * KILLS):
        if kills == KILLS:
            break
        started = start_program(recipe, out)
        while started.poll() is None and not (out / ".synth" / "parts").exists():
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, longest))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        if started.returncode == -signal.SIGKILL:
            kills += 1
        else:  # it was faster than the kill
            longest *= 0.7
        check_no_lie(out, golden)
        if (out / "dataset.json").exists():
            shutil.rmtree(out)
    last = start_program(recipe, out)
    assert (last.communicate()[1], last.returncode) == ("", 0)
    assert small_set.tree(out) == golden
    assert kills == KILLS


def start_program(recipe: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.small_set", str(recipe), str(out), "2"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def test_a_disk_that_is_full(tmp_path: Path, begun: Path, golden: dict[str, str]) -> None:
    """A real one: a small tmpfs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        out = disk / "out"
        shutil.copytree(begun, out)
        filler = disk / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(disk).free - 12_000))
        dataset = DatasetDir(out)
        assert small_set.in_child(lambda: small_set.make_with_engine(dataset, range(2), jobs=2))[0] == 1
        check_no_lie(out, golden)
        filler.unlink()
        assert small_set.in_child(lambda: small_set.make_inline(dataset, range(2)))[0] == 0
        assert small_set.tree(out) == golden
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_finish_alone_is_idempotent_and_status_knows(tmp_path: Path, begun: Path, golden: dict[str, str]) -> None:
    out = tmp_path / "out"
    shutil.copytree(begun, out)
    dataset = DatasetDir(out)
    small_set.make_inline(dataset, [1], merge=False)
    state = status(dataset)
    assert (state.shards, state.missing, state.clips, state.complete) == (2, (0,), 2, False)
    small_set.make_inline(dataset, [0])
    finish(dataset)
    assert small_set.tree(out) == golden
    assert status(dataset).complete
