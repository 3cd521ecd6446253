"""Environments of real readers, made by tests/consumers/environment.sh: the path of their Python, or a skipped test."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.helpers import LONG, ROOT

FOLDER: Final = Path(__file__).parent
PLACE: Final = Path(os.environ.get("SYNTH_CONSUMERS") or ROOT / ".consumers")
ENVIRONMENTS: Final = ("light", "torch")


@functools.cache
def python_of(name: str) -> Path:
    """The Python of an environment; the long form makes the environment, the short form uses what there is.

    Raises:
        Skipped: it does not exist, or, in the short form, it is the one with torch.
    """
    if not LONG:
        if name == "torch":
            pytest.skip("SYNTH_LONG=1 runs the readers that need torch")
        if not (PLACE / name / "made-from").is_file():
            pytest.skip(f"needs the program tests/consumers/environment.sh {name}")
    script = [str(FOLDER / "environment.sh"), name]
    done = subprocess.run(
        script, capture_output=True, text=True, check=False, timeout=1100, env={**os.environ, "PYTHON": sys.executable}
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def run_reader(
    environment: str, script: str, *arguments: str | Path, cwd: Path | None = None, folder: str = "readers"
) -> Any:
    """What tests/consumers/readers/<script>.py prints in an environment, which is JSON; or one in another folder.

    A reader may use nothing of synth, so neither the repository nor its packages are on the path.
    """
    command = [python_of(environment), FOLDER / folder / f"{script}.py", *arguments]
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        cwd=cwd,
        env=environment_variables(),
    )
    assert done.returncode == 0, f"{script}: {done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return json.loads(done.stdout.strip().split("\n")[-1])


def environment_variables() -> dict[str, str]:
    """Variables of a reader's process: no network, one thread, nothing of the product on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SYNTH_"))}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**kept, **offline, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
