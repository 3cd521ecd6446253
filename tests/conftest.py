"""What holds for every test: one thread per numerical library, and a cache in a folder of the test run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from synth.execute.threads import pin_threads

# As the command line does, and before any test imports numpy. With more workers than cores, threads that wait for each
# other cost 15 times the CPU (test_compare.py: 84 s in place of 5.8 s).
pin_threads()


@pytest.fixture(scope="session", autouse=True)
def cache_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("SYNTH_CACHE")
    os.environ["SYNTH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SYNTH_CACHE"]
    else:
        os.environ["SYNTH_CACHE"] = before
