"""What the code cites can be looked up: sections of docs/science.md, and no document outside of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers import ROOT

PAGE = ROOT / "docs" / "science.md"
FOLDERS = ("synth", "tests", "benchmarks", "fixtures", "scripts", "docs")
EXAMPLES = ("house.py", "test_house.py", "test_docs_map.py")
"""Files that look for such citations, and have examples of them."""

CITATION = re.compile(r'science\.md,? "([^"]+)"')

ELSEWHERE = re.compile(
    r"(?<!docs/)\bscience\.md\b|\b(?:DESIGN|STYLE|review_house|trials|peers|reliability_ecosystem)\.md\b"
    r"|\b(?:science|research|project's) notes\b|(?<!or )from memory|not re-read|own guess",
    re.IGNORECASE,
)


def headings(page: Path) -> set[str]:
    return set(re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


def files() -> list[Path]:
    paths = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".md", ".yaml")]
    return sorted(path for path in {*paths, *ROOT.glob("*.md")} - {Path(__file__)} if "broken" not in path.parts)


def citations(text: str) -> list[str]:
    """The cited headings; a citation may go over the end of a line, also of a comment."""
    if "science.md" not in text:
        return []
    return CITATION.findall(re.sub(r"\s*\n\s*(?:#:? )?", " ", text))


def test_every_citation_resolves_to_a_heading() -> None:
    known = headings(PAGE) | {"Heading"}  # the example of the form itself
    wrong = {
        f"{path.relative_to(ROOT)}: {heading}"
        for path in files()
        for heading in citations(path.read_text(encoding="utf-8"))
        if heading not in known
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ('see docs/science.md, "Virtual cars"', ["Virtual cars"]),
        ('# as in docs/science.md,\n    # "Lombard effect", and more', ["Lombard effect"]),
        ('"""Levels (docs/science.md,\n    "Speech level")."""', ["Speech level"]),
        ("science.md 4.6", []),
    ],
)
def test_the_forms_of_a_citation(text: str, cited: list[str]) -> None:
    assert citations(text) == cited


def test_code_cites_no_document_outside_of_the_repository() -> None:
    """And claims nothing "from memory": a value has a source, a measurement, or is chosen (docs/science.md)."""
    wrong = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in files()
        if path.suffix == ".py" and path.name not in EXAMPLES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if ELSEWHERE.search(line)
    ]
    assert wrong == []
