"""Splits: groups stay whole, membership is stable, shares are met, an empty split is refused with a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synth.catalog.recording import Recording
from synth.errors import GuardError
from synth.plan.splits import SplitOf, group_of
from synth.recipe.model import SPLITS, Splits
from tests.plan.sources import layer, listed, noise_folder, noise_text, planned, recipe

SHARES = {"train": 0.8, "train-dev": 0.1, "train-dev-noise": 0.1}
THREE = "splits: {by: [speaker], train: 0.8, train-dev: 0.1, train-dev-noise: 0.1}"


def spoken(number: int, speaker: str | None = None, **labels: object) -> Recording:
    return Recording(f"r{number}", "src", f"{number}.wav", 0, 8000, 8000, 1, speaker=speaker, labels=labels)


def by_speaker(count: int, shares: dict[str, float] = SHARES, seed: int = 1) -> dict[str, str]:
    split_of = SplitOf(Splits(("speaker",), shares), seed)
    return {f"s{k}": SPLITS[split_of(spoken(k, f"s{k}"))] for k in range(count)}


def test_shares_of_the_groups_are_those_asked_for() -> None:
    found = list(by_speaker(4000).values())
    for name, share in SHARES.items():
        assert found.count(name) / 4000 == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5)


def test_membership_is_stable_when_speakers_are_added() -> None:
    few, many = by_speaker(50), by_speaker(500)
    assert all(many[speaker] == split for speaker, split in few.items())


def test_a_grown_share_takes_speakers_and_gives_none_back() -> None:
    """The threshold moves: whoever was in train stays there."""
    before, after = by_speaker(500), by_speaker(500, {"train": 0.9, "train-dev": 0.05, "train-dev-noise": 0.05})
    assert all(after[s] == "train" for s, split in before.items() if split == "train")


def test_another_seed_divides_otherwise() -> None:
    assert by_speaker(100, seed=1) != by_speaker(100, seed=2)


def test_all_recordings_of_a_group_go_together() -> None:
    split_of = SplitOf(Splits(("speaker",), SHARES), 1)
    assert len({split_of(spoken(k, "one")) for k in range(300)}) == 1


def test_unknown_speakers_stay_together_by_source() -> None:
    """They may be anybody's: apart from each other they could leak."""
    assert group_of(spoken(1), ("speaker",)) == group_of(spoken(2), ("speaker",))
    assert group_of(spoken(1, ""), ("speaker",)) != group_of(spoken(2), ("speaker",))


def test_groups_of_several_labels_cannot_be_spelled_alike() -> None:
    one = group_of(spoken(1, a="x/1:y", b="z"), ("a", "b"))
    assert one != group_of(spoken(2, a="x", b="y/1:z"), ("a", "b"))
    assert one == group_of(spoken(3, "anyone", a="x/1:y", b="z"), ("a", "b"))


def test_one_split_asks_no_draw() -> None:
    split_of = SplitOf(Splits(("speaker",), {"train-dev": 1.0}), 1)
    assert {SPLITS[split_of(spoken(k, f"s{k}"))] for k in range(20)} == {"train-dev"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    noise_folder(tmp_path / "car", [3.0] * 10)
    listed(tmp_path / "speech.csv", [2.0] * 40, speakers=8)
    return tmp_path


def test_an_empty_split_is_refused_with_a_seed_that_works(folder: Path) -> None:
    path = recipe(folder, noise=noise_text(layer("car", "car", min_recordings=1)), tail=THREE)
    with pytest.raises(GuardError) as caught:
        planned(path, "seed=2")
    text = str(caught.value)
    found = re.fullmatch(
        r"splits: train-dev(-noise)?( and train-dev-noise)? would be empty: 8 groups \(by speaker\) all fell into other splits; "
        r"raise its share, or take a seed that fills all: --set (seed=\d+)",
        text,
    )
    assert found, text
    plan = planned(path, found.group(3))
    assert {spec.split for spec in plan} == set(SHARES)


def test_fewer_groups_than_splits_is_refused_without_a_seed(folder: Path) -> None:
    listed(folder / "speech.csv", [2.0] * 40, speakers=2)
    path = recipe(folder, noise=noise_text(layer("car", "car", min_recordings=1)), tail=THREE)
    with pytest.raises(
        GuardError, match=r"would be empty: 2 groups \(by speaker\) cannot fill 3 splits; add speech, or ask for fewer"
    ):
        planned(path)


def test_no_seed_is_promised_where_none_was_found() -> None:
    split_of = SplitOf(Splits(("speaker",), {"train": 1 - 2e-7, "train-dev": 1e-7, "train-dev-noise": 1e-7}), 1)
    for k in range(60):
        split_of(spoken(k, f"s{k}"))
    with pytest.raises(GuardError, match=r"all fell into other splits; raise its share, or add speech$"):
        split_of.refuse_empty()
