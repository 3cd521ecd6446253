"""Edit errors and alignments, against plain reference implementations."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import UsageError
from synth.stats.edits import Step, align, edit_errors


def distance_by_table(a: str, b: str) -> int:
    """Levenshtein distance by its definition (Wagner and Fischer 1974)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        new = [i]
        for j, y in enumerate(b, start=1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def align_by_recursion(ref: str, hyp: str) -> list[Step]:
    """A shortest path by trying, at every step, a pair first, then an omission, then an addition."""

    @cache
    def best(i: int, j: int) -> tuple[int, tuple[Step, ...]]:
        if i == len(ref) and j == len(hyp):
            return 0, ()
        ways = []
        if i < len(ref) and j < len(hyp):
            kind = "same" if ref[i] == hyp[j] else "substituted"
            cost, steps = best(i + 1, j + 1)
            ways.append((cost + (kind != "same"), (Step(kind, ref[i], hyp[j]), *steps)))  # type: ignore[arg-type]
        if i < len(ref):
            cost, steps = best(i + 1, j)
            ways.append((cost + 1, (Step("missing", ref[i], ""), *steps)))
        if j < len(hyp):
            cost, steps = best(i, j + 1)
            ways.append((cost + 1, (Step("added", "", hyp[j]), *steps)))
        return min(ways, key=lambda way: way[0])  # the first of equals

    return list(best(0, 0)[1])


@settings(max_examples=300, deadline=None)
@given(st.text("abc", max_size=70), st.text("abcd", max_size=70))
def test_errors_are_the_edit_distance(a: str, b: str) -> None:
    assert edit_errors(a, b, "character") == (distance_by_table(a, b), len(a))
    assert edit_errors(" ".join(a), " ".join(b)) == (distance_by_table(a, b), len(a))


@pytest.mark.parametrize(
    ("reference", "hypothesis", "unit", "expected"),
    [
        ("turn left now", "turn right now", "word", (1, 3)),
        ("turn left now", "turn now", "word", (1, 3)),
        ("turn left", "please turn left now", "word", (2, 2)),
        ("turn  left", "turn left", "word", (0, 2)),
        ("", "um", "word", (1, 0)),
        ("six", "sic", "character", (1, 3)),
        ("a b", "ab", "character", (1, 3)),
        ("turn left now", "turn right", "clip", (1, 1)),
        ("two", "two", "clip", (0, 1)),
    ],
)
def test_edit_errors(reference: str, hypothesis: str, unit: str, expected: tuple[int, int]) -> None:
    assert edit_errors(reference, hypothesis, unit) == expected


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(UsageError, match="unit 'phone': one of word, character, clip is needed"):
        edit_errors("a", "b", "phone")


@settings(max_examples=300, deadline=None)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_an_alignment_takes_pairs_before_gaps(ref: str, hyp: str) -> None:
    assert align(" ".join(ref), " ".join(hyp)) == align_by_recursion(ref, hyp)


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_an_alignment_is_as_long_as_the_edit_distance(ref: list[str], hyp: list[str]) -> None:
    for unit, gap in (("word", " "), ("character", ""), ("clip", " ")):
        reference, hypothesis = gap.join(ref), gap.join(hyp)
        steps = align(reference, hypothesis, unit)
        differ = sum(step.kind != "same" for step in steps)
        assert differ == edit_errors(reference, hypothesis, unit)[0]
        assert [step.reference for step in steps if step.reference] == (
            [reference] * bool(ref) if unit == "clip" else ref
        )
        if unit != "clip":
            assert [step.hypothesis for step in steps if step.hypothesis] == hyp
