"""The errors as an SVG picture: a panel for each target, a bar for each recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from .statistics import Counts

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222; } .head { font-weight: 600; } .soft { fill: #666; }
.bar { fill: #1f62b4; } .bar.ours { fill: #b3440c; } .bar.oracle { fill: #8a8a8a; }
.line { stroke: #ddd; stroke-width: 1; } .spread { stroke: #222; stroke-width: 1.2; }
.other { fill: none; stroke: #222; }
"""
_LABELS, _PANEL, _ROW, _TOP, _GAP = 140, 150, 24, 44, 48


def errors_svg(stronger: Counts, other: Counts, titles: Mapping[str, str], targets: Sequence[str], note: str) -> str:
    """Bars: mean error of the stronger model; lines: SD over seeds; circles: the other model."""
    recipes = list(titles)
    width = _LABELS + len(targets) * (_PANEL + _GAP)
    notes = note.split(". ")
    height = _TOP + len(recipes) * _ROW + 18 + 16 * len(notes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(note)}</title><style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k, recipe in enumerate(recipes):
        y = _TOP + k * _ROW + 16
        parts.append(f'<text x="{_LABELS - 10}" y="{y}" text-anchor="end">{escape(titles[recipe])}</text>')
    for k, target in enumerate(targets):
        left = _LABELS + k * (_PANEL + _GAP)
        parts += _panel(left, target, recipes, stronger, other)
    for k, line in enumerate(notes):
        y = height - 16 * (len(notes) - 1 - k) - 8
        parts.append(f'<text class="soft" x="8" y="{y}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: int, target: str, recipes: Sequence[str], stronger: Counts, other: Counts) -> list[str]:
    at = stronger.targets.index(target)
    bottom = _TOP + len(recipes) * _ROW
    parts = [f'<text class="head" x="{left}" y="16">{escape(target)}</text>']
    for percent in (0, 25, 50, 75, 100):
        x = left + percent / 100 * _PANEL
        parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>')
        if percent % 50 == 0:
            parts.append(f'<text class="soft" x="{x:.1f}" y="{_TOP - 10}" text-anchor="middle">{percent}</text>')
    for k, recipe in enumerate(recipes):
        errors = stronger.error(recipe)[at]
        mean, sd = float(errors.mean()), float(errors.std(ddof=1)) if len(errors) > 1 else 0.0
        y = _TOP + k * _ROW
        kind = "bar ours" if recipe == "fitted" else "bar oracle" if recipe.startswith("oracle") else "bar"
        ends = [left + max(0.0, min(1.0, value)) * _PANEL for value in (mean - sd, mean + sd)]
        dot = left + float(other.error(recipe)[at].mean()) * _PANEL
        parts.append(f'<rect class="{kind}" x="{left}" y="{y + 4}" width="{mean * _PANEL:.1f}" height="15"/>')
        parts.append(f'<line class="spread" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y + 11.5}" y2="{y + 11.5}"/>')
        parts.append(f'<circle class="other" cx="{dot:.1f}" cy="{y + 11.5}" r="3.5"/>')
        parts.append(f'<text class="soft" x="{left + _PANEL + 8}" y="{y + 16}">{100 * mean:.0f}</text>')
    return parts
