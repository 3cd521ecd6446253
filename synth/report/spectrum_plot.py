"""Third-octave spectra as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from synth.report.page import colour

_MARKS_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000, 31500)
_STEP_DB = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """Where spectra are drawn: `band_hz` centres of the bands, `low_db` and `high_db` the ends of the scale."""

    band_hz: Sequence[float]
    low_db: float
    high_db: float
    width: int
    height: int
    left: int = 34
    bottom: int = 18
    top: int = 6

    def x(self, hz: float) -> float:
        first, last = math.log(self.band_hz[0]), math.log(self.band_hz[-1])
        share = (math.log(hz) - first) / (last - first) if last > first else 0.5
        return self.left + share * (self.width - self.left - 8)

    def y(self, db: float) -> float:
        share = (self.high_db - db) / (self.high_db - self.low_db)
        return self.top + share * (self.height - self.bottom - self.top)

    def path(self, profile: Sequence[float]) -> str:
        return " ".join(f"{self.x(hz):.1f},{self.y(db):.1f}" for hz, db in zip(self.band_hz, profile, strict=True))


def scale_of(profiles: Sequence[Sequence[float]]) -> tuple[float, float]:
    """(low, high) in dB, multiples of 10 that hold all of these."""
    values = [value for profile in profiles for value in profile] or [0.0]
    low, high = math.floor(min(values) / _STEP_DB) * _STEP_DB, math.ceil(max(values) / _STEP_DB) * _STEP_DB
    return (float(low), float(high)) if high > low else (low - _STEP_DB, high + _STEP_DB)


def drawing(
    frame: Frame, curves: Sequence[tuple[Sequence[float], int]], *, title: str, context: Sequence[Sequence[float]] = ()
) -> str:
    """A drawing of spectra (profile, number of its colour). `context` is drawn thinly behind them."""
    lines = [
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        *grid_lines(frame),
        *(f'<polyline class="context" points="{frame.path(profile)}"/>' for profile in context),
        *(
            f'<polyline class="curve" style="stroke: {colour(number)}" points="{frame.path(profile)}"/>'
            for profile, number in curves
        ),
        "</svg>",
    ]
    return "\n".join(lines)


def grid_lines(frame: Frame) -> list[str]:
    """The scales: lines and numbers, pieces of SVG."""
    lines = []
    room = frame.height - frame.bottom - frame.top
    step = _STEP_DB * max(1, math.ceil((frame.high_db - frame.low_db) / _STEP_DB / (room / 22)))
    for db in range(int(frame.low_db), int(frame.high_db) + 1, step):
        y = frame.y(db)
        lines.append(f'<line class="grid-line" x1="{frame.left}" x2="{frame.width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{frame.left - 5}" y="{y + 4:.1f}" text-anchor="end">{db}</text>')
    wanted = _MARKS_HZ if frame.width > 400 else _MARKS_HZ[::2]
    for hz in (hz for hz in wanted if frame.band_hz[0] <= hz <= frame.band_hz[-1]):
        x, name = frame.x(hz), f"{hz / 1000:g}k" if hz >= 1000 else f"{hz}"
        lines.append(
            f'<line class="grid-line" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{frame.height - frame.bottom}"/>'
        )
        lines.append(f'<text x="{x:.1f}" y="{frame.height - 4}" text-anchor="middle">{name}</text>')
    return lines
