"""A diagnosis as a page: the ladder as a picture, its gaps, and what to do. Made from its JSON values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from synth.paths import output_path
from synth.report.page import Cell, page, table

_STYLE = """
:root { --one: #b3440c; --two: #1f62b4; }
@media (prefers-color-scheme: dark) { :root { --one: #f2a071; --two: #86b6f5; } }
.headline { font-size: 1.05rem; font-weight: 600; max-width: none; } ul { margin: .25rem 0; padding-left: 1.2rem; }
figure.ladder { max-width: 60rem; }
svg .error { fill: var(--two); opacity: .4; } svg .whisker { stroke: var(--ink); stroke-width: 1.4; }
svg .axis { stroke: var(--soft); stroke-width: 1; } svg .gap { stroke: var(--soft); stroke-width: 3; }
svg .gap.named { stroke: var(--one); stroke-width: 7; } svg .drop { stroke: var(--line); stroke-dasharray: 3 3; }
svg text { font-size: 13px; } svg text.rung { fill: var(--ink); } svg text.named { fill: var(--one); font-weight: 600; }
td.named { color: var(--one); font-weight: 600; }
pre { background: var(--card); padding: .6rem .8rem; border-radius: 6px; overflow-x: auto; max-width: 60rem; }
"""
_KIND = {"told": "bad", "cannot tell": "low", "none large": "good"}
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 920, 300, 24, 10, 58, 22


def ladder_page(found: Mapping[str, Any]) -> str:
    """The page of a diagnosis (`Diagnosis.to_json()`), one self-contained HTML document."""
    points = " in percent points" if found["unit"] else ""
    body = [
        "<h1>Where the error is</h1>",
        f'<p class="soft">{escape(found["measure"])}</p>',
        f'<div class="verdict {_KIND[found["verdict"]]}"><p class="headline">{escape(found["headline"])}</p></div>',
        f'<figure class="ladder">{ladder_picture(found)}<figcaption>Bars: the error of each set; lines across their '
        f"ends: 95 % intervals. Between two bars: their gap{points}; thick: what to work on."
        "</figcaption></figure>",
        *(line for action in found["actions"] for line in _action(action)),
        "<h2>The ladder</h2>",
        table(_RUNG_HEAD, [_rung(rung) for rung in found["rungs"]]),
        f"<h2>Its gaps{points}</h2>",
        table([*_GAP_HEAD, Cell(f"of the {found['reference']} error"), Cell("", kind="text")], _gaps(found)),
        f'<p class="soft">Large: the interval lies above 0, and the gap is {100 * found["large_from"]:g} % of the '
        f"{escape(found['reference'])} error or more (a convention).</p>",
        "<h2>Notes</h2>",
        "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in found["notes"]) + "</ul>",
    ]
    return page("Where the error is", body, style=_STYLE)


def write_page(path: Path, found: Mapping[str, Any]) -> None:
    """Raises UsageError, StorageError as `synth.paths.output_path.write`."""
    output_path.write(path, ladder_page(found).encode("utf-8", "replace"), "page", option="--html")


def ladder_picture(found: Mapping[str, Any]) -> str:
    """Each rung's error as a bar with its interval, and each gap between its two bars; inline SVG."""
    rungs = found["rungs"]
    low = min(0.0, *(min(rung["low"], rung["error"]) for rung in rungs))
    high = max(1e-9, *(max(rung["high"], rung["error"]) for rung in rungs))

    def x(value: float) -> float:
        return float(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT))

    at = {rung["name"]: _TOP + k * _ROW for k, rung in enumerate(rungs)}
    errors = {rung["name"]: rung["error"] for rung in rungs}
    height = _TOP + len(rungs) * _ROW - (_ROW - _BAR) + 10
    title = "The error ladder"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}"><title>{title}</title>',
        f'<line class="axis" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{_TOP - 6}" y2="{height - 4}"/>',
    ]
    for rung in rungs:
        parts += _bar(rung, at[rung["name"]], x(0), x(rung["error"]), (x(rung["low"]), x(rung["high"])))
    for gap in found["gaps"]:
        lower = gap["to"] if gap["is_step"] else gap["from"]  # the oracle stands below dev
        parts += _step(gap, at[lower] - (_ROW - _BAR) / 2, (x(errors[gap["from"]]), x(errors[gap["to"]])))
    return "\n".join([*parts, "</svg>"])


