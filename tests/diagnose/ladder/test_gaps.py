"""The right gap is named: the classic rows, random ladders, small samples, missing rungs."""

from __future__ import annotations

import pytest

from synth.diagnose.ladder.diagnosis import Diagnosis, diagnose
from synth.diagnose.ladder.ladder import Ladder, parse_given, read_ladder
from synth.errors import UsageError
from tests.diagnose.random_ladders import N, outcomes

THREE = ("train", "train-dev", "dev")
FOUR = ("train", "train-dev", "train-dev-noise", "dev")
ROWS = [
    (THREE, "1/9/10", ["variance"]),
    (THREE, "1/1.5/10", ["data mismatch (noise overfitting included)"]),
    (THREE, "1/5/5", ["variance"]),
    (THREE, "10/11/12", ["avoidable bias"]),
    (THREE, "10/11/20", ["avoidable bias", "data mismatch (noise overfitting included)"]),
    (FOUR, "1/2/9/10", ["noise overfitting"]),
    (FOUR, "1/2/2.5/10", ["data mismatch"]),
]


def ladder(names: tuple[str, ...], errors: str, n: float | None = N, **more: str) -> Ladder:
    return read_ladder((), given=dict(zip(names, errors.split("/"), strict=True)) | more, n=n)


def told(names: tuple[str, ...], errors: str, n: float | None = N, **more: str) -> Diagnosis:
    return diagnose(ladder(names, errors, n, **more))


@pytest.mark.parametrize(("names", "errors", "named"), ROWS, ids=[row[1] for row in ROWS])
def test_the_classic_rows(names: tuple[str, ...], errors: str, named: list[str]) -> None:
    found = told(names, errors)
    assert found.analysis.verdict == "named"
    assert [gap.name for gap in found.analysis.named] == named
    assert {one.gap.name for one in found.actions if one.gap} == set(named)


@pytest.mark.parametrize(("names", "errors"), [row[:2] for row in ROWS], ids=[row[1] for row in ROWS])
@pytest.mark.parametrize("seed", range(5))
def test_fifty_clips_tell_nothing(names: tuple[str, ...], errors: str, seed: int) -> None:
    given = dict(zip(names, errors.split("/"), strict=True))
    found = diagnose(read_ladder((), given=given, n=50, seed=seed))
    assert found.analysis.verdict == "cannot tell"
    assert found.headline.startswith("cannot tell at this sample size")
    assert found.analysis.named == ()


def test_the_largest_gap_of_a_thousand_random_ladders() -> None:
    """Of ladders measured on 10,000 clips a rung none is told wrong: the truly largest gap is named alone, or among
    those said to be as large within sampling error (benchmarks by seed: 839 alone, 87 such ties, 74 cannot tell)."""
    found = outcomes(1000)
    assert found["wrong"] <= 2  # an interval of 95 % is wrong now and then, where two gaps are nearly equal
    assert found["right"] >= 800
    assert found["cannot tell"] <= 100


def test_random_ladders_of_fifty_clips_are_seldom_told() -> None:
    """Only gaps of tens of points can be told then; none is told wrong more often than an interval is."""
    found = outcomes(300, n=50)
    assert found["wrong"] <= 0.05 * 300
    assert found["right"] + found["tie"] <= 0.2 * 300


def test_gaps_stand_by_size_and_are_what_they_are() -> None:
    found = told((*FOUR, "test"), "2/4/9/12/13", human="1")
    gaps = [(gap.name, round(100 * gap.size, 6)) for gap in found.analysis.gaps]
    assert gaps == [
        ("noise overfitting", 5),
        ("data mismatch", 3),
        ("variance", 2),
        ("avoidable bias", 1),
        ("dev overfitting", 1),
    ]
    assert [round(gap.share or 0, 6) for gap in found.analysis.gaps][:2] == [round(5 / 12, 6), 0.25]


def test_dev_overfitting_is_named() -> None:
    assert [gap.name for gap in told((*FOUR, "test"), "1/2/3/5/15").analysis.named] == [
        "dev overfitting",
        "data mismatch",
    ]
    assert [gap.name for gap in told((*FOUR, "test"), "1/1.5/2/10/15").analysis.named] == [
        "data mismatch",
        "dev overfitting",
    ]


