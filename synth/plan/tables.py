"""What the plan keeps of each clip and each noise segment: integers in columns, 30 bytes per clip, 32 per segment."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

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
"""Column -> type code of `struct` and numpy."""

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
"""Column -> type code of `struct` and numpy; the columns mean what the fields of `NoiseSegment` do."""

RECORDED = 0

Columns = Mapping[str, npt.NDArray[np.integer]]


class ColumnBuilder:
    """Columns that get longer row by row, then become numpy arrays without a copy."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._dtype = np.dtype([(name, f"={code}") for name, code in columns.items()])
        self._pack = Struct("=" + "".join(columns.values())).pack
        self._rows = bytearray()  # packed: to append to each column would take three times as long

    def __len__(self) -> int:
        return len(self._rows) // self._dtype.itemsize

    def append(self, *values: int) -> None:
        """Add a row: one value per column."""
        self._rows += self._pack(*values)

    def columns(self) -> dict[str, npt.NDArray[np.integer]]:
        """The columns, each of shape (rows,); their memory is that of the rows."""
        rows = np.frombuffer(self._rows, self._dtype)
        return {name: rows[name] for name in rows.dtype.names or ()}