def _bar(rung: Mapping[str, Any], y: float, zero: float, end: float, whisker: tuple[float, float]) -> list[str]:
    middle = y + _BAR / 2
    left, width = min(zero, end), abs(end - zero)
    name = escape(rung["title"].split(" (")[0].split(",")[0])
    return [
        f'<rect class="error" x="{left:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}"/>',
        f'<line class="whisker" x1="{whisker[0]:.1f}" x2="{whisker[1]:.1f}" y1="{middle}" y2="{middle}"/>',
        *(
            f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{middle - 5}" y2="{middle + 5}"/>'
            for at in dict.fromkeys(whisker)
        ),
        f'<text class="rung" x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{name} {escape(rung["shown"])}</text>',
    ]


def _step(gap: Mapping[str, Any], y: float, ends: tuple[float, float]) -> list[str]:
    named = " named" if gap["named"] else ""
    return [
        f'<line class="drop" x1="{_LEFT}" x2="{max(ends):.1f}" y1="{y}" y2="{y}"/>',
        f'<line class="gap{named}" x1="{min(ends):.1f}" x2="{max(*ends, min(ends) + 2):.1f}" y1="{y}" y2="{y}"/>',
        f'<text class="{named.strip()}" x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">'
        f"{escape(_short(gap['name']))} {escape(gap['shown'])}</text>",
    ]


def _short(name: str) -> str:
    return name.replace("(noise overfitting included)", "(with noise)")


def _action(action: Mapping[str, Any]) -> list[str]:
    lines = [f"<h2>Next, {escape(action['title'])}</h2>", f"<p>{escape(action['words'])}</p>"]
    if action["recipe"]:
        lines.append(f"<pre>{escape(action['recipe'].rstrip())}</pre>")
    if action["commands"]:
        lines.append("<pre>" + escape("\n".join(action["commands"])) + "</pre>")
    return lines


_RUNG_HEAD = [Cell("set", kind="text"), *(Cell(name) for name in ("error", "95 %", "clips", "words or n", "groups"))]
_GAP_HEAD = [Cell("gap", kind="text"), Cell("from", kind="text"), Cell("to", kind="text"), Cell("size"), Cell("95 %")]


def _rung(rung: Mapping[str, Any]) -> list[Cell]:
    counts = [Cell("" if rung[key] is None else f"{rung[key]:,.12g}") for key in ("clips", "words", "groups")]
    return [
        Cell(rung["title"], kind="text"),
        Cell(rung["shown"], sort=f"{rung['error']:.6g}"),
        Cell(rung["interval_shown"], sort=f"{rung['low']:.6g}"),
        *counts,
    ]


def _gaps(found: Mapping[str, Any]) -> Sequence[Sequence[Cell]]:
    return [
        [
            Cell(gap["name"], kind="text named" if gap["named"] else "text"),
            Cell(gap["from"], kind="text"),
            Cell(gap["to"], kind="text"),
            Cell(gap["shown"], sort=f"{gap['size']:.6g}"),
            Cell(gap["interval_shown"], sort=f"{gap['low']:.6g}"),
            Cell(gap["share_shown"]),
            Cell(_said(gap), kind="text"),
        ]
        for gap in found["gaps"]
    ]


def _said(gap: Mapping[str, Any]) -> str:
    if not gap["is_step"]:
        return "no step of the ladder: a bound"
    return "work on this" if gap["named"] else "large" if gap["large"] else "" if gap["clear"] else "may be chance"
