"""The map is true: every path on docs/architecture.md and in CONTRIBUTING.md exists, and every room is on the map."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers import ROOT

MAP = ROOT / "docs" / "architecture.md"
PAGES = [
    page for page in (MAP, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "docs" / "index.md") if page.exists()
]
FOLDERS = ("synth", "tests", "docs", "recipes", "fixtures", "benchmarks", "scripts")
NEW = {"synth/dsp/effects/dc_offset.py", "tests/dsp/effects/test_dc_offset.py"}
"""Files that the steps of CONTRIBUTING.md make."""


def paths(text: str) -> set[str]:
    """Paths in backticks or code, such as `synth/dsp/mix.py` and `tests/fuzz/`."""
    return set(re.findall(rf"(?<![\w./-])((?:{'|'.join(FOLDERS)})/[\w./-]*[\w/])", text))


def links(text: str) -> set[str]:
    """Targets of links to files, without the heading."""
    return {target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target} - {""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert ", ".join(name for name in sorted(paths(text) - NEW) if not (ROOT / name).exists()) == ""
    assert ", ".join(name for name in sorted(links(text)) if not (page.parent / name).exists()) == ""


def test_every_room_is_on_the_map() -> None:
    on_the_map = paths(MAP.read_text(encoding="utf-8"))
    rooms = {path.parent.relative_to(ROOT).as_posix() + "/" for path in (ROOT / "synth").rglob("__init__.py")} - {
        "synth/"
    }
    loose = {f"synth/{path.name}" for path in (ROOT / "synth").glob("*.py")} - {"synth/__init__.py"}
    assert sorted((rooms | loose) - on_the_map) == []


def test_what_the_map_names_in_a_file_is_there() -> None:
    named = re.findall(r"`(\w+)` in\s+`(synth/[\w/]+\.py)`", MAP.read_text(encoding="utf-8"))
    assert len(named) >= 3
    assert [
        pair
        for pair in named
        if not re.search(rf"^(def |class |){pair[0]}\b", (ROOT / pair[1]).read_text(encoding="utf-8"), re.MULTILINE)
    ] == []


def test_this_test_sees_a_wrong_path() -> None:
    text = "`synth/dsp/mixer.py`, `synth/dsp/mix.py`, [a](science.md#levels)"
    assert paths(text) == {"synth/dsp/mixer.py", "synth/dsp/mix.py"}
    assert links(text) == {"science.md"}