@pytest.mark.parametrize(
    ("names", "errors", "name"),
    [
        (("train", "dev"), "1/10", "variance, noise overfitting and data mismatch together"),
        (("train", "train-dev-noise", "dev"), "1/9/10", "variance (noise overfitting included)"),
        (("train-dev", "dev"), "9/10", "avoidable bias and variance together"),
        (("train", "train-dev", "test"), "1/2/10", "noise overfitting, data mismatch and dev overfitting together"),
    ],
)
def test_a_gap_spans_rungs_that_are_missing(names: tuple[str, ...], errors: str, name: str) -> None:
    found = told(names, errors)
    assert found.analysis.gaps[0].name == name
    assert any(note.startswith("no ") and name in note for note in found.notes)
    assert found.actions


def test_people_take_away_from_bias() -> None:
    assert [gap.name for gap in told(THREE, "10/11/12", human="9").analysis.gaps if gap.steps == ("bias",)] == [
        "avoidable bias"
    ]
    assert told(THREE, "10/11/12", human="9").analysis.verdict == "none large"
    assert any("assumed to be 0 %" in note for note in told(THREE, "10/11/12").notes)


def test_gaps_that_fall_make_no_remedy() -> None:
    found = told(THREE, "12/10/8", human="12")
    assert found.analysis.verdict == "none large"
    assert found.actions == ()


def test_no_gap_is_large_where_people_do_no_better() -> None:
    found = told(FOUR, "9.5/9.8/10/10", human="9")
    assert found.analysis.verdict == "none large"
    assert found.headline.startswith("no gap is large")


def test_train_dev_harder_than_dev_is_not_no_mismatch() -> None:
    """Measured once on real car noise: 0.5 / 25.5 / 23.4, an oracle at 17.1."""
    alone = told(THREE, "0.5/25.5/23.4")
    assert any(
        "is harder than dev" in note and "does not mean 'no mismatch'" in note and "AUC" in note for note in alone.notes
    )
    bounded = told((*THREE, "oracle"), "0.5/25.5/23.4/17.1")
    assert [one.gap.name for one in bounded.actions if one.gap] == ["variance", "what matching could still give"]
    matching = next(gap for gap in bounded.analysis.gaps if not gap.is_step)
    assert (round(100 * matching.size, 6), matching.large) == (6.3, True)


def test_a_bound_is_no_step_of_the_ladder() -> None:
    """The oracle's gap holds what steps hold already: it is never the gap that is named."""
    found = told((*FOUR, "oracle"), "1/2/3/10/1")
    assert found.analysis.gaps[0].name == "what matching could still give"
    assert [gap.name for gap in found.analysis.named] == ["data mismatch"]


def test_an_oracle_worse_than_the_model_bounds_nothing() -> None:
    found = told((*FOUR, "oracle"), "1/2/3/10/14")
    assert any("the oracle has too little data" in note for note in found.notes)


def test_more_clips_are_asked_for_where_nothing_can_be_told() -> None:
    few = told(THREE, "1/9/10", n=50)
    assert [one.title for one in few.actions] == ["to be able to tell", "if it is variance"]
    assert few.analysis.more is not None
    assert told(THREE, "1/9/10", n=50 * few.analysis.more).analysis.verdict == "named"


@pytest.mark.parametrize(
    ("text", "error", "n"),
    [("9", 0.09, 100), ("9%", 0.09, 100), ("9@600", 0.09, 600), ("9 % @ 600", 0.09, 600), ("54/600", 0.09, 600)],
)
def test_numbers_are_read(text: str, error: float, n: float) -> None:
    given = parse_given(text, 100)
    assert (round(given.error, 9), given.n) == (error, n)


@pytest.mark.parametrize("text", ["", "x", "9@", "9@x", "101", "-1", "5/0", "5/4", "nan", "inf", "1/2/3", "9@0.5"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--dev is "):
        parse_given(text, 100, what="--dev")


def test_numbers_need_their_n() -> None:
    with pytest.raises(UsageError, match=r"--train: of how many clips or words\? Give --n 2000, or --train 9@2000"):
        ladder(THREE, "1/9/10", n=None)


def test_one_rung_makes_no_gap() -> None:
    with pytest.raises(UsageError, match="a gap needs two errors; there is only human"):
        diagnose(read_ladder(()))


def test_same_input_same_output() -> None:
    assert told(FOUR, "1/2/9/10").to_json() == told(FOUR, "1/2/9/10").to_json()
