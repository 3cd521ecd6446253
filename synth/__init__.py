"""synth: training sets for in-car speech, made from clean speech and car noise by a recipe.

In Python: `synth.open_dataset(DIR)` and `synth.open_plan(RECIPE)` (docs/training.md). They are loaded when they are
first asked for, so that the command line starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth.reading.dataset import OpenDataset, open_dataset
    from synth.reading.planned import OpenPlan, open_plan
    from synth.reading.row import Row

__version__ = "0.1.0"
__all__ = ["OpenDataset", "OpenPlan", "Row", "__version__", "open_dataset", "open_plan"]

_HOMES = {
    "open_dataset": "dataset",
    "OpenDataset": "dataset",
    "open_plan": "planned",
    "OpenPlan": "planned",
    "Row": "row",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"synth.reading.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
