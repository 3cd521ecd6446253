"""Cases: what was measured of real clips, one row each, for a condition of a recipe to draw from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from synth.dsp.analysis.bands import BANDS, RUMBLE_BANDS
from synth.errors import UsageError
from synth.lists.table import TableRow, read_table
from synth.text import short_repr

BAND_COLUMNS: Final = tuple(f"band_{k}" for k in range(1, BANDS + 1))
RUMBLE_COLUMNS: Final = tuple(f"rumble_{k}" for k in range(1, RUMBLE_BANDS + 1))
_RANGES: Mapping[str, tuple[float, float]] = {
    "weight": (0.0, math.inf),
    "snr_db": (-60.0, 100.0),
    "level_dbfs": (-90.0, 0.0),
    "before_s": (0.0, 60.0),
    "after_s": (0.0, 60.0),
    "fluctuation_db": (0.0, 30.0),
    "low_hz": (0.0, 2000.0),
    "high_hz": (1000.0, 96_000.0),
    **dict.fromkeys((*RUMBLE_COLUMNS, *BAND_COLUMNS), (-200.0, 200.0)),
}
RENAMED_COLUMNS = {"wavering_db": "fluctuation_db"}
"""Columns that had another name in the lists of earlier versions."""

COLUMNS: Final = tuple(_RANGES)
"""The columns of a list of cases. At least one is needed; an empty cell means not measured."""


@dataclass(frozen=True, slots=True)
class Case:
    """One real clip, as measured; None is not measured."""

    weight: float = 1.0  #: how often it is drawn, relative to others
    snr_db: float | None = None
    level_dbfs: float | None = None
    before_s: float | None = None  #: noise before the speech, s
    after_s: float | None = None  #: noise after the speech, s
    fluctuation_db: float | None = None  #: SD of the 100-ms levels of its noise, dB
    low_hz: float | None = None  #: lower edge of its band
    high_hz: float | None = None  #: upper edge of its band
    bands_db: tuple[float, ...] | None = None  #: spectrum of its noise (dsp/analysis/bands.py), from the lowest band up
    rumble_db: tuple[float, ...] | None = None  #: spectrum below the bands; only beside `bands_db`


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one condition."""

    rows: tuple[Case, ...]
    digest: str  #: over all values


def read_cases(path: Path) -> Cases:
    """Read the cases of a CSV file with a header. Raises UsageError with the line and what is wrong with it."""
    table = read_table(path, json_lines=False)
    for name in table.columns:
        if name in RENAMED_COLUMNS:
            raise UsageError(f"{path}:1: the column `{name}` was renamed: write `{RENAMED_COLUMNS[name]}`")
    if not any(name in _RANGES for name in table.columns):
        raise UsageError(f"{path}:1: a list of cases has columns from {', '.join(COLUMNS)}")
    for name in table.columns:
        if name not in _RANGES:
            raise UsageError(f"{path}:1: unknown column {short_repr(name)}; the columns are {', '.join(COLUMNS)}")
    rows = tuple(_case(row) for row in table)
    if not any(row.weight > 0 for row in rows):
        raise UsageError(f"{path}: no case with a weight above 0")
    return Cases(rows, hashlib.sha256(repr(rows).encode()).hexdigest())


def _case(row: TableRow) -> Case:
    values = {name: _number(name, cell, row.where) for name, cell in row.fields.items() if cell.strip()}
    bands = [values.pop(name, None) for name in BAND_COLUMNS]
    measured = [band for band in bands if band is not None]
    if bands[: len(measured)] != measured:
        raise UsageError(f"{row.where}: the bands that are given must be the lowest ones, without a gap")
    rumble = [values.pop(name, None) for name in RUMBLE_COLUMNS]
    if any(value is not None for value in rumble) and (None in rumble or not measured):
        raise UsageError(f"{row.where}: give {' and '.join(RUMBLE_COLUMNS)} together, and only beside bands")
    return Case(
        **values,
        bands_db=tuple(measured) or None,
        rumble_db=tuple(value for value in rumble if value is not None) or None,
    )


def _number(name: str, cell: str, where: str) -> float:
    low, high = _RANGES[name]
    try:
        value = float(cell)
    except ValueError:
        raise UsageError(f"{where}: {name} is {short_repr(cell.strip())}, which is not a number") from None
    if not low <= value <= high or not math.isfinite(value):
        raise UsageError(f"{where}: {name} is {short_repr(cell.strip())}, outside {low:g} to {high:g}")
    return value
