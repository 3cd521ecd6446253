"""What the plan remembers of each clip and each noise piece: integers in columns, 30 bytes a clip and 32 a piece."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

CLIP_COLUMNS = {
    "recording": "i",
    "copy": "i",
    "split": "b",
    "onset": "i",
    "speech_num_samples": "q",
    "num_samples": "q",
    "first_segment": "q",  # pieces first_segment[i] .. first_segment[i + 1] are clip i's (one value more than clips)
}
SEGMENT_COLUMNS = {
    "layer": "b",
    "track": "h",
    "kind": "b",  # RECORDED, or 1 + the place of a generator in GENERATORS
    "recording": "i",
    "offset": "q",
    "source_num_samples": "q",
    "at": "q",
    "num_samples": "q",
    "fade_in": "i",
}

RECORDED = 0

Columns = Mapping[str, npt.NDArray[np.integer]]


class ColumnBuilder:
    """Columns that grow row by row, then become numpy arrays without a copy."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._arrays = {name: array(code) for name, code in columns.items()}
        self._appends = tuple(column.append for column in self._arrays.values())

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def append(self, *values: int) -> None:
        for append, value in zip(self._appends, values, strict=True):
            append(value)

    def extend(self, rows: Iterable[tuple[int, ...]]) -> None:
        for row in rows:
            self.append(*row)

    def columns(self) -> dict[str, npt.NDArray[np.integer]]:
        return {name: np.frombuffer(column, dtype=column.typecode) for name, column in self._arrays.items()}
