"""One awkward data set for the tests of all formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.exported_set import awkward_set


@pytest.fixture(scope="package")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with stems, two splits, awkward texts and unknown values. It is not to be changed."""
    return awkward_set(tmp_path_factory.mktemp("formats"))
