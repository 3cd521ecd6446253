"""A page that is one file: no address in it is ever fetched, it works without JavaScript, in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6670; --line: #d5dae0; --paper: #ffffff; --card: #f5f7f9;
  --warn: #9a4a00; --bad: #a8201a; --good: #1c6e3d; --light: 42%; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaee; --soft: #a2abb5; --line: #3a424b; --paper: #15181c;
  --card: #1e2329; --warn: #f0a35e; --bad: #ff8a80; --good: #79d29a; --light: 66%; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 88rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; max-width: 60rem; } .soft { color: var(--soft); }
.verdict { background: var(--card); border-left: 4px solid var(--soft); padding: .75rem 1rem; margin: 1rem 0; }
.verdict.bad { border-color: var(--bad); } .verdict.low { border-color: var(--warn); }
.verdict.good { border-color: var(--good); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--soft); }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
td.warn { color: var(--warn); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border-radius: 6px; padding: .6rem; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
svg .grid-line { stroke: var(--line); stroke-width: 1; } svg .curve { fill: none; stroke-width: 1.6; }
svg .context { fill: none; stroke: var(--soft); stroke-width: 1; opacity: .35; }
.swatch { display: inline-block; width: .75em; height: .75em; border-radius: 2px; margin-right: .35em; }
"""

# Sorts a table by the column that is clicked; without it the table stands as it is.
_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
      const value = row => key(row) === "" ? Infinity : Number(key(row));
      const text = head.classList.contains("text");
      const order = text ? (a, b) => key(a).localeCompare(key(b)) : (a, b) => value(a) - value(b);
      const rows = [...body.rows].sort((a, b) => down * order(a, b));
      body.append(...rows);
      table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
    };
  });
}
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. `sort` is what it is sorted by where that is not its text; `kind` is a CSS class."""

    text: str
    sort: str | None = None
    kind: str = ""


def page(title: str, body: Sequence[str], *, style: str = "", embeds: bool = False) -> str:
    """A whole document. `title` is plain text, `body` are pieces of HTML.

    `style`: more CSS. `embeds`: pictures and sound stand in it as data: URIs; nothing else is ever loaded.
    """
    embedded = " img-src data:; media-src data:;" if embeds else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # nothing can be loaded, whatever a file name tries
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\';{embedded} '
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>",
            *body,
            f"<script>{_SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def table(columns: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that can be sorted; a cell of kind `text` stands left, others right."""
    head = "".join(f'<th scope="col"{_class(cell)}>{escape(cell.text)}</th>' for cell in columns)
    lines = ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows]
    body = "\n".join(lines)
    whole = f'<table class="sortable"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'
    return f'<div class="wide">{whole}</div>'


def _cell(cell: Cell) -> str:
    sort = "" if cell.sort is None else f' data-sort="{escape(cell.sort)}"'
    return f"<td{_class(cell)}{sort}>{escape(cell.text)}</td>"


def _class(cell: Cell) -> str:
    return f' class="{cell.kind}"' if cell.kind else ""


def colour(number: int) -> str:
    """A colour for the n-th of many things, from 1 on: neighbours differ, and all are legible on light and dark."""
    return f"hsl({(number - 1) * 137.508 % 360:.0f} 65% var(--light))"
