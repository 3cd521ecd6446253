"""Two sets against each other as inline SVG: quantiles, spectra with their spread, scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from synth.report.spectrum_plot import Frame, grid_lines, scale_of

STYLE = """
:root { --one: #b3440c; --two: #1f62b4; }
@media (prefers-color-scheme: dark) { :root { --one: #f2a071; --two: #86b6f5; } }
svg .one { stroke: var(--one); } svg .two { stroke: var(--two); }
svg .fill-one { fill: var(--one); opacity: .18; } svg .fill-two { fill: var(--two); opacity: .18; }
svg .bar { opacity: .55; } svg .dot { fill: var(--one); } svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .equal { stroke: var(--two); stroke-width: 1; stroke-dasharray: 4 3; }
.swatch.one { background: var(--one); } .swatch.two { background: var(--two); }
"""

_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 220, 52, 20, 8, 8


def quantiles(feature: Mapping[str, Any]) -> str:
    """Quantiles of training over those of dev (a feature of a comparison's JSON); the dashed line is equality."""
    training, dev = feature["knots"]
    to = _axis_of(feature["scale"])
    values = [to(v) for v in (*training, *dev)]
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    room = _SIZE - _LEFT - _RIGHT, _SIZE - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (to(value) - low) / (high - low) * room[0]

    def y(value: float) -> float:
        return _TOP + (high - to(value)) / (high - low) * room[1]

    points = " ".join(f"{x(d):.1f},{y(t):.1f}" for t, d in zip(training, dev, strict=True))
    dots = [f'<circle class="dot" r="2" cx="{x(d):.1f}" cy="{y(t):.1f}"/>' for t, d in zip(training, dev, strict=True)]
    title = escape(f"Quantiles of training over those of dev: {feature['shown']}")
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{title}"><title>{title}</title>',
            *_quantile_axes(feature["scale"], low, high, x, y),
            f'<line class="equal" x1="{_LEFT}" y1="{_SIZE - _BOTTOM}" x2="{_SIZE - _RIGHT}" y2="{_TOP}"/>',
            f'<polyline class="curve one" points="{points}"/>',
            *dots,
            "</svg>",
        ]
    )


def spectra(hz: Sequence[float], training: Mapping[str, Any], dev: Mapping[str, Any]) -> str:
    """Means of both sets over the bands' centres, with a band of one SD to either side; each {"mean", "sd"} in dB."""
    edges = {
        kind: [[m + sign * s for m, s in zip(side["mean"], side["sd"], strict=True)] for sign in (1, -1)]
        for kind, side in (("two", dev), ("one", training))
    }
    low, high = scale_of([profile for pair in edges.values() for profile in pair])
    frame = Frame(hz, low, high, width=920, height=320)
    lines = []
    for kind, (upper, lower) in edges.items():
        back = " ".join(reversed(frame.path(lower).split(" ")))
        lines.append(f'<polygon class="fill-{kind}" points="{frame.path(upper)} {back}"/>')
    for kind, side in (("two", dev), ("one", training)):
        lines.append(f'<polyline class="curve {kind}" points="{frame.path(side["mean"])}"/>')
    title = "Noise spectra of training and dev, dB over Hz"
    head = f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{title}"><title>{title}</title>'
    return "\n".join([head, *grid_lines(frame), *lines, "</svg>"])


def histogram(training: Sequence[float], dev: Sequence[float]) -> str:
    """Shares of clips in equal bins of the score from 0 to 1."""
    width, height, left, bottom, top = 920, 240, 40, 20, 8
    most = max([*training, *dev, 1e-9])
    step = (width - left - 8) / len(training)

    def bar(kind: str, k: int, share: float) -> str:
        tall = share / most * (height - top - bottom)
        return (
            f'<rect class="bar fill-{kind} {kind}" x="{left + k * step + 1:.1f}" y="{height - bottom - tall:.1f}" '
            f'width="{step - 2:.1f}" height="{tall:.1f}"/>'
        )

    bars = [bar("two", k, share) for k, share in enumerate(dev)]
    bars += [bar("one", k, share) for k, share in enumerate(training)]
    marks = [
        f'<text x="{left + score * (width - left - 8):.1f}" y="{height - 4}" text-anchor="middle">{score:g}</text>'
        for score in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    title = "Scores of the classifier: shares of clips of training and of dev"
    return "\n".join(
        [
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}"><title>{title}</title>',
            f'<line class="axis" x1="{left}" x2="{width - 8}" y1="{height - bottom}" y2="{height - bottom}"/>',
            f'<text x="{left - 5}" y="{top + 8}" text-anchor="end">{most:.0%}</text>',
            *bars,
            *marks,
            "</svg>",
        ]
    )


def _axis_of(scale: str) -> Callable[[float], float]:
    """A value's place on the axis: as features are compared, so that equal distances look equal."""
    if scale == "log2":
        return lambda value: math.log2(max(value, 1e-9))
    if scale == "logit":
        return lambda value: math.log10(max(value, 1e-4))
    return float


def _quantile_axes(
    scale: str, low: float, high: float, x: Callable[[float], float], y: Callable[[float], float]
) -> list[str]:
    lines = []
    for value in _ticks(scale, low, high):
        across, down, name = x(value), y(value), f"{value:g}"
        lines.append(
            f'<line class="grid-line" x1="{across:.1f}" x2="{across:.1f}" y1="{_TOP}" y2="{_SIZE - _BOTTOM}"/>'
        )
        lines.append(f'<line class="grid-line" x1="{_LEFT}" x2="{_SIZE - _RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>')
        lines.append(f'<text x="{across:.1f}" y="{_SIZE - 5}" text-anchor="middle">{name}</text>')
        lines.append(f'<text x="{_LEFT - 4}" y="{down + 4:.1f}" text-anchor="end">{name}</text>')
    return lines


def _ticks(scale: str, low: float, high: float) -> list[float]:
    """Two to four round values within the axis."""
    if scale == "logit":
        low, high = 10**low, 10**high
    elif scale == "log2":
        low, high = 2**low, 2**high
    step = _round_step((high - low) / 4)
    first = math.ceil(low / step)
    return [
        float(f"{k * step:.6g}") for k in range(first, math.floor(high / step) + 1) if k * step > 0 or scale == "linear"
    ]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
