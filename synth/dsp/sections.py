"""Filters as second-order sections: the Butterworth design in closed form, and running them by compiled kernels.

Sections have the shape (k, 6): b0, b1, b2, a0 = 1, a1, a2. scipy.signal does the same, but takes most of a second to
import.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from synth.dsp.arrays import Samples

_SETTLED = 36.0  # time constants of the slowest pole after which a filter has forgotten its past: to 2e-16
_KERNEL_SECTIONS = 4  # kernels.filters.SECTIONS
_PASS = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)  # a section that changes nothing

NOTHING: Final = np.empty((0, 6))
"""The filter that changes nothing."""


def butterworth(
    order: int, *, low_hz: float | None = None, high_hz: float | None = None, sample_rate: float
) -> npt.NDArray[np.float64]:
    """Design a Butterworth filter: a low-pass with `high_hz` only, a high-pass with `low_hz` only, else a band-pass.

    The analog prototype under the usual transforms and the bilinear transform; the same sections as
    `scipy.signal.butter(..., output="sos")`.

    Args:
        order: of the prototype: 6 * order dB per octave on each side.
        low_hz: lower limit (-3 dB), Hz, below half the rate.
        high_hz: upper limit (-3 dB), Hz, below half the rate.
        sample_rate: Hz.

    Returns:
        Second-order sections, shape (k, 6).
    """
    prototype = [cmath.exp(1j * math.pi * (2 * k + order + 1) / (2 * order)) for k in range(order)]
    if low_hz is None:
        assert high_hz is not None
        warped = math.tan(math.pi * high_hz / sample_rate)
        poles, zeros, unity = [warped * pole for pole in prototype], [-1.0] * order, 1 + 0j
    elif high_hz is None:
        warped = math.tan(math.pi * low_hz / sample_rate)
        poles, zeros, unity = [warped / pole for pole in prototype], [1.0] * order, -1 + 0j
    else:
        low, high = (math.tan(math.pi * hz / sample_rate) for hz in (low_hz, high_hz))
        halves = [pole * (high - low) / 2 for pole in prototype]
        roots = [cmath.sqrt(half * half - low * high) for half in halves]
        poles = [half + sign * root for sign in (1, -1) for half, root in zip(halves, roots, strict=True)]
        middle = 1j * math.sqrt(low * high)
        zeros, unity = [-1.0] * order + [1.0] * order, (1 + middle) / (1 - middle)
    poles = [(1 + pole) / (1 - pole) for pole in poles]
    gain = np.prod([unity - pole for pole in poles]) / np.prod([unity - zero for zero in zeros])
    sections = _paired(poles, zeros)
    sections[0, :3] *= gain.real
    return sections


def _paired(poles: Sequence[complex], zeros: Sequence[float]) -> npt.NDArray[np.float64]:
    """Sections of poles and zeros: poles by their distance to the unit circle, nearest last, with the nearest zeros."""
    filler = [0.0] * (len(poles) % 2)  # the same pole and zero at the origin
    by_radius = sorted((pole for pole in [*poles, *filler] if pole.imag > -1e-9), key=lambda pole: -abs(pole))
    unused = [*zeros, *filler]
    sections = list[list[float]]()
    while by_radius:
        pole = by_radius.pop(0)
        if abs(pole.imag) > 1e-9:
            pair = [pole, pole.conjugate()]
        else:
            next_real = next(k for k, each in enumerate(by_radius) if abs(each.imag) <= 1e-9)
            pair = [pole, by_radius.pop(next_real)]
        nearest = list[float]()
        for pole in pair:
            nearest.append(min(unused, key=lambda zero: abs(zero - pole)))
            unused.remove(nearest[-1])
        sections.insert(0, [*_polynomial(nearest), *_polynomial(pair)])
    return np.array(sections)


def _polynomial(roots: Sequence[complex]) -> list[float]:
    """1, c1, c2 of (1 - r1 / z) (1 - r2 / z) for two roots whose sum and product are real."""
    first, second = roots
    return [1.0, -(first + second).real, (first * second).real]


def memory(sections: npt.NDArray[np.float64]) -> int:
    """Return after how many samples a filter has forgotten its past.

    Args:
        sections: shape (k, 6).
    """
    slowest = 0.0
    for a1, a2 in sections[:, 4:]:
        discriminant = a1 * a1 / 4 - a2
        radius = math.sqrt(a2) if discriminant < 0 else abs(a1) / 2 + math.sqrt(discriminant)
        slowest = max(slowest, radius)
    return 0 if slowest < 1e-15 else math.ceil(_SETTLED / -math.log(min(slowest, 1 - 1e-9)))


def filtered(sections: npt.NDArray[np.float64], samples: Samples) -> Samples:
    """Filter samples from silence, along their last axis, as `scipy.signal.sosfilt` does (to 1e-12 of the peak).

    Args:
        sections: shape (k, 6).
        samples: float64, shape (..., n).

    Returns:
        float64, of the same shape.
    """
    from synth.dsp.kernels import native

    filter_lanes = native.load("filters", "filter_lanes")
    rows = np.ascontiguousarray(samples, np.float64)
    for cascade in _cascades(sections.tobytes()):
        out = np.empty_like(rows)
        for index in np.ndindex(rows.shape[:-1]):
            filter_lanes(rows[index], cascade.sections, cascade.gain, cascade.memory, out[index])
        rows = out
    return rows


def block_sums(
    sections: npt.NDArray[np.float64], samples: Samples, *, block: int, span: slice | None = None
) -> npt.NDArray[np.float64]:
    """Sum up magnitudes and squares of filtered samples in blocks, without storing the filtered samples.

    Args:
        sections: shape (k, 6), k at most 4.
        samples: float64, shape (n,); the filter starts from silence before the first.
        block: samples; the last block may be shorter.
        span: which samples are summed up (default: all).

    Returns:
        Shape (2, blocks): sums of magnitudes, sums of squares.
    """
    from synth.dsp.kernels import native

    sum_blocks = native.load("filters", "block_sums")
    start, stop, _ = (span or slice(None)).indices(len(samples))
    sums = np.empty((2, -(-max(0, stop - start) // block)))
    (cascade,) = _cascades(sections.tobytes())
    continuous = np.ascontiguousarray(samples, np.float64)
    sum_blocks(continuous, start, stop, cascade.sections, cascade.gain, cascade.memory, block, sums)
    return sums


@dataclass(frozen=True, slots=True)
class _Cascade:
    """Four sections as kernels take them."""

    sections: npt.NDArray[np.float64]  # shape (4, 6), b0 = 1
    gain: float  # of all four
    memory: int  # samples


@lru_cache
def _cascades(content: bytes) -> tuple[_Cascade, ...]:
    """The sections with these bytes in groups of four, filled up with sections that change nothing."""
    sections = np.frombuffer(content).reshape(-1, 6)
    groups = max(1, -(-len(sections) // _KERNEL_SECTIONS))
    complete = np.tile(_PASS, (groups * _KERNEL_SECTIONS, 1))
    complete[: len(sections)] = sections
    gains = complete[:, 0].copy()
    complete[:, :3] /= gains[:, None]
    fours = complete.reshape(groups, _KERNEL_SECTIONS, 6)
    return tuple(
        _Cascade(four, float(np.prod(gain)), memory(four))
        for four, gain in zip(fours, gains.reshape(groups, _KERNEL_SECTIONS), strict=True)
    )


def running_mean(samples: Samples, keep: float, start: float = 0.0) -> Samples:
    """Return the exponential average y[n] = keep y[n-1] + (1 - keep) x[n], from y[-1] = start.

    Args:
        samples: float64, shape (n,).
        keep: weight of the past, 0 to 1.
        start: the value before the first sample.

    Returns:
        float64, shape (n,).
    """
    from synth.dsp.kernels import native

    average = native.load("filters", "average")
    out = np.empty(len(samples))
    average(np.ascontiguousarray(samples, np.float64), keep, start, out)
    return out
