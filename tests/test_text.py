"""What may reach a terminal, and what may stand in a cell of a CSV file."""

from __future__ import annotations

import ast
import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.diagnose.review.confident_joint import Candidate, MislabeledClips
from synth.diagnose.review.review_csv import Review, ReviewRow, format_review, read_review
from synth.text import (
    CsvReader,
    csv_cell,
    csv_line,
    csv_text,
    cut_long_words,
    listed,
    printable,
    printable_json,
    printable_lines,
)
from tests.helpers import REVIEW_DESIGN

PACKAGE = Path(__file__).resolve().parents[1] / "synth"
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
FORMULAS = ('=HYPERLINK("http://x","y")', "=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "'=1", "''=1", "-", "+1+1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada_1.flac", "ada_1.flac"),
        ("Grüße 世界", "Grüße 世界"),
        ("esc\x1b[2J\x07.wav", "esc\\x1b[2J\\x07.wav"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("line\u2028end\u0085", "line\\u2028end\\x85"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_could_obey_is_escaped(text: str, shown: str) -> None:
    """B9: escape sequences, bidirectional marks, U+009B and the rest."""
    assert printable(text) == shown


@given(ANY_TEXT)
def test_any_text_becomes_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert all(line.isprintable() for line in printable_lines(text).split("\n"))
    assert printable_lines(text).count("\n") == text.count("\n")


@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_printable_json_means_the_same(value: dict[str, str]) -> None:
    text = printable_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == value


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_defused(text: str) -> None:
    """B11: cells that begin with = + - @, a tab or a carriage return."""
    assert csv_cell(text) == f"'{text}"
    assert csv_text(csv_cell(text)) == text


@pytest.mark.parametrize("text", ["-3.5", "+1", "-1e-05", "12", "", "hello - world", "'tis", "'", "a=b"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    """B11: what we write as numbers stays numbers."""
    assert csv_cell(text) == text
    assert csv_text(text) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")), min_size=1)))
def test_csv_lines_are_read_as_they_were_written(rows: list[list[str]]) -> None:
    text = "".join(csv_line(row) for row in rows)
    assert list(CsvReader(lines_of(text))) == rows
    for row in csv.reader(lines_of(text)):
        assert not any(cell[:1] in ("=", "@", "\t", "\r", "\n") for cell in row)


def lines_of(text: str) -> list[str]:
    """Lines that end at line feeds only, as `SourceLines` gives them."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def review_of(text: str) -> Review:
    row = ReviewRow(
        id=text, audio=text, kind="wrong", reference=text, hypothesis=text, errors=1.0, words=2.0, reviewed=True,
        tags=(), correction=f"{text} corrected", comment=f"{text} comment", group=text, stratum=text, stratum_clips=3, where="",
    )  # fmt: skip
    return Review((row,), (), REVIEW_DESIGN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (listed([]), ""),
        (listed(["a", "b"], 2), "a, b"),
        (listed(["a", "b", "c"], 2), "a, b and 1 more"),
        (listed(range(2000), 1), "0 and 1,999 more"),
        (listed(["a", "b", "c"], 2, separator="; "), "a; b; and 1 more"),
        (listed(["a", "b"], 3, noun="clips", total=9), "a, b and 7 more clips"),
    ],
)
def test_a_long_list_is_cut(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize("text", FORMULAS[:5] + FORMULAS[7:])
def test_a_review_has_no_formula_and_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    """B11: texts, hypotheses and groups of review.csv that begin with =, +, - or @."""
    path = tmp_path / "review.csv"
    path.write_text(format_review(review_of(text)), encoding="utf-8", newline="")
    with path.open(newline="", encoding="utf-8") as file:
        cells = next(csv.DictReader(file))
    assert [
        cells[name][0] for name in ("id", "audio", "reference", "hypothesis", "group", "stratum", "correction")
    ] == ["'"] * 7
    assert cells["errors"] == "1"
    (row,) = read_review(path).rows
    assert (row.id, row.reference, row.hypothesis, row.group) == (text, text, text, text)


def test_candidates_have_no_formula() -> None:
    """B11: `errors mislabeled --out`."""
    candidate = Candidate("=id", "@audio", "-label", "+suggested", 0.25, 0.75)
    table = MislabeledClips((), 1, (), np.zeros((0, 0)), (candidate,)).to_csv()
    cells = list(csv.reader(table.splitlines()))[1]
    assert cells[:4] == ["'=id", "'@audio", "'-label", "'+suggested"]
    assert [float(cell) for cell in cells[4:7]] == pytest.approx([0.25, 0.75, candidate.margin])


def test_there_is_one_way_to_write_and_to_read_csv() -> None:
    """B11: a new command cannot write a formula, because csv.writer and csv.reader are used in one place."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("csv.writer", "csv.reader", "csv.DictWriter", "csv.DictReader")
    }
    assert users == {"text.py"}


def test_a_word_longer_than_any_path_is_cut_and_a_path_is_not() -> None:
    path = "/" + "x" * 4000
    message = f"{path}: clip a{'9' * 50_000}b: no text"
    assert cut_long_words(message) == f"{path}: clip a{'9' * 99}...{'9' * 48}b: no text"
    assert cut_long_words("short words " * 1000) == "short words " * 1000
