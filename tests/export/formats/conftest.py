"""A data set with awkward rows, and exports of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.commands.dataset import verify
from synth.commands.export import export
from synth.export.run import ExportResult
from tests.export.exported_set import awkward_set
from tests.helpers import rows_of

Row = dict[str, Any]
Exporter = Callable[..., ExportResult]


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return awkward_set(tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="session")
def rows(data_set: Path) -> list[Row]:
    return rows_of(data_set / "manifest.jsonl")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def exporter(data_set: Path, out: Path) -> Exporter:
    """Exports the data set, and verifies the export."""

    def run(to: str, **options: Any) -> ExportResult:
        result = export(data_set, out, to=to, **options)
        assert verify(out).findings == []
        return result

    return run


def lost(result: ExportResult) -> dict[str, int]:
    """Clips by what is lost of them."""
    return {each["what"]: each["clips"] for each in result.content["lost"]}
