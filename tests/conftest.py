"""What holds for every test: one thread per numerical library, and a cache in a folder of the test run."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any, Final

import pytest

from synth.processes.threads import pin_threads

# As the command line does, and before any test imports numpy. With more workers than cores, threads that wait for each
# other cost 15 times the CPU (test_compare.py: 84 s in place of 5.8 s).
pin_threads()


_LONGEST_FIRST: Final = (
    "test_digits_in_car.py",
    "test_fit.py",
    "test_fit_page.py",
    "test_fuzz.py",
    "test_docs.py",
    "test_crash_loop.py",
    "test_kills.py",
    "test_crash_points.py",
    "test_select.py",
    "test_profiling.py",
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
