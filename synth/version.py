"""The version of the package: the only place where it is written."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
