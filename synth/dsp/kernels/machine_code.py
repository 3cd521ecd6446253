"""What a kernel is once it is compiled: an object file and how to call the function in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """What a kernel takes in one place."""

    dtype: str  # numpy's name
    dimensions: int  # of an array in C order; 0: a number
    is_written: bool  # whether the kernel may write to the array


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A kernel as the processor runs it.

    Its function takes the address of 8-byte words: first places for the results and for numba's error, then the
    arguments. An array is two words for its owner, its size, its item size, its address, its shape and its strides.
    The function returns 0 if there is no error.
    """

    symbol: str  # name of the function in `content`
    arguments: tuple[Argument, ...]
    results: tuple[str, ...]  # dtypes of the numbers that it returns; none: it returns None
    content: bytes  # an object file


@lru_cache
def processor() -> tuple[str, str]:
    """Return the name and the features of the processor to compile for, as numba chooses them."""
    from llvmlite import binding  # type: ignore[import-untyped, unused-ignore]

    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    if name is None:
        return binding.get_host_cpu_name(), features or binding.get_host_cpu_features().flatten()
    return name, features or ""


def target_machine() -> Any:
    """Return LLVM's code generator for this processor."""
    from llvmlite import binding

    name, features = processor()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=name, features=features, opt=3, codemodel="jitdefault", jit=True)
