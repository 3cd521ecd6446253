"""The files of a saved plan, each opened as a regular file, and any error of reading one named as its damage."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth import files
from synth.catalog.catalog import Catalog
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.reader import MAX_PLAN_DOCUMENT, DataFile
from synth.errors import DamagedDataset, StorageError


@contextlib.contextmanager
def loading(dataset: DatasetDir, name: str) -> Iterator[Path]:
    """The path of a file of the saved plan, which is a regular one; whatever goes wrong in the block is its damage."""
    file = DataFile(dataset.plan_data / name, dataset.path)
    os.close(file.open())
    try:
        with files.reading(file.path):
            yield file.path
    except (DamagedDataset, StorageError):
        raise
    except Exception as error:  # a cut or edited file makes its parser raise anything
        raise file.error(f"damaged: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, or the one that it came from."""
    reason = error.__cause__ or error
    return next(iter(str(reason).splitlines()), "") or type(reason).__name__


def load_catalog(dataset: DatasetDir, name: str) -> Catalog:
    """A catalog of the saved plan. Raises DamagedDataset."""
    with loading(dataset, f"{name}.catalog") as path:
        return Catalog.load(path)


def plan_document(dataset: DatasetDir, name: str) -> Any:
    """The value of a JSON file of the saved plan. Raises DamagedDataset."""
    return DataFile(dataset.plan_data / name, dataset.path).json(MAX_PLAN_DOCUMENT)
