"""Which modules a worker process of a pool has loaded after it did some work."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def after(path: str, function: str, arguments: tuple[Any, ...]) -> list[str]:
    """Run `module:name` on path and arguments; the names of all modules that are loaded then."""
    module, _, name = function.partition(":")
    getattr(importlib.import_module(module), name)(path, *arguments)
    return sorted(sys.modules)
