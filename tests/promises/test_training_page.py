"""docs/training.md, run. Where torch is not installed, a small stand-in loads the batches with worker processes."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import FIXTURES, ROOT, run_synth

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
STAND_IN = '''\
"""As much of torch as the page uses: arrays for tensors, and a DataLoader of forked or spawned processes."""
import multiprocessing
import pickle
import random

import numpy as np

from_numpy = tensor = np.asarray


class WeightedRandomSampler:
    pass


def _begin(data, collate):
    global _work
    _work = pickle.loads(data), collate  # as a spawned worker gets it


def _batch(indices):
    data, collate = _work
    return collate([data[i] for i in indices])


class DataLoader:
    def __init__(self, data, batch_size, shuffle, num_workers, collate_fn):
        order = list(range(len(data)))
        random.Random(0).shuffle(order)
        self.batches = [order[k : k + batch_size] for k in range(0, len(order), batch_size)]
        self.pool = num_workers, _begin, (pickle.dumps(data), collate_fn)

    def __iter__(self):
        with multiprocessing.get_context("fork").Pool(*self.pool) as pool:
            yield from pool.imap(_batch, self.batches)
'''


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of the page were run."""
    folder = tmp_path_factory.mktemp("training")
    places = {"SPEECH_DIR": str(FIXTURES / "speech"), "NOISE_DIR": str(FIXTURES / "noise" / "car")}
    (commands,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in commands.splitlines():
        few = ["--set", "copies=1"] if "generate" in line else []
        done = run_synth(*(places.get(word, word) for word in line.split()[1:]), *few, cwd=folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    if importlib.util.find_spec("torch") is None:
        package = folder / "torch" / "utils" / "data"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("from torch import DataLoader, WeightedRandomSampler\n")
        (folder / "torch" / "__init__.py").write_text(STAND_IN)
        (package.parent / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("number", range(3))
def test_the_python_of_the_page_works(folder: Path, number: int) -> None:
    blocks = python_blocks()
    assert len(blocks) == 3
    (folder / "example.py").write_text(blocks[number])
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr
    if number == 2:
        sizes = [int(line.split("(")[1].split(",")[0]) for line in done.stdout.splitlines()]
        assert sum(sizes) == len((folder / "data/augmented/train.jsonl").read_text().splitlines()) > 20
    else:
        assert len(done.stdout.splitlines()) == 2
