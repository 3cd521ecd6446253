"""Loads kernels without numba, whose import and set-up cost more than fifty clips.

numba compiles a kernel once per machine. Its machine code is then kept in a file beside the kernels, or in the user's
cache folder, and is loaded by llvmlite alone, in a twentieth of the time. Where that is not possible (see
`compiler.machine_code`), the kernel that numba has compiled is called.

A file is for one state of the sources, one version of numba and one processor: others compile for themselves.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth import files
from synth.dsp.kernels.machine_code import Argument, MachineCode, processor, target_machine
from synth.errors import StorageError
from synth.paths.folders import cache_folder

_FOLDER: Final = Path(__file__).resolve().parent
_FORMATS: Final = {"float64": "d", "int64": "q"}


@lru_cache
def load(module: str, name: str) -> Callable[..., Any]:
    """Return a kernel, which takes and returns what it is declared with; it is compiled if this machine has not yet.

    Args:
        module: of `synth.dsp.kernels`.
        name: of the kernel in it.
    """
    file_name = f"{module}.{name}-{_state()}.native"
    folders = _FOLDER / "__pycache__", cache_folder() / "kernels"
    for folder in folders:
        code = _read(folder / file_name)
        if code is not None:
            return _callable(code)
    return _compile(module, name, [folder / file_name for folder in folders])


def _compile(module: str, name: str, places: Sequence[Path]) -> Callable[..., Any]:
    """The kernel, after its machine code was kept in the first of the places that can be written."""
    from synth.dsp.kernels.compiler import machine_code

    kernel: Callable[..., Any] = getattr(importlib.import_module(f"synth.dsp.kernels.{module}"), name)
    code = machine_code(kernel)
    if code is None:
        return kernel
    for place in places:
        try:
            files.make_folder(place.parent)
            files.write_file(place, _packed(code), durable=False)
        except (StorageError, OSError):
            continue
        break
    return _callable(code)


@lru_cache
def _state() -> str:
    """16 hex digits that stand for all that the machine code depends on."""
    import importlib.metadata

    import llvmlite  # type: ignore[import-untyped, unused-ignore]

    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.py")):
        digest.update(path.read_bytes())
    versions = importlib.metadata.version("numba"), llvmlite.__version__
    digest.update(repr((*versions, *processor())).encode())
    return digest.hexdigest()[:16]


def _packed(code: MachineCode) -> bytes:
    """A line of JSON, which has a checksum of the rest, and the object file."""
    head = asdict(code) | {"content": hashlib.sha256(code.content).hexdigest()}
    return json.dumps(head).encode() + b"\n" + code.content


def _read(path: Path) -> MachineCode | None:
    """The machine code in a file, or None if there is none, or it is damaged."""
    try:
        head, content = path.read_bytes().split(b"\n", 1)
        values = json.loads(head)
        if values["content"] != hashlib.sha256(content).hexdigest():
            return None
        arguments = tuple(Argument(**argument) for argument in values["arguments"])
        return MachineCode(values["symbol"], arguments, tuple(values["results"]), content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache
def _engine() -> Any:
    """LLVM's linker and loader, which lives as long as the process."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())


def _callable(code: MachineCode) -> Callable[..., Any]:
    """The kernel as a function of Python."""
    from llvmlite import binding

    engine = _engine()
    engine.add_object_file(binding.ObjectFileRef.from_data(code.content))
    engine.finalize_object()
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(engine.get_function_address(code.symbol))
    kinds = [f"{5 + 2 * each.dimensions}q" if each.dimensions else _FORMATS[each.dtype] for each in code.arguments]
    places = [0] * (len(code.results) + 1)
    words = struct.Struct("=" + "".join([f"{len(places)}q", *kinds]))
    results = struct.Struct("=" + "".join(_FORMATS[dtype] for dtype in code.results))
    declared = [(np.dtype(each.dtype), each.dimensions, each.is_written) for each in code.arguments]

    def call(*values: Any) -> Any:
        flat = places.copy()
        for value, (dtype, dimensions, is_written) in zip(values, declared, strict=True):
            if dimensions:
                flat += _words(value, dtype, dimensions, is_written)
            else:
                flat.append(value)
        buffer = ctypes.create_string_buffer(words.pack(*flat), words.size)
        if function(buffer) != 0:
            raise RuntimeError(f"kernel {code.symbol} failed")
        numbers = results.unpack_from(buffer)
        if len(numbers) > 1:
            return numbers
        return numbers[0] if numbers else None

    return call


def _words(array: npt.NDArray[Any], dtype: np.dtype[Any], dimensions: int, is_written: bool) -> tuple[int, ...]:
    """An array as a compiled function takes it, after a check that it is what the function expects."""
    flags = array.flags
    if array.dtype != dtype or array.ndim != dimensions or not flags.c_contiguous or is_written > flags.writeable:
        raise TypeError(f"a kernel expects an array of {dimensions} axes of {dtype} in C order")
    return 0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides
