"""Names for the types of numpy arrays. The docstrings give the shape and the unit."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float64]
"""Sound, shape (n,), full scale 1.0."""

Vector: TypeAlias = npt.NDArray[np.float64]
"""Numbers, shape (n,)."""

Matrix: TypeAlias = npt.NDArray[np.float64]
"""Numbers, two axes."""

Indices: TypeAlias = npt.NDArray[np.intp]
"""Positions in another array, shape (n,)."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""Yes or no for each element of another array."""
