"""What holds for every test: one thread per numerical library, a cache in a folder of the test run, and shared fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import soundfile

from synth.processes.threads import pin_threads

# As the command line does, and before any test imports numpy. With more workers than cores, threads that wait for each
# other cost 15 times the CPU (test_compare.py: 84 s in place of 5.8 s).
pin_threads()


_LONGEST_FIRST: Final = (
    "test_digits_in_car.py",
    "test_fit.py",
    "test_matching_page.py",
    "test_fuzz.py",
    "test_docs.py",
    "test_crash_loop.py",
    "test_kills.py",
    "test_crash_points.py",
    "test_select.py",
    "test_profiler.py",
    "test_grown.py",
    "test_same_bytes.py",
    "test_coverage.py",
    "test_compare.py",
)
"""Files that take longest. A worker takes a whole file, so a long one that comes last keeps one core waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """With SYNTH_TEST_PROGRAMS=all, a test that is skipped because a program is missing has failed."""
    result = yield
    report = result.get_result()
    if (
        report.skipped
        and os.environ.get("SYNTH_TEST_PROGRAMS") == "all"
        and "needs the program" in str(report.longrepr)
    ):
        report.outcome = "failed"


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("SYNTH_CACHE")
    os.environ["SYNTH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SYNTH_CACHE"]
    else:
        os.environ["SYNTH_CACHE"] = before


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
def make_sound(tmp_path: Path) -> Callable[..., np.ndarray]:
    """A function that writes a file of soft noise, the same for the same seed, and returns its samples, shape (n, channels)."""

    def make(
        path: str | Path,
        seconds: float = 0.5,
        *,
        rate: int = 8000,
        channels: int = 1,
        seed: int = 1,
        subtype: str | None = None,
    ) -> np.ndarray:
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.RandomState(seed).standard_normal((round(seconds * rate), channels))
        soundfile.write(path, samples, rate, subtype=subtype)
        written: np.ndarray = soundfile.read(path, always_2d=True)[0]
        return written

    return make


@pytest.fixture
def aged() -> Callable[..., None]:
    """A function that sets back the time of change: what changed in the last two seconds is never kept in a cache."""

    def age(*paths: Path) -> None:
        for path in paths:
            os.utime(path, (1_600_000_000, 1_600_000_000))

    return age
