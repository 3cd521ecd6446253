"""Third-octave spectra as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from synth.report.page import color

_MARKS_HZ: Final = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000, 31500)
_STEP_DB: Final = 10


@dataclass(frozen=True, slots=True)
class SpectrumAxes:
    """The axes of a plot of spectra; all lengths are in units of the SVG's view box."""

    band_hz: Sequence[float]  # centers of the bands, ascending
    low_db: float  # lower end of the scale
    high_db: float  # upper end of the scale
    width: int
    height: int
    inset: int = 34
    bottom: int = 18
    top: int = 6

    def x(self, hz: float) -> float:
        """Return the horizontal position of a frequency."""
        first, last = math.log(self.band_hz[0]), math.log(self.band_hz[-1])
        share = (math.log(hz) - first) / (last - first) if last > first else 0.5
        return self.inset + share * (self.width - self.inset - 8)

    def y(self, db: float) -> float:
        """Return the vertical position of a level."""
        share = (self.high_db - db) / (self.high_db - self.low_db)
        return self.top + share * (self.height - self.bottom - self.top)

    def path(self, levels_db: Sequence[float]) -> str:
        """Return the points of a curve; `levels_db` has one level per band."""
        return " ".join(f"{self.x(hz):.1f},{self.y(db):.1f}" for hz, db in zip(self.band_hz, levels_db, strict=True))

    def grid_lines(self) -> list[str]:
        """Return grid lines and numbers as pieces of SVG."""
        lines = []
        room = self.height - self.bottom - self.top
        # one line per 10 dB, fewer if their numbers would be closer than 22 units
        step = _STEP_DB * max(1, math.ceil((self.high_db - self.low_db) / _STEP_DB / (room / 22)))
        for db in range(int(self.low_db), int(self.high_db) + 1, step):
            y = self.y(db)
            lines.append(f'<line class="grid-line" x1="{self.inset}" x2="{self.width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
            lines.append(f'<text x="{self.inset - 5}" y="{y + 4:.1f}" text-anchor="end">{db}</text>')
        for hz in _MARKS_HZ if self.width > 400 else _MARKS_HZ[::2]:
            if not self.band_hz[0] <= hz <= self.band_hz[-1]:
                continue
            x, name = self.x(hz), f"{hz / 1000:g}k" if hz >= 1000 else f"{hz}"
            ends = f'y1="{self.top}" y2="{self.height - self.bottom}"'
            lines.append(f'<line class="grid-line" x1="{x:.1f}" x2="{x:.1f}" {ends}/>')
            lines.append(f'<text x="{x:.1f}" y="{self.height - 4}" text-anchor="middle">{name}</text>')
        return lines


def scale_of(spectra: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return (low, high) in dB: multiples of 10 that include all levels."""
    values = [value for levels in spectra for value in levels] or [0.0]
    low, high = math.floor(min(values) / _STEP_DB) * _STEP_DB, math.ceil(max(values) / _STEP_DB) * _STEP_DB
    return (float(low), float(high)) if high > low else (low - _STEP_DB, high + _STEP_DB)


def spectrum_plot(
    axes: SpectrumAxes,
    curves: Sequence[tuple[Sequence[float], int]],
    *,
    title: str,
    context: Sequence[Sequence[float]] = (),
) -> str:
    """Draw spectra.

    Args:
        axes: where they are drawn.
        curves: (level of each band in dB, number of the color).
        title: plain text.
        context: more spectra, drawn thin and gray behind the curves.
    """
    lines = [
        f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        *axes.grid_lines(),
        *(f'<polyline class="context" points="{axes.path(levels)}"/>' for levels in context),
        *(
            f'<polyline class="curve" style="stroke: {color(number)}" points="{axes.path(levels)}"/>'
            for levels, number in curves
        ),
        "</svg>",
    ]
    return "\n".join(lines)
