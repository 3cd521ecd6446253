"""synth: training sets for in-car speech, made from clean speech and car noise by a recipe.

In Python: `synth.open_dataset(DIR)` and `synth.open_plan(RECIPE)` (docs/training.md). They are loaded when they are
first asked for, so that the command line starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synth.version import __version__

if TYPE_CHECKING:
    from synth.training.dataset import OpenDataset, open_dataset
    from synth.training.plan import OpenPlan, open_plan
    from synth.training.row import Row

__all__ = ["OpenDataset", "OpenPlan", "Row", "__version__", "open_dataset", "open_plan"]

_HOMES = {
    "open_dataset": "dataset",
    "OpenDataset": "dataset",
    "open_plan": "plan",
    "OpenPlan": "plan",
    "Row": "row",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"synth.training.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
