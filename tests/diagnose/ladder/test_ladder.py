"""Ladders of scores clip by clip: sums weighted rightly, intervals over groups that hold what they promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synth.diagnose.ladder.diagnosis import diagnose
from synth.diagnose.ladder.ladder import Ladder, error_of, from_scores, read_ladder
from synth.diagnose.ladder.predictions import Prediction, Scores
from synth.diagnose.ladder.rung_draws import bootstrap
from synth.errors import UsageError
from synth.stats.bootstrap import DRAWS


def clip(number: int, errors: float, words: float = 1.0, split: str = "dev", **more: object) -> Prediction:
    return Prediction(
        id=f"{split}-{number}", reference=None, hypothesis=None, errors=errors, words=words, split=split, **more
    )


def scores(clips: list[Prediction], *, is_rate: bool = True) -> Scores:
    return Scores(tuple(clips), "error rate" if is_rate else "loss", is_rate, ())


def interval(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def test_errors_are_summed_before_they_are_divided() -> None:
    """One word wrong of 1, and none of 99: 1 %, not the 50 % that a mean of ratios says."""
    assert error_of([clip(0, 1, 1), clip(1, 0, 99)]) == pytest.approx(0.01)


def test_weights_count_both_errors_and_words() -> None:
    assert error_of([clip(0, 1, 2, weight=3.0), clip(1, 0, 6)]) == pytest.approx(3 / 12)


def clustered(
    seed: int, *, groups: int = 40, each: int = 25, split: str = "dev", rate: float = 0.2
) -> list[Prediction]:
    """Groups of their own error each (a Beta of mean `rate`), clips of unequal length."""
    rng = np.random.default_rng(seed)
    found = []
    for group in range(groups):
        p = rng.beta(4 * rate, 4 * (1 - rate))
        for number in range(each):
            words = int(rng.integers(1, 12))
            found.append(
                clip(group * each + number, int(rng.binomial(words, p)), words, split, speaker=f"{split}{group}")
            )
    return found


def test_intervals_over_groups_hold_the_truth() -> None:
    """The interval of 95 % holds the true error in about 95 of 100 sets; one that draws clips holds it seldom."""
    assert held(100, "speaker") >= 0.88
    assert held(100, "speaker", groups=5) >= 0.86
    assert held(20, "clip") <= 0.75


def held(sets: int, by: str, groups: int = 40) -> float:
    """The share of sets whose interval holds the truth."""
    count = 0
    for seed in range(sets):
        low, high = interval(
            bootstrap({"dev": clustered(seed, groups=groups, each=15)}, by=(by,), seed=seed).draws["dev"]
        )
        count += low <= 0.2 <= high
    return count / sets


def test_what_two_rungs_share_cancels_in_their_difference() -> None:
    """An oracle that is right where the model is, and a little better: drawn together, the gap is far from chance."""
    dev = clustered(3)
    oracle = [
        Prediction(c.id, None, None, max((c.errors or 0) - (k % 5 == 0), 0), c.words, split="oracle", speaker=c.speaker)
        for k, c in enumerate(dev)
    ]
    drawn = bootstrap({"dev": dev, "oracle": oracle}).draws
    together = interval(drawn["dev"] - drawn["oracle"])
    apart = interval(
        bootstrap({"dev": dev}, seed=1).draws["dev"] - bootstrap({"oracle": oracle}, seed=2).draws["oracle"]
    )
    assert together[0] > 0 > apart[0]


def test_rungs_that_share_nothing_are_drawn_apart() -> None:
    drawn = bootstrap({"dev": clustered(1), "test": clustered(2, split="test")}).draws
    assert abs(float(np.corrcoef(drawn["dev"], drawn["test"])[0, 1])) < 4 / np.sqrt(DRAWS)


def test_many_groups_are_put_together_without_a_wider_interval() -> None:
    rng = np.random.default_rng(1)
    clips = [clip(k, float(wrong)) for k, wrong in enumerate(rng.random(20_000) < 0.1)]
    low, high = interval(bootstrap({"dev": clips}).draws["dev"])
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.1 * 0.9 / 20_000), rel=0.1)


def test_groups_are_the_first_of_what_all_clips_have() -> None:
    some = [clip(0, 1, speaker="a", session="1"), clip(1, 0, session="1"), clip(2, 0, speaker="b", session="2")]
    drawn = bootstrap({"dev": some})
    assert drawn.groups == {"dev": 2}
    assert "a group is a session" in drawn.notes[0]


def test_groups_by_several_columns_are_joined_however_indirectly() -> None:
    some = [
        clip(0, 1, speaker="a", session="1"),
        clip(1, 0, speaker="b", session="1"),
        clip(2, 0, speaker="b", session="2"),
        clip(3, 0, speaker="c", session="3"),
    ]
    assert bootstrap({"dev": some}, by=("speaker", "session")).groups == {"dev": 2}
    assert bootstrap({"dev": some}, by=("speaker",)).groups == {"dev": 3}


def test_groups_by_noise_take_the_manifest() -> None:
    rows = [
        {"noise": [{"recording": "car/1"}]},
        {"noise": [{"recording": "car/1"}]},
        {"noise": [{"recording": "car/2"}]},
    ]
    some = [clip(k, 1, row=row) for k, row in enumerate(rows)]
    assert bootstrap({"dev": some}, by=("noise",)).groups == {"dev": 2}
    with pytest.raises(UsageError, match="--by car: choose from"):
        bootstrap({"dev": some}, by=("car",))


def test_one_speaker_alone_is_drawn_by_clip_and_said_to_be() -> None:
    drawn = bootstrap({"dev": [clip(k, k % 2, speaker="ann") for k in range(50)]})
    assert any("dev is a single group by speaker" in note for note in drawn.notes)
    low, high = interval(drawn.draws["dev"])
    assert low < 0.5 < high


def test_no_error_at_all_is_not_certain() -> None:
    low, high = interval(bootstrap({"train": [clip(k, 0) for k in range(100)]}).draws["train"])
    assert low < 0.001
    assert 0.01 < high < 0.05


def full(n: int = 400) -> list[Prediction]:
    """Train 0, train-dev 2 %, train-dev-noise 60 %, dev 70 %: a model that knows its one noise clip by heart."""
    rates = {"train": 0.0, "train-dev": 0.02, "train-dev-noise": 0.6, "dev": 0.7}
    rng = np.random.default_rng(7)
    return [
        clip(k, float(rng.random() < rate), split=split, speaker=f"{split}{k % 40}")
        for split, rate in rates.items()
        for k in range(n)
    ]


def test_scores_tell_noise_overfitting() -> None:
    found = diagnose(from_scores(scores(full())))
    assert found.analysis.verdict == "named"
    assert [gap.name for gap in found.analysis.named] == ["noise overfitting"]


def test_a_loss_has_no_percent_and_no_bias_unless_asked() -> None:
    clips = [clip(k, 0.2 + 0.01 * (k % 7), split="train") for k in range(200)]
    clips += [clip(k, 0.9 + 0.01 * (k % 7), split="dev") for k in range(200)]
    found = diagnose(from_scores(scores(clips, is_rate=False))).to_json()
    assert found["unit"] == ""
    assert [gap["name"] for gap in found["gaps"]] == ["variance, noise overfitting and data mismatch together"]
    assert found["gaps"][0]["size"] == pytest.approx(0.7)
    assert any("avoidable bias is unknown" in note for note in found["notes"])


def written(folder: Path, clips: list[Prediction], name: str = "scores.csv") -> Path:
    lines = [f"{c.id},{c.split},{c.speaker},{c.errors:g},{c.words:g}" for c in clips]
    path = folder / name
    path.write_text("\n".join(["id,split,speaker,errors,words", *lines]) + "\n")
    return path


def test_numbers_fill_in_rungs_that_have_no_clips(tmp_path: Path) -> None:
    found = read_ladder([written(tmp_path, full())], given={"oracle": "30@500", "human": "1"})
    assert list(found.rungs) == ["human", "train", "train-dev", "train-dev-noise", "dev", "oracle"]
    assert (found.rungs["oracle"].error, found.rungs["oracle"].words) == (0.3, 500)


def test_a_rung_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--dev is given, but 400 clips of the scores are of dev; omit one"):
        read_ladder([written(tmp_path, full())], given={"dev": "9"})


def test_several_files_make_one_ladder(tmp_path: Path) -> None:
    whole = read_ladder([written(tmp_path, full())])
    parts = [
        written(tmp_path, [c for c in full() if (c.split == "dev") == is_dev], f"{is_dev}.csv") for is_dev in (0, 1)
    ]
    assert errors_of(read_ladder(parts)) == errors_of(whole)


def errors_of(ladder: Ladder) -> dict[str, float]:
    return {name: rung.error for name, rung in ladder.rungs.items()}


def test_splits_that_are_no_rung_are_said(tmp_path: Path) -> None:
    clips = [*full(), clip(1, 0, split="dev2"), clip(2, 0, split="dev2")]
    assert "2 clips of split dev2 are not a rung of the ladder" in read_ladder([written(tmp_path, clips)]).notes
    with pytest.raises(UsageError, match="no clip is in train"):
        from_scores(scores(clips[-2:]))
