"""synth: training sets for in-car speech, made from clean speech and car noise by a recipe.

The names in `__all__` are the public interface in Python (docs/training.md): they are stable, and what they return is
documented at their class. So are `synth.dataset.labels.label_arrays`, the use cases in `synth.commands` and the errors
in `synth.errors`. All other modules may change in any version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from synth.version import __version__

if TYPE_CHECKING:
    from synth.training.dataset import OpenDataset, open_dataset
    from synth.training.plan import OpenPlan, open_plan
    from synth.training.row import Row

__all__ = ["OpenDataset", "OpenPlan", "Row", "__version__", "open_dataset", "open_plan"]

#: Modules of the public names. They are imported when a name is first asked for, so that the command line starts fast.
_MODULES: Final = {
    "OpenDataset": "synth.training.dataset",
    "OpenPlan": "synth.training.plan",
    "Row": "synth.training.row",
    "open_dataset": "synth.training.dataset",
    "open_plan": "synth.training.plan",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
