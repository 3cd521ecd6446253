"""Two sets against each other as inline SVG: quantiles, spectra with their spread, scores of the classifier."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from synth.report.spectrum_plot import SpectrumAxes, scale_of

_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 220, 52, 20, 8, 8  # of a plot of quantiles
#: Scale of a feature -> position of a value on the axis: as features are compared, so that equal distances look equal.
_AXES: Final[Mapping[str, Callable[[float], float]]] = {
    "linear": float,
    "log2": lambda value: math.log2(max(value, 1e-9)),
    "logit": lambda value: math.log10(max(value, 1e-4)),
}


def quantile_plot(feature: Mapping[str, Any]) -> str:
    """Draw quantiles of training over those of dev, for a feature in the JSON of a comparison.

    Equal sets lie on the dashed line.
    """
    training, dev = feature["knots"]
    position = _AXES.get(feature["scale"], float)
    values = [position(value) for value in (*training, *dev)]
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5

    def x(value: float) -> float:
        return _LEFT + (position(value) - low) / (high - low) * (_SIZE - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - position(value)) / (high - low) * (_SIZE - _TOP - _BOTTOM)

    title = escape(f"Quantiles of training over those of dev: {feature['shown']}")
    lines = [f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{title}"><title>{title}</title>']
    for tick in _ticks(feature["scale"], low, high):
        across, down = f"{x(tick):.1f}", y(tick)
        lines += [
            f'<line class="grid-line" x1="{across}" x2="{across}" y1="{_TOP}" y2="{_SIZE - _BOTTOM}"/>',
            f'<line class="grid-line" x1="{_LEFT}" x2="{_SIZE - _RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>',
            f'<text x="{across}" y="{_SIZE - 5}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{_LEFT - 4}" y="{down + 4:.1f}" text-anchor="end">{tick:g}</text>',
        ]
    points = [(x(d), y(t)) for t, d in zip(training, dev, strict=True)]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    lines += [
        f'<line class="equal" x1="{_LEFT}" y1="{_SIZE - _BOTTOM}" x2="{_SIZE - _RIGHT}" y2="{_TOP}"/>',
        f'<polyline class="curve one" points="{path}"/>',
        *(f'<circle class="dot" r="2" cx="{across:.1f}" cy="{down:.1f}"/>' for across, down in points),
        "</svg>",
    ]
    return "\n".join(lines)


def spectra_plot(band_hz: Sequence[float], training: Mapping[str, Any], dev: Mapping[str, Any]) -> str:
    """Draw the mean spectra of both sets with one SD to either side.

    Args:
        band_hz: centers of the bands.
        training: {"mean": dB per band, "sd": dB per band}.
        dev: the same for dev.
    """
    edges = {
        kind: [[m + sign * s for m, s in zip(side["mean"], side["sd"], strict=True)] for sign in (1, -1)]
        for kind, side in (("two", dev), ("one", training))
    }
    low, high = scale_of([levels for pair in edges.values() for levels in pair])
    axes = SpectrumAxes(band_hz, low, high, width=920, height=320)
    lines = []
    for kind, (upper, lower) in edges.items():
        back = " ".join(reversed(axes.path(lower).split(" ")))
        lines.append(f'<polygon class="fill-{kind}" points="{axes.path(upper)} {back}"/>')
    for kind, side in (("two", dev), ("one", training)):
        lines.append(f'<polyline class="curve {kind}" points="{axes.path(side["mean"])}"/>')
    title = "Noise spectra of training and dev, dB over Hz"
    head = f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img" aria-label="{title}"><title>{title}</title>'
    return "\n".join([head, *axes.grid_lines(), *lines, "</svg>"])


def histogram(training: Sequence[float], dev: Sequence[float]) -> str:
    """Draw shares of clips (0 to 1) in equal bins of the score, which goes from 0 to 1."""
    width, height, margin, bottom, top = 920, 240, 40, 20, 8
    largest = max([*training, *dev, 1e-9])
    step = (width - margin - 8) / len(training)
    title = "Scores of the classifier: shares of clips of training and of dev"
    lines = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}"><title>{title}</title>',
        f'<line class="axis" x1="{margin}" x2="{width - 8}" y1="{height - bottom}" y2="{height - bottom}"/>',
        f'<text x="{margin - 5}" y="{top + 8}" text-anchor="end">{largest:.0%}</text>',
    ]
    for kind, shares in (("two", dev), ("one", training)):
        for k, share in enumerate(shares):
            tall = share / largest * (height - top - bottom)
            x, y = margin + k * step + 1, height - bottom - tall
            lines.append(
                f'<rect class="bar fill-{kind} {kind}" x="{x:.1f}" y="{y:.1f}" width="{step - 2:.1f}" '
                f'height="{tall:.1f}"/>'
            )
    for score in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = margin + score * (width - margin - 8)
        lines.append(f'<text x="{x:.1f}" y="{height - 4}" text-anchor="middle">{score:g}</text>')
    return "\n".join([*lines, "</svg>"])


def _ticks(scale: str, low: float, high: float) -> list[float]:
    """Return two to four round values between two positions on the axis."""
    if scale == "logit":
        low, high = 10**low, 10**high
    elif scale == "log2":
        low, high = 2**low, 2**high
    rough_step = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough_step))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough_step * (1 - 1e-9))
    multiples = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [float(f"{k * step:.6g}") for k in multiples if k * step > 0 or scale == "linear"]
