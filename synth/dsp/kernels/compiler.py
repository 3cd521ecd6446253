"""Compiles kernels, once per machine: later processes load the machine code from numba's cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, ParamSpec, TypeVar

import numba
from llvmlite import binding  # type: ignore[import-untyped, unused-ignore]
from numba import types

from synth.dsp.kernels.machine_code import Argument, MachineCode, target_machine

P = ParamSpec("P")
R = TypeVar("R")

# What `_entry` assumes of numba, how it passes arrays, is not public. With any other version numba itself is loaded.
_KNOWN_VERSIONS: Final = ((0, 68),)

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


_NO_DESTRUCTOR = """
define linkonce_odr void @NRT_MemInfo_call_dtor(ptr %owner) {
  ret void
}
"""
"""numba calls this when the last user of an array is gone. The arrays of `native.load` belong to Python."""


def machine_code(compiled: Callable[..., Any]) -> MachineCode | None:
    """Compile a kernel to machine code that needs nothing of numba.

    Args:
        compiled: a function that `kernel` gave.

    Returns:
        None if it is not possible: this version of numba is not known, or the kernel makes arrays, or returns one, or
        calls functions of numba's runtime.
    """
    if numba.version_info.short not in _KNOWN_VERSIONS:
        return None
    function: Any = compiled
    (signature,) = function.nopython_signatures
    results = _results(signature.return_type)
    arguments = [_argument(kind) for kind in signature.args]
    if results is None or None in arguments:
        return None
    module, symbol = _without_wrappers(function, signature)
    module.link_in(binding.parse_assembly(_NO_DESTRUCTOR))
    external = [each.name for each in (*module.functions, *module.global_variables) if each.is_declaration]
    if any(not name.startswith("llvm.") and name not in _OF_THE_C_LIBRARY for name in external):
        return None
    code = MachineCode(f"{symbol}.words", tuple(filter(None, arguments)), results, b"")
    module.link_in(binding.parse_assembly(_entry(symbol, code)))
    return replace(code, content=target_machine().emit_object(module))


def _without_wrappers(function: Any, signature: Any) -> tuple[Any, str]:
    """The code of a kernel without the functions that Python and C call it by, and the name of its function.

    A kernel that was loaded from numba's cache has machine code only: it is compiled again.
    """
    if not sum(function.stats.cache_hits.values()):
        names = function.overloads[signature.args].fndesc
        module = binding.parse_assembly(function.inspect_llvm(signature.args))
        for each in module.functions:
            if each.name in (names.llvm_cpython_wrapper_name, names.llvm_cfunc_wrapper_name):
                each.linkage = "internal"
        builder = binding.create_pass_builder(target_machine(), binding.PipelineTuningOptions())
        passes = binding.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(module, builder)
        return module, names.llvm_func_name
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **_FLOAT_RULES}
    bare: Any = numba.njit([signature], **options)(function.py_func)
    names = bare.overloads[signature.args].fndesc
    return binding.parse_assembly(bare.inspect_llvm(signature.args)), names.llvm_func_name


_OF_THE_C_LIBRARY = ("memcpy", "memmove", "memset", "sqrt")  # sqrt is exact by IEEE 754, so the same everywhere
_WORD_TYPES = {"float64": "double", "int64": "i64"}


def _entry(symbol: str, code: MachineCode) -> str:
    """The function of `code` in LLVM's language: it loads the arguments and calls numba's function `symbol`."""
    kinds = list[str]()
    for argument in code.arguments:
        array = ["ptr", "ptr", "i64", "i64", "ptr", *["i64"] * (2 * argument.dimensions)]
        kinds += array if argument.dimensions else [_WORD_TYPES[argument.dtype]]
    first = len(code.results)
    lines = [f"%a{k} = getelementptr i64, ptr %words, i64 {first + k}" for k in range(len(kinds) + 1)]
    lines += [f"%v{k} = load {kind}, ptr %a{k}" for k, kind in enumerate(kinds, 1)]
    values = "".join(f", {kind} %v{k}" for k, kind in enumerate(kinds, 1))
    return "\n".join(
        [
            f'declare i32 @"{symbol}"({", ".join(["ptr", "ptr", *kinds])})',
            f'define i32 @"{code.symbol}"(ptr %words) {{',
            *lines,
            f'%error = call i32 @"{symbol}"(ptr %words, ptr %a0{values})',
            "ret i32 %error",
            "}",
        ]
    )


def _argument(kind: Any) -> Argument | None:
    """How `native.load` passes an argument of one of numba's types; None if it cannot."""
    if isinstance(kind, types.Array) and kind.layout == "C":
        return Argument(str(kind.dtype), kind.ndim, kind.mutable)
    return Argument(str(kind), 0, is_written=False) if kind in (types.float64, types.int64) else None


def _results(kind: Any) -> tuple[str, ...] | None:
    """The numbers in a result of one of numba's types; None if it is another."""
    if kind == types.none:
        return ()
    kinds: list[Any] = list(getattr(kind, "types", [kind]))  # of a tuple
    return tuple(map(str, kinds)) if set(kinds) <= {types.float64, types.int64} else None
