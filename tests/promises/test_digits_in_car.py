"""The proof in its smallest form: all pieces, one target, a few takes; that its tables and ladders hold together."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.digits_in_car.experiment import Answers, Size
from benchmarks.digits_in_car.features import BANDS, BINS, picture
from benchmarks.digits_in_car.ladder import write_scores
from benchmarks.digits_in_car.material import TAKES, Missing, find_audio, halves, pool_of
from benchmarks.digits_in_car.page import BEGIN, END, TITLES, into_page
from benchmarks.digits_in_car.statistics import counts, points_worse, reduction, times
from tests.helpers import needs_real_audio, real_audio

CLUSTERS = [f"{who}-{digit}" for who in ("ann", "bob") for digit in range(10)]


def made_up(share_wrong: dict[str, float], *, seeds: int = 3, clips: int = 10) -> list[Answers]:
    """Answers of which a known share is wrong, independently."""
    rng = np.random.Generator(np.random.Philox(key=[5, 1]))
    words = np.repeat(CLUSTERS, clips)
    names = np.array([f"clip{k}" for k in range(len(words))])
    told = []
    for target in ("X", "Y"):
        for seed in range(seeds):
            wrong = {(name, "m", "test"): rng.random(len(words)) < share for name, share in share_wrong.items()}
            told.append(Answers(target, seed, wrong, {("", "test"): (names, words)}))
    return told


def test_known_shares_come_out_with_intervals_that_hold_them() -> None:
    found = counts(made_up({"bad": 0.6, "good": 0.2, "same": 0.2}), "m", "test")
    assert found.error("bad").shape == (2, 3)
    ratio = times(found, "bad", "good", ["X", "Y"])
    assert ratio.low < 3.0 < ratio.high
    assert 2.5 < ratio.value < 3.5
    assert reduction(found, "bad", "good", ["X", "Y"]).low > 50
    nothing = points_worse(found, "same", "good", ["X"])
    assert nothing.low < 0 < nothing.high
    assert reduction(found, "good", "good", ["X"]).shown() == "0.0 (0.0 to 0.0)"


def test_a_picture_does_not_hear_level_or_length() -> None:
    rng = np.random.Generator(np.random.Philox(key=[5, 2]))
    noise = rng.standard_normal(8000)
    told = picture(noise)
    assert told.shape == (BANDS * BINS,)
    assert np.abs(told - picture(noise * 0.01)).max() < 1e-4
    tone = np.sin(2 * np.pi * 1000 * np.arange(6000) / 8000)
    loudest = [picture(tone[:n]).reshape(BINS, BANDS).mean(axis=0).argmax() for n in (3000, 6000)]
    assert loudest[0] == loudest[1]


def test_scores_of_a_ladder_are_what_diagnose_reads(tmp_path: Path) -> None:
    from synth.diagnose.ladder.predictions import read_scores

    one = made_up({"varied": 0.3})[0]
    names, words = one.clips["", "test"]
    for split, share in (("train", 0), ("train-dev", 1)):
        one.wrong["varied", "m", split] = np.full(len(names), bool(share))
        one.clips["varied", split] = (names, words)
    told = read_scores(write_scores(one, "varied", "m", tmp_path / "scores.csv"))
    by_split = {split: [p.errors for p in told.predictions if p.split == split] for split in ("train", "train-dev")}
    assert set(by_split["train"]) == {0.0}
    assert set(by_split["train-dev"]) == {1.0}
    assert {p.group for p in told.predictions} == set(CLUSTERS)


def test_the_page_takes_the_result_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "proof.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    into_page(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n{END}\nafter\n"


def test_folders_without_the_audio_are_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no spoken digits"):
        find_audio(tmp_path, tmp_path)


@needs_real_audio
def test_no_take_no_recording_and_no_moment_is_on_two_sides() -> None:
    audio = find_audio(real_audio() / "speech" / "fsdd", real_audio() / "noise")
    assert audio.targets == ["A", "B", "D", "E"]
    assert sorted(take for takes in TAKES.values() for take in takes) == list(range(50))
    for target in audio.targets:
        seen, unseen = pool_of(audio, target)
        sides = [{one.recording for one in side} for side in (seen, unseen, halves(audio, target)[0])]
        assert not sides[0] & sides[1] and not (sides[0] | sides[1]) & sides[2]
        for dev, test in zip(*halves(audio, target), strict=True):
            assert dev.path == test.path
            assert dev.offset + dev.duration + 0.45 < test.offset


@needs_real_audio
def test_the_whole_of_it_in_its_smallest_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.digits_in_car.program import run

    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    audio = find_audio(real_audio() / "speech" / "fsdd", real_audio() / "noise")
    audio = replace(audio, recordings=tuple(one for one in audio.recordings if one.duration < 40))
    size = Size(seeds=(1,), alone=0, share=5, copies=1, fit_clips=50, test=False)
    text = run(audio, tmp_path, ["A"], size, 1)
    assert all(f"| {title} |" in text for title in TITLES.values())
    assert (tmp_path / "proof.md").read_text() == text
    assert (tmp_path / "proof.svg").read_text().startswith("<svg")
    with (tmp_path / "ladders" / "A_one_clip" / "scores.csv").open() as file:
        splits = {row["split"] for row in csv.DictReader(file)}
    assert splits == {"train", "train-dev", "train-dev-noise", "dev", "oracle"}  # test stays closed
    assert not (tmp_path / "A" / "test_set").exists()
    assert json.loads((tmp_path / "A" / "dev_and_fit" / "fit.json").read_text())["helped"] in (True, False)
