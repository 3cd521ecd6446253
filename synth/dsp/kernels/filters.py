"""Recursive filters on eight stretches of a signal at once, so that the processor works on vectors.

A recursive filter needs its last result before the next sample, so one signal cannot use the width of a processor. Here
the signal is cut into eight *lanes* of equal length. Each lane begins so long before its stretch that the filter has
forgotten where it began. The kernels are written with vectors of eight numbers (`_Lanes`), because numba's compiler
finds none by itself here. Everything is in one file: numba compiles again only if the file of a kernel changes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped, unused-ignore]
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, models, overload, register_model

from synth.dsp.kernels.compiler import kernel, kernel_part

SECTIONS: Final = 4
"""The kernels run this number of second-order sections."""
LANES: Final = 8

_VECTOR: Final = ir.VectorType(ir.DoubleType(), LANES)
_INDEX: Final = ir.IntType(32)
# numba's own types describe decorated functions as they are before
_intrinsic: Callable[[Any], Any] = intrinsic
_overload: Callable[[Any], Callable[[Any], Any]] = overload


class _Lanes(types.Type):  # type: ignore[misc, unused-ignore]
    """numba's type of eight float64, one per lane."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc, unused-ignore]
    def __init__(self, manager: Any, frontend_type: Any) -> None:
        super().__init__(manager, frontend_type, _VECTOR)


