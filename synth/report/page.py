"""A page that is one file: it never loads anything, works without JavaScript, and has a light and a dark scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from synth.paths import output_path

_ASSETS: Final = Path(__file__).parent / "assets"
_COLUMN: Final = ' scope="col"'


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    sort: str | None = None  # what the column is sorted by, if that is not the text
    kind: str = ""  # CSS classes; `text`: aligned to the left and sorted as text

    def open_tag(self, name: str, attributes: str = "") -> str:
        """Return the start of the cell's element; `name`: td or th."""
        css_class = f' class="{self.kind}"' if self.kind else ""
        sort = "" if self.sort is None else f' data-sort="{escape(self.sort)}"'
        return f"<{name}{attributes}{css_class}{sort}>"


def asset(name: str) -> str:
    """Return the text of a style sheet or script in `synth/report/assets`."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def page(title: str, body: Sequence[str], *, style: str = "", embeds: bool = False) -> str:
    """Return a whole HTML document.

    Args:
        title: plain text.
        body: pieces of HTML.
        style: CSS in addition to that of all pages.
        embeds: whether the body has pictures and sound as `data:` URIs.
    """
    embedded = " img-src data:; media-src data:;" if embeds else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # file names and labels of strangers get into the page: even if one of them were read as HTML, the browser
            # would load nothing
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\';{embedded} '
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>\n<style>\n{asset('page.css')}{style}</style>\n</head>\n<body>",
            *body,
            f"<script>\n{asset('page.js')}</script>\n</body>\n</html>\n",
        ]
    )


def check_page(path: Path, *, inputs: Sequence[Path | None], beside: Path | None = None) -> None:
    """Raise UsageError if the page must not be written to `path` (`output_path.check_file`)."""
    output_path.check_file(path, "page", option="--html", inputs=inputs, beside=beside)


def write_page(path: Path, html: str) -> None:
    """Write a page. Raises UsageError and StorageError as `output_path.write`."""
    output_path.write(path, html.encode("utf-8", "replace"), "page", option="--html")


def table(columns: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table that can be sorted by each of its columns."""
    lines = []
    for row in rows:
        lines.append("<tr>" + "".join(f"{cell.open_tag('td')}{escape(cell.text)}</td>" for cell in row) + "</tr>")
    head = "".join(f"{cell.open_tag('th', _COLUMN)}{escape(cell.text)}</th>" for cell in columns)
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'
        "</div>"
    )


def bullets(title: str, lines: Sequence[str]) -> list[str]:
    """Return a heading and a list of plain texts; nothing if there are no lines."""
    if not lines:
        return []
    return [f"<h2>{escape(title)}</h2>", "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"]


def color(number: int) -> str:
    """Return a color for thing `number` (from 1): neighbors differ, and all are legible on light and dark."""
    return f"hsl({(number - 1) * 137.508 % 360:.0f} 65% var(--light))"
