"""A diagnosis as a page: the ladder as a picture, its gaps, and what to do. It is made from the diagnosis's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from synth.report.page import Cell, asset, bullets, page, table

_VERDICT_CLASSES: Final = {"named": "bad", "cannot tell": "low", "none large": "good"}
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 920, 300, 24, 10, 58, 22  # of the picture


def ladder_page(diagnosis: Mapping[str, Any]) -> str:
    """Return the page of a diagnosis (`Diagnosis.to_json()`), one self-contained HTML document."""
    points = " in percentage points" if diagnosis["unit"] else ""
    reference = escape(diagnosis["reference"])
    verdict_class = _VERDICT_CLASSES[diagnosis["verdict"]]
    actions = []
    for action in diagnosis["actions"]:
        actions += [f"<h2>Next, {escape(action['title'])}</h2>", f"<p>{escape(action['words'])}</p>"]
        if action["recipe"]:
            actions.append(f"<pre>{escape(action['recipe'].rstrip())}</pre>")
        if action["commands"]:
            actions.append("<pre>" + escape("\n".join(action["commands"])) + "</pre>")
    body = [
        "<h1>Where the error is</h1>",
        f'<p class="soft">{escape(diagnosis["measure"])}</p>',
        f'<div class="verdict {verdict_class}"><p class="headline">{escape(diagnosis["headline"])}</p></div>',
        f'<figure class="ladder">{ladder_picture(diagnosis)}<figcaption>Bars: the error of each set, with its 95 % '
        f"interval. Between two bars: the gap{points}; a thick line marks what to work on.</figcaption></figure>",
        *actions,
        "<h2>The ladder</h2>",
        _rung_table(diagnosis["rungs"]),
        f"<h2>Its gaps{points}</h2>",
        _gap_table(diagnosis["gaps"], diagnosis["reference"]),
        f'<p class="soft">Large: the interval is above 0, and the gap is at least {100 * diagnosis["large_from"]:g} % '
        f"of the {reference} error (a convention).</p>",
        *bullets("Notes", diagnosis["notes"]),
    ]
    return page("Where the error is", body, style=asset("ladder.css"))


def ladder_picture(diagnosis: Mapping[str, Any]) -> str:
    """Draw each rung's error as a bar with its interval, and each gap between its two bars; inline SVG."""
    rungs = diagnosis["rungs"]
    low = min(0.0, *(min(rung["low"], rung["error"]) for rung in rungs))
    high = max(1e-9, *(max(rung["high"], rung["error"]) for rung in rungs))

    def x(value: float) -> float:
        return float(_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT))

    tops = {rung["name"]: _TOP + k * _ROW for k, rung in enumerate(rungs)}
    errors = {rung["name"]: rung["error"] for rung in rungs}
    height = _TOP + len(rungs) * _ROW - (_ROW - _BAR) + 10
    title = "The error ladder"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}"><title>{title}</title>',
        f'<line class="axis" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{_TOP - 6}" y2="{height - 4}"/>',
    ]
    for rung in rungs:
        y, start, end = tops[rung["name"]], x(min(0.0, rung["error"])), x(max(0.0, rung["error"]))
        middle, whisker = y + _BAR / 2, (x(rung["low"]), x(rung["high"]))
        name = escape(rung["title"].split(" (")[0].split(",")[0])
        parts += [
            f'<rect class="error" x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="{_BAR}"/>',
            f'<line class="whisker" x1="{whisker[0]:.1f}" x2="{whisker[1]:.1f}" y1="{middle}" y2="{middle}"/>',
            *(
                f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{middle - 5}" y2="{middle + 5}"/>'
                for at in dict.fromkeys(whisker)
            ),
            _label(y + _BAR / 2, f"{name} {escape(rung['shown'])}", "rung"),
        ]
    for gap in diagnosis["gaps"]:
        lower = gap["to"] if gap["is_step"] else gap["from"]  # the oracle is drawn below dev
        line_y = tops[lower] - (_ROW - _BAR) / 2
        start, end = sorted((x(errors[gap["from"]]), x(errors[gap["to"]])))
        heights = f'y1="{line_y}" y2="{line_y}"'
        css_class = "named" if gap["named"] else ""
        name = gap["name"].replace("(noise overfitting included)", "(with noise)")
        parts += [
            f'<line class="drop" x1="{_LEFT}" x2="{end:.1f}" {heights}/>',
            f'<line class="gap {css_class}" x1="{start:.1f}" x2="{max(end, start + 2):.1f}" {heights}/>',
            _label(line_y, f"{escape(name)} {escape(gap['shown'])}", css_class),
        ]
    return "\n".join([*parts, "</svg>"])


def _label(y: float, html: str, css_class: str) -> str:
    return f'<text class="{css_class}" x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{html}</text>'


def _rung_table(rungs: Sequence[Mapping[str, Any]]) -> str:
    head = [Cell("set", kind="text"), *map(Cell, ("error", "95 %", "clips", "words or n", "groups"))]
    rows = [
        [
            Cell(rung["title"], kind="text"),
            Cell(rung["shown"], sort=f"{rung['error']:.6g}"),
            Cell(rung["interval_shown"], sort=f"{rung['low']:.6g}"),
            *(Cell("" if rung[key] is None else f"{rung[key]:,.12g}") for key in ("clips", "words", "groups")),
        ]
        for rung in rungs
    ]
    return table(head, rows)


def _gap_table(gaps: Sequence[Mapping[str, Any]], reference: str) -> str:
    texts = [Cell(name, kind="text") for name in ("gap", "from", "to")]
    head = [*texts, Cell("size"), Cell("95 %"), Cell(f"of the {reference} error"), Cell("", kind="text")]
    rows = []
    for gap in gaps:
        remark = "" if gap["clear"] else "may be chance"
        if not gap["is_step"]:
            remark = "not a step of the ladder: a bound"
        elif gap["named"]:
            remark = "work on this"
        elif gap["large"]:
            remark = "large"
        rows.append(
            [
                Cell(gap["name"], kind="text named" if gap["named"] else "text"),
                Cell(gap["from"], kind="text"),
                Cell(gap["to"], kind="text"),
                Cell(gap["shown"], sort=f"{gap['size']:.6g}"),
                Cell(gap["interval_shown"], sort=f"{gap['low']:.6g}"),
                Cell(gap["share_shown"]),
                Cell(remark, kind="text"),
            ]
        )
    return table(head, rows)
