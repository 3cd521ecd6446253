"""docs/STATUS.md: every bar has an id of its own, a figure and a verdict, and every path that it names exists."""

from __future__ import annotations

import re

from tests.helpers import ROOT

TEXT = (ROOT / "docs" / "STATUS.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in TEXT.splitlines()
    if re.match(r"\| [A-Z]\d+ \|", line)
]


def test_every_bar_has_an_id_a_figure_a_verdict_and_a_command() -> None:
    assert len(ROWS) > 80
    assert [row for row in ROWS if len(row) != 5] == []
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert {row[3] for row in ROWS} <= {"yes", "no", "not measured"}
    assert [row[0] for row in ROWS if not row[1] or not row[4]] == []
    assert [row[0] for row in ROWS if not row[2] and row[3] != "not measured"] == []


def test_every_path_exists() -> None:
    paths = set(re.findall(r"\b(?:tests|benchmarks|scripts|recipes|docs)/[\w/.-]*\w", TEXT))
    assert len(paths) > 30
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_details_are_about_bars_of_the_table() -> None:
    ids = {row[0] for row in ROWS}
    named = {
        name for line in TEXT.splitlines() if line.startswith("- ") for name in re.findall(r"\b([A-Z]\d+)(?=:)", line)
    }
    assert named <= ids
