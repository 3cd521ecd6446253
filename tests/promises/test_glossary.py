"""docs/glossary.md has each column of each table, and each feature, that a command prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.match.measure.features import FEATURES
from tests.helpers import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "synth" / "cli" / "show").glob("*.py"))
VARIABLE = "N"  # stands for what is not constant in a head


def normalized(name: str) -> str:
    name = re.sub(r"\d+(?= ?(Hz|%))", VARIABLE, name) if re.match(r"(noise|rumble|at) ", name) else name
    return " ".join(name.lower().split())


TERMS = {
    normalized(part)
    for cell in re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE)
    for part in re.split(r"[;,] (?![^(]*\))", re.sub(r" \((?:`|K_eff)[^)]*\)", "", cell))
} | {normalized(cell) for cell in re.findall(r"^\| ([^|(]+?)(?: \(`[^|]*)? \|", PAGE, re.MULTILINE)}


def text_of(node: ast.expr) -> str | None:
    """The text of a head; a variable part is `N` between words, and nothing at the end."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else VARIABLE for part in node.values]
        return "".join(map(str, parts))
    return None


def texts_of(node: ast.expr, tree: ast.Module) -> list[str | None]:
    """The texts of an element of a head: one, or those of a constant of the module (`*_STATES`)."""
    if not isinstance(node, ast.Starred):
        return [text_of(node)]
    constants = {ast.unparse(a.targets[0]): a.value for a in tree.body if isinstance(a, ast.Assign)}
    value = constants.get(ast.unparse(node.value))
    return [text_of(part) for part in value.elts] if isinstance(value, ast.Tuple) else [None]


def heads_of(tree: ast.Module) -> Iterator[list[str]]:
    """The heads of tables: constants `..._HEAD`, variables `head`, and lists that are the first row of a list."""
    named = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and re.search(r"(^|_)(HEAD|head)$", ast.unparse(node.targets[0]))
    ]
    nested = [
        node.elts[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.List) and node.elts and isinstance(node.elts[0], ast.List)
    ]
    for node in [*named, *nested]:
        if isinstance(node, ast.List) and len(node.elts) > 2:
            texts = [text for element in node.elts for text in texts_of(element, tree)]
            if sum(text is not None for text in texts) > len(texts) / 2:
                yield [text for text in texts if text]


def tables_of(tree: ast.Module) -> int:
    return sum(isinstance(node, ast.Call) and ast.unparse(node.func) == "table" for node in ast.walk(tree))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_each_column_of_a_table_is_in_the_glossary(path: Path) -> None:
    """Item 15: `K_eff` was defined nowhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    heads = list(heads_of(tree))
    assert len(heads) >= tables_of(tree), "a table whose head this test does not see: name its head ..._HEAD"
    missing = [
        name
        for head in heads
        for name in head
        if normalized(name) not in TERMS and normalized(re.sub(r" ?N$|^at N error$", "", name)) not in TERMS
        if name not in ("at N error", "of N", "gapN")
    ]
    assert missing == []


def test_each_feature_is_in_the_glossary() -> None:
    assert [f.shown for f in FEATURES if normalized(f.shown) not in TERMS] == []


def test_the_words_of_the_issue_are_in_the_glossary() -> None:
    words = [
        "effective recordings",
        "coverage",
        "W1",
        "AUC",
        "case",
        "condition",
        "pool",
        "layer",
        "active level",
        "band",
    ]
    assert [
        word for word in [*words, "effective sample size", "level fluctuation"] if normalized(word) not in TERMS
    ] == []
    assert all(word in PAGE for word in ("K_eff", "R, reuse", "ESS"))


def test_readme_and_help_name_the_glossary() -> None:
    from synth.cli.app import app

    assert "docs/glossary.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/glossary.md" in str(app.info.epilog)
