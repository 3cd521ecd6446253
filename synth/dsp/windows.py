"""Windows of the Hann family. They differ in where the zeros lie, and clips must stay the same to the bit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from synth.dsp.arrays import Vector


@lru_cache
def half_sine(size: int) -> Vector:
    """Return the square root of `hann`, shape (size,): the squares of frames half a window apart add up to 1."""
    return _frozen(np.sin(np.pi * (np.arange(size) + 0.5) / size))


@lru_cache
def hann(size: int) -> Vector:
    """Return the Hann window with its zeros half a sample outside, shape (size,): frames half apart add up to 1."""
    return _frozen(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2)


@lru_cache
def periodic_hann(size: int) -> Vector:
    """Return the Hann window that begins with its zero, shape (size,): for filters whose center is at size // 2."""
    return _frozen(np.hanning(size + 1)[:size])


@lru_cache
def open_hann(size: int) -> Vector:
    """Return the symmetric Hann window without its zeros, shape (size,)."""
    return _frozen(np.hanning(size + 2)[1:-1])


def _frozen(window: Vector) -> Vector:
    window.flags.writeable = False  # it is shared by all callers
    return window