def _spread(builder: Any, value: Any) -> Any:
    """A vector of one number."""
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, value, _INDEX(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def _define_operator(symbol: Callable[[Any, Any], Any], instruction: str) -> None:
    """Define an operator between vectors, or a vector and a number."""

    @_intrinsic
    def apply(typing_context: Any, first: Any, second: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            vectors = [
                value if kind == _LANES else _spread(builder, value)
                for kind, value in zip(signature.args, values, strict=True)
            ]
            return getattr(builder, instruction)(*vectors)

        return _LANES(first, second), generate

    def implement(first: Any, second: Any) -> Any:
        return apply(first, second)

    @_overload(symbol)
    def choose(first: Any, second: Any) -> Any:
        kinds = {first, second}
        return implement if _LANES in kinds and kinds <= {_LANES, types.float64} else None


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")


@_intrinsic
def _all_lanes(typing_context: Any, value: Any) -> Any:
    """The same number in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _spread(builder, values[0])

    return _LANES(types.float64), generate


@_intrinsic
def _magnitude(typing_context: Any, lanes: Any) -> Any:
    """The absolute value in each lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return builder.call(get_or_insert_function(builder.module, kind, f"llvm.fabs.v{LANES}f64"), values)

    return _LANES(_LANES), generate


@_intrinsic
def _lane(typing_context: Any, lanes: Any, number: Any) -> Any:
    """The value in one lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.extract_element(values[0], builder.trunc(values[1], _INDEX))

    return types.float64(_LANES, types.intp), generate


@_intrinsic
def _load(typing_context: Any, array: Any, first: Any, step: Any) -> Any:
    """array[first], array[first + step], ...: one per lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, index = context.make_array(signature.args[0])(context, builder, values[0]).data, values[1]
        lanes = ir.Constant(_VECTOR, ir.Undefined)
        for k in range(LANES):
            lanes = builder.insert_element(lanes, builder.load(builder.gep(pointer, [index])), _INDEX(k))
            index = builder.add(index, values[2])
        return lanes

    return _LANES(array, types.intp, types.intp), generate


@_intrinsic
def _load_inside(typing_context: Any, array: Any, first: Any, step: Any, size: Any) -> Any:
    """As `_load`, with 0 for indices that are not in 0..size."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, index = context.make_array(signature.args[0])(context, builder, values[0]).data, values[1]
        lanes = ir.Constant(_VECTOR, ir.Undefined)
        for k in range(LANES):
            is_inside = builder.icmp_unsigned("<", index, values[3])  # a negative index is a large number
            element = builder.load(builder.gep(pointer, [builder.select(is_inside, index, index.type(0))]))
            value = builder.select(is_inside, element, ir.DoubleType()(0.0))
            lanes = builder.insert_element(lanes, value, _INDEX(k))
            index = builder.add(index, values[2])
        return lanes

    return _LANES(array, types.intp, types.intp, types.intp), generate


@_intrinsic
def _before(typing_context: Any, lanes: Any, first: Any, step: Any, stop: Any) -> Any:
    """The lanes with 0 in those whose index, first, first + step, ..., is not before stop."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes, index = values[0], values[1]
        for k in range(LANES):
            value = builder.extract_element(lanes, _INDEX(k))
            is_before = builder.icmp_signed("<", index, values[3])
            value = builder.select(is_before, value, ir.DoubleType()(0.0))
            lanes = builder.insert_element(lanes, value, _INDEX(k))
            index = builder.add(index, values[2])
        return lanes

    return _LANES(_LANES, types.intp, types.intp, types.intp), generate


@_intrinsic
def _store(typing_context: Any, array: Any, first: Any, step: Any, lanes: Any) -> Any:
    """Set array[first], array[first + step], ... to the values of the lanes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, index = context.make_array(signature.args[0])(context, builder, values[0]).data, values[1]
        for k in range(LANES):
            builder.store(builder.extract_element(values[3], _INDEX(k)), builder.gep(pointer, [index]))
            index = builder.add(index, values[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, _LANES), generate


_SIGNAL: Final = types.Array(numba.float64, 1, "C", readonly=True)
_SOS: Final = types.Array(numba.float64, 2, "C", readonly=True)


@kernel_part
def _coefficients(sos: Any, k: int) -> Any:
    return sos[k, 1], sos[k, 2], sos[k, 4], sos[k, 5]


@kernel_part
def _section(x: Any, z1: Any, z2: Any, c: Any) -> Any:
    """One step of a section with b0 = 1 (direct form II transposed); returns its result and its new state."""
    y = x + z1
    return y, c[0] * x - c[2] * y + z2, c[1] * x - c[3] * y


@kernel_part
def _cascade(x: Any, state: Any, c: Any) -> Any:
    """One step of four sections; returns the result and the new state."""
    x, a1, a2 = _section(x, state[0], state[1], c[0])
    x, b1, b2 = _section(x, state[2], state[3], c[1])
    x, c1, c2 = _section(x, state[4], state[5], c[2])
    x, d1, d2 = _section(x, state[6], state[7], c[3])
    return x, (a1, a2, b1, b2, c1, c2, d1, d2)


@kernel_part
def _warm_up(samples: Any, first: int, step: int, memory: int, c: Any) -> Any:
    """The state of the lanes that begin at first, first + step, ..., after the samples before them."""
    zero = _all_lanes(0.0)
    state = (zero, zero, zero, zero, zero, zero, zero, zero)
    for t in range(first - min(memory, first + LANES * step), first):
        _, state = _cascade(_load_inside(samples, t, step, samples.size), state, c)
    return state


@kernel(types.void(_SIGNAL, _SOS, numba.float64, numba.intp, numba.float64[::1]))
def filter_lanes(
    samples: npt.NDArray[np.float64],
    sos: npt.NDArray[np.float64],
    gain: float,
    memory: int,
    out: npt.NDArray[np.float64],
) -> None:
    """Filter a signal from silence.

    Args:
        samples: float64, shape (n,).
        sos: second-order sections, shape (4, 6), each with b0 = a0 = 1.
        gain: factor on what they give.
        memory: after this number of samples the filter has forgotten its past.
        out: float64, shape (n,): the filtered signal.
    """
    c = _coefficients(sos, 0), _coefficients(sos, 1), _coefficients(sos, 2), _coefficients(sos, 3)
    step = -(-samples.size // LANES)
    complete = samples.size - (LANES - 1) * step  # up to here all lanes are inside
    state = _warm_up(samples, 0, step, memory, c)
    for t in range(step):
        if t < complete:
            y, state = _cascade(_load(samples, t, step), state, c)
            _store(out, t, step, gain * y)
        else:
            y, state = _cascade(_load_inside(samples, t, step, samples.size), state, c)
            for k in range(LANES):
                if k * step + t < samples.size:
                    out[k * step + t] = gain * _lane(y, k)


@kernel(types.void(_SIGNAL, numba.intp, numba.intp, _SOS, numba.float64, numba.intp, numba.intp, numba.float64[:, ::1]))
def block_sums(
    samples: npt.NDArray[np.float64],
    start: int,
    stop: int,
    sos: npt.NDArray[np.float64],
    gain: float,
    memory: int,
    block: int,
    out: npt.NDArray[np.float64],
) -> None:
    """Sum up magnitudes and squares of a filtered signal in blocks, without storing it.

    Args:
        samples: float64, shape (n,); the filter runs from silence before the first.
        start: where the first block begins.
        stop: where the last block ends; it may be shorter.
        sos: second-order sections, shape (4, 6), each with b0 = a0 = 1.
        gain: factor on what they give.
        memory: after this number of samples the filter has forgotten its past.
        block: samples.
        out: float64, shape (2, blocks), filled with sums of magnitudes and sums of squares.
    """
    c = _coefficients(sos, 0), _coefficients(sos, 1), _coefficients(sos, 2), _coefficients(sos, 3)
    blocks = out.shape[1]
    blocks_per_lane = -(-blocks // LANES)
    step = blocks_per_lane * block
    complete = stop - (LANES - 1) * step
    state = _warm_up(samples, start, step, memory, c)
    zero = _all_lanes(0.0)
    for number in range(blocks_per_lane):
        magnitudes, squares = zero, zero
        first = start + number * block
        for t in range(first, first + block):
            if t < complete:
                y, state = _cascade(_load(samples, t, step), state, c)
            else:
                y, state = _cascade(_load_inside(samples, t, step, samples.size), state, c)
                y = _before(y, t, step, stop)
            magnitudes = magnitudes + _magnitude(y)
            squares = squares + y * y
        for k in range(LANES):
            if k * blocks_per_lane + number < blocks:
                out[0, k * blocks_per_lane + number] = abs(gain) * _lane(magnitudes, k)
                out[1, k * blocks_per_lane + number] = gain * gain * _lane(squares, k)


@kernel(types.void(_SIGNAL, numba.float64, numba.float64, numba.float64[::1]))
def average(samples: npt.NDArray[np.float64], keep: float, start: float, out: npt.NDArray[np.float64]) -> None:
    """Follow a signal with an exponential average.

    Args:
        samples: float64, shape (n,).
        keep: weight of the past, 0 to 1.
        start: the average before the first sample.
        out: float64, shape (n,): the average after each sample.
    """
    mean = start
    for k in range(samples.size):
        mean = (1 - keep) * samples[k] + keep * mean
        out[k] = mean
