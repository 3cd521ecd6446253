"""A module of kernels for tests, which copy it into a package of their own."""

SOURCE = """
import numba
import numpy as np
from numba import types
from synth.dsp.kernels.compiler import kernel

_READ = types.Array(types.float64, 1, "C", readonly=True)


@kernel(types.Tuple((types.float64, types.float64, types.int64))(_READ, types.int64, types.float64))
def moments(samples, power, factor):
    first = second = 0.0
    for k in range(samples.size):
        first += factor * samples[k]
        second += factor * samples[k] ** power
    return first, second, power


@kernel(types.float64(types.float64))
def makes_an_array(size):
    return np.full(int(size), size).sum()
"""
