"""What the plan keeps of each clip and each noise segment: integers in columns, 30 bytes per clip, 32 per segment."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

CLIP_COLUMNS = {
    "recording": "i",
    "copy": "i",
    "split": "b",
    "onset": "i",
    "speech_num_samples": "q",
    "num_samples": "q",
    "first_segment": "q",  # clip i has the segments first_segment[i] up to first_segment[i + 1]: one value more
}
"""Column -> type code of `array.array`."""

SEGMENT_COLUMNS = {
    "layer": "b",
    "track": "h",
    "kind": "b",  # RECORDED, or 1 + the index of a generator in GENERATORS
    "recording": "i",
    "offset": "q",
    "source_num_samples": "q",
    "at": "q",
    "num_samples": "q",
    "fade_in": "i",
}
"""Column -> type code of `array.array`; the columns mean what the fields of `NoiseSegment` do."""

RECORDED = 0

Columns = Mapping[str, npt.NDArray[np.integer]]


class ColumnBuilder:
    """Columns that get longer row by row, then become numpy arrays without a copy."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._arrays = {name: array(code) for name, code in columns.items()}
        self._appends = tuple(column.append for column in self._arrays.values())

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def append(self, *values: int) -> None:
        """Add a row: one value per column."""
        for append, value in zip(self._appends, values, strict=True):
            append(value)

    def columns(self) -> dict[str, npt.NDArray[np.integer]]:
        """The columns, each of shape (rows,)."""
        return {name: np.frombuffer(column, dtype=column.typecode) for name, column in self._arrays.items()}
