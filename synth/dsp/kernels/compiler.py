"""Compiles kernels, once per machine: later processes load the machine code from numba's cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

_FLOAT_RULES = {"fastmath": False, "error_model": "numpy"}  # no sum is reordered, x / 0 is infinite as in numpy


def kernel(*signatures: str | Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function for these signatures when its module is imported.

    With explicit signatures nothing is compiled later, in the middle of the work. numba keeps the machine code beside
    the module, or in the user's cache folder if the package folder is read-only.

    Args:
        signatures: numba's, for example `numba.float64(numba.float64[::1])`. Declare an array that is only read as
            `Array(dtype, 1, "C", readonly=True)`: such a kernel takes writable arrays too.
    """

    def compile_function(function: Callable[P, R]) -> Callable[P, R]:
        options: dict[str, Any] = {"nogil": True, **_FLOAT_RULES}
        try:
            compiled = numba.njit(list(signatures), cache=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            # no folder can be written: each process compiles for itself
            compiled = numba.njit(list(signatures), **options)(function)
        return compiled

    return compile_function


def kernel_part(function: Callable[P, R]) -> Callable[P, R]:
    """Let kernels of the same module call this function: it is compiled into each of them, and loaded with them."""
    rules: dict[str, Any] = _FLOAT_RULES
    part: Callable[P, R] = numba.njit(**rules)(function)
    return part
