"""A plot of CPU time over hours of output as SVG, for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.costs.results import line_through

WIDTH, HEIGHT = 830, 480
LEFT, RIGHT, TOP, BOTTOM = 64, 216, 88, 56
COLORS = {  # of the same lightness on a light and on a dark page; markers differ, too
    "light": ("#6b6b6b", "#0b62c4", "#0a7a55", "#a3360d", "#7a3cae"),
    "dark": ("#a8a8a8", "#6cb0ff", "#4fc79a", "#ff9a70", "#c79bf2"),
}
MARKERS = ("circle", "square", "diamond", "triangle", "cross")


@dataclass(frozen=True)
class Series:
    """One line: its label and its points (hours of output, CPU seconds)."""

    label: str
    points: Sequence[tuple[float, float]]


def cost_svg(series: Sequence[Series], *, title: str, note: str) -> str:
    """Points of each series, and the least-squares line through them from 0 hours."""
    drawn = [one for one in series if line_through(one.points)]
    most_x = max((x for one in drawn for x, _ in one.points), default=1.0) * 1.02
    most_y = max((y for one in drawn for _, y in one.points), default=1.0) * 1.06
    frame = _Frame(most_x, most_y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(note)}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
        f'<text class="soft" x="16" y="48">{escape(note)}</text>',
        *_axes(frame),
    ]
    labels: list[tuple[float, int, str]] = []
    for index, one in enumerate(drawn):
        fixed, slope = line_through(one.points) or (0.0, 0.0)
        end = fixed + slope * most_x
        parts.append(
            f'<line class="fit s{index}" x1="{frame.x(0):.1f}" y1="{frame.y(max(0.0, fixed)):.1f}" '
            f'x2="{frame.x(most_x):.1f}" y2="{frame.y(end):.1f}"/>'
        )
        parts += [_marker(MARKERS[index % len(MARKERS)], frame.x(x), frame.y(y), index) for x, y in one.points]
        labels.append((frame.y(end), index, f"{one.label}\n{max(0.0, fixed):.1f} s + {slope:.2f} s per hour"))
    parts += _labels(labels)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Frame:
    most_x: float
    most_y: float

    def x(self, hours: float) -> float:
        return LEFT + hours / self.most_x * (WIDTH - LEFT - RIGHT)

    def y(self, seconds: float) -> float:
        return HEIGHT - BOTTOM - seconds / self.most_y * (HEIGHT - TOP - BOTTOM)


def _style() -> str:
    def lines(theme: str) -> str:
        kinds = (
            f".s{index} {{ stroke: {color}; }} .l{index} {{ fill: {color}; }}"
            for index, color in enumerate(COLORS[theme])
        )
        return " ".join(kinds)

    return (
        "\ntext { font: 13px system-ui, sans-serif; fill: #222; } .title { font-size: 16px; font-weight: 600; }"
        "\n.soft { fill: #5c5c5c; font-size: 12px; } .label { font-weight: 600; } .page { fill: #fff; }"
        "\n.grid { stroke: #e2e2e2; } .axis { stroke: #777; } .fit { stroke-width: 1.8; }"
        f"\n.mark {{ fill: none; stroke-width: 1.8; }} {lines('light')}"
        "\n@media (prefers-color-scheme: dark) {"
        "\ntext { fill: #e6e6e6; } .soft { fill: #a9a9a9; } .page { fill: #161616; }"
        "\n.grid { stroke: #333; } .axis { stroke: #888; }"
        f"\n{lines('dark')}\n}}\n"
    )


def ticks(most: float) -> list[float]:
    """Round values from 0 up to `most`, four to eight of them."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e9) if most / s <= 8)
    return [round(step * index, 6) for index in range(int(most / step) + 1)]


def _axes(frame: _Frame) -> list[str]:
    right, bottom = frame.x(frame.most_x), frame.y(0)
    parts = []
    for value in ticks(frame.most_y):
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(frame.most_x):
        x = frame.x(value)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{bottom + 5:.1f}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 20:.1f}" text-anchor="middle">{value:g}</text>')
    middle = (LEFT + right) / 2
    return [
        *parts,
        f'<line class="axis" x1="{LEFT}" x2="{right:.1f}" y1="{bottom:.1f}" y2="{bottom:.1f}"/>',
        f'<text x="{middle:.1f}" y="{HEIGHT - 14}" text-anchor="middle">hours of speech, one clip per utterance</text>',
        f'<text x="16" y="{TOP - 12}">CPU seconds of the process</text>',
    ]


def _marker(kind: str, x: float, y: float, index: int) -> str:
    at = f'class="mark s{index}"'
    if kind == "circle":
        return f'<circle {at} cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    shapes = {
        "square": "M-4,-4 h8 v8 h-8 z",
        "diamond": "M0,-5 L5,0 L0,5 L-5,0 z",
        "triangle": "M0,-5 L5,4 L-5,4 z",
        "cross": "M-4,-4 L4,4 M-4,4 L4,-4",
    }
    return f'<path {at} d="{shapes[kind]}" transform="translate({x:.1f},{y:.1f})"/>'


def spread(places: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Ascending places moved as little as possible (least squares), at least `gap` apart, between low and high."""
    groups: list[list[float]] = []  # sum of the places less their number times the gap, and their count
    for number, place in enumerate(places):
        groups.append([place - number * gap, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    means = [total / count for total, count in groups for _ in range(int(count))]
    most = high - (len(means) - 1) * gap
    return [min(max(mean, low), most) + number * gap for number, mean in enumerate(means)]


def _labels(labels: Sequence[tuple[float, int, str]]) -> list[str]:
    """Two lines of text at the end of each line, moved apart where they would touch."""
    parts = []
    ends = sorted(labels)
    places = spread([end for end, _, _ in ends], gap=36, low=TOP, high=HEIGHT - BOTTOM)
    for y, (_, index, text) in zip(places, ends, strict=True):
        name, figures = text.split("\n")
        x = WIDTH - RIGHT + 10
        parts.append(f'<text class="label l{index}" x="{x}" y="{y - 2:.1f}">{escape(name)}</text>')
        parts.append(f'<text class="soft" x="{x}" y="{y + 13:.1f}">{escape(figures)}</text>')
    return parts
