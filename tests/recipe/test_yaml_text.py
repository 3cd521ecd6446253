"""YAML as a person means it, and nothing that a hostile file could mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synth.recipe.yaml_text import MAX_NODES, Mistake, Node, parse, source_text


def read(text: str) -> tuple[Any, list[str]]:
    mistakes: list[Mistake] = []
    root = parse(text, source_text("x.yaml", text, Path()), mistakes)
    return plain(root), [str(mistake).split("\n")[0] for mistake in mistakes]


def plain(node: Node | None) -> Any:
    if node is None:
        return None
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Y", "Y"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("+7", 7),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("'1e3'", "1e3"),
        ('"true"', "true"),
        ("1.", 1.0),
        (".", "."),
        ("1٣", "1٣"),  # only ASCII digits make a number
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    got, mistakes = read(f"key: {text}")
    assert mistakes == []
    assert got == {"key": value}
    assert type(got["key"]) is type(value)


def test_an_alias_stands_for_its_anchor() -> None:
    assert read("a: &x [1, 2]\nb: *x\nc: {d: *x}")[0] == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


def test_a_merge_key_is_a_word_as_in_yaml_1_2() -> None:
    assert read("a: &x {b: 1}\nc:\n  <<: *x")[0] == {"a": {"b": 1}, "c": {"<<": {"b": 1}}}


def test_a_hundred_thousand_brackets_are_refused_without_a_crash() -> None:
    assert read("[" * 100_000) == (None, ["x.yaml:1:42: nested more than 40 deep"])


def test_depth_through_aliases_counts_as_depth() -> None:
    levels = "".join(f"a{i}: &a{i} [[[[[[[[*a{i - 1}]]]]]]]]\n" for i in range(1, 9))
    assert read("a0: &a0 [1]\n" + levels)[1] == ["x.yaml:6:17: nested more than 40 deep"]


def test_billion_laughs_are_refused_before_they_are_laughed() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    got, mistakes = read(bomb)
    assert got is None
    assert len(mistakes) == 1
    assert mistakes[0].endswith(f"more than {MAX_NODES:,} values, with aliases counted as often as they are used")


def test_lines_and_columns_are_those_of_the_text() -> None:
    mistakes: list[Mistake] = []
    text = "a: 1\r\nb:\u2028  c: !x 2\n"
    parse(text, source_text("x.yaml", text, Path()), mistakes)
    assert [str(m) for m in mistakes] == [
        "x.yaml:3:6: the tag !x is not allowed; a recipe has no tags\n    c: !x 2\n       ^"
    ]


def test_a_long_line_is_cut_around_the_column() -> None:
    text = "a: [" + "1, " * 200 + "!x 2" + ", 3" * 200 + "]"
    mistakes: list[Mistake] = []
    parse(text, source_text("x.yaml", text, Path()), mistakes)
    _, line, caret = str(mistakes[0]).split("\n")
    assert len(line) < 115
    assert line[caret.index("^") :].startswith("!x 2")
