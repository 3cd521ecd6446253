from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf


@pytest.fixture
def real_audio() -> Path:
    """The folder of real recordings that SYNTH_TEST_AUDIO names."""
    folder = os.environ.get("SYNTH_TEST_AUDIO")
    if not folder:
        pytest.skip("SYNTH_TEST_AUDIO does not name a folder of real recordings")
    return Path(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def make_sound(tmp_path: Path):
    """Write a sound file of `seconds` of soft noise (the same for the same seed) and give its samples."""

    def make(
        path: str | Path, seconds: float = 0.5, *, rate: int = 8000, channels: int = 1, seed: int = 1, subtype=None
    ):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.RandomState(seed).standard_normal((round(seconds * rate), channels))
        sf.write(path, samples, rate, subtype=subtype)
        return sf.read(path, always_2d=True)[0]

    return make


def age(*paths: Path) -> None:
    """Set the time of change back: what changed in the last two seconds is never kept in a cache."""
    for path in paths:
        os.utime(path, (1_600_000_000, 1_600_000_000))


@pytest.fixture
def aged():
    return age
