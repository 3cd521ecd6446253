"""The comparison of two sets: quiet where they are equal, and right about what differs where they are not."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from synth.cli.show.compare import compare_text
from synth.errors import ThresholdNotMet, UsageError
from synth.match.compare.advice import Difference, amount, difference_words, verdict
from synth.match.compare.analysis import compare, compare_features
from synth.match.compare.result import Comparison, farthest
from synth.match.measure.features import BY_NAME, FEATURES
from synth.match.measure.profile import Profile, write_profile
from synth.match.measure.profiler import read_or_measure
from synth.stats.groups import halvings
from tests.helpers import run_synth
from tests.match.feature_sets import CLEAN, IN_CAR, profile

TRIALS = int(os.environ.get("SYNTH_COMPARE_TRIALS", "2"))
"""The bars ask for 100 (benchmarks/compare_power.py tells more); 2 are quick."""
ALLOWED = 0.05 if TRIALS >= 20 else 0.0


def light_of(found: Comparison, name: str) -> str | None:
    return next(f.verdict for f in found.features if f.feature.name == name)


@pytest.fixture(scope="module")
def shifted() -> Comparison:
    """Training is 4.2 dB too high in SNR; everything else is equal."""
    training = profile(clips=400, groups=100, seed=1, name="training", shift={"snr_db": 4.2})
    return compare(
        training, profile(clips=200, groups=50, seed=2, name="dev"), clean=profile(CLEAN, seed=3, name="clean")
    )


def test_two_halves_of_one_set_are_not_red() -> None:
    red = 0
    for seed in range(TRIALS):
        whole = profile(clips=400 if TRIALS >= 20 else 200, groups=(100, 16)[seed % 2], seed=seed)
        one, other = halvings(whole.groups, 1, seed=seed)[0]
        found = compare(whole.at(one.tolist()), whole.at(other.tolist()), seed=seed)
        red += found.verdict == "red" or "red" in [f.verdict for f in found.features]
    assert red <= ALLOWED * TRIALS


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.name != "f0_hz"], ids=lambda f: f.name)
def test_a_shift_by_twice_the_tolerance_is_found_and_named(feature: object) -> None:
    assert_named(feature.name, groups=50)  # type: ignore[attr-defined]


def test_a_shift_in_pitch_takes_more_speakers() -> None:
    """Men and women lie 0.8 octaves apart: with 50 speakers the mean alone wavers by half of twice the tolerance."""
    assert_named("f0_hz", groups=200)


def assert_named(name: str, *, groups: int) -> None:
    found = named = 0
    by = 2 * BY_NAME[name].tolerance
    for seed in range(TRIALS):
        sign = (1, -1)[seed % 2]
        training = profile(clips=400, groups=2 * groups, seed=100 + 2 * seed, shift={name: sign * by})
        features, _ = compare_features(training, profile(clips=200, groups=groups, seed=101 + 2 * seed, name="dev"))
        one = next(f for f in features if f.feature.name == name)
        found += one.verdict in ("amber", "red") and (one.shift or 0) * sign > 0
        named += farthest(features) is one
    assert found >= 0.9 * TRIALS - 1e-9 - (TRIALS < 20)
    assert named >= 0.9 * TRIALS - 1e-9 - (TRIALS < 20)


def test_a_shift_on_purpose_comes_back_as_that_feature(shifted: Comparison) -> None:
    assert shifted.worst is not None
    assert shifted.worst.feature.name == "snr_db"
    assert shifted.worst.w1 == pytest.approx(4.2, abs=1.0)
    assert light_of(shifted, "snr_db") == "red"
    assert shifted.verdict == "red"
    assert shifted.advice[0].startswith("training's SNR (200-7000 Hz) is ")
    assert re.search(r"dB too high: lower noise\.snr_db by about [45] dB$", shifted.advice[0])
    assert shifted.auc is not None
    assert shifted.auc_dev is not None
    assert shifted.auc > 0.8 > shifted.auc_dev + 0.1
    assert shifted.auc_clean is not None
    assert shifted.coverage is not None
    assert shifted.headline == (
        f"A classifier tells training from dev in {100 * shifted.auc:.0f} % of pairs (50 % = same; two halves of dev: "
        f"{100 * shifted.auc_dev:.0f} %; clean speech: {100 * shifted.auc_clean:.0f} %). Training covers "
        f"{100 * shifted.coverage:.0f} % of dev. Largest difference: {shifted.worst.size}."
    )
    assert re.fullmatch(r"SNR \(200-7000 Hz\) [34]\.\d dB too high", shifted.worst.size)


def test_clips_of_note_are_those_that_lie_apart(shifted: Comparison) -> None:
    assert len(shifted.synthetic) == len(shifted.uncovered) == 10
    assert sum("SNR" in clip.odd for clip in shifted.synthetic) > 5  # most of them: SNR is one of 26 features
    assert all(a.score >= b.score for a, b in zip(shifted.synthetic, shifted.synthetic[1:], strict=False))
    assert all(clip.group.startswith("dev") for clip in shifted.uncovered)
    assert shifted.uncovered[0].score > 1


def test_a_clean_set_is_red_against_an_in_car_set(shifted: Comparison) -> None:
    clean, dev = profile(CLEAN, seed=5, name="clean"), profile(seed=6, name="dev")
    found = compare(clean, dev)
    assert found.verdict == "red"
    assert found.auc is not None
    assert found.auc > 0.98
    assert light_of(found, "snr_db") == "red"
    assert "clean speech:" not in found.headline
    assert shifted.auc_clean is not None
    assert shifted.auc_clean > 0.98


def test_too_narrow_is_said_as_such() -> None:
    narrow = replace(IN_CAR, group={**IN_CAR.group, "speech_dbfs": 0.2}, own={**IN_CAR.own, "speech_dbfs": 0.2})
    wide = replace(IN_CAR, own={**IN_CAR.own, "speech_dbfs": 4.0})
    found = compare(profile(narrow, clips=400, groups=100, seed=1), profile(wide, groups=50, seed=2, name="dev"))
    told = next(f for f in found.features if f.feature.name == "speech_dbfs")
    assert "training is too narrow" in told.words
    assert told.words.endswith("widen level_dbfs")


def test_few_clips_or_groups_get_no_verdict() -> None:
    training = profile(clips=100, groups=20, seed=1)
    for clips, groups, said in (
        (20, 10, "no verdict: dev: 20 clips are too few for a verdict (fewer than 30: our convention)"),
        (
            60,
            3,
            "no verdict: dev: 60 clips from 3 groups are too few for a verdict (fewer than 4 groups: our convention)",
        ),
    ):
        found = compare(training, profile(clips=clips, groups=groups, seed=2, name="dev"))
        assert found.verdict is None
        assert {f.verdict for f in found.features} == {None}
        assert found.explained[0] == said
        json.dumps(found.to_json(), allow_nan=False)


@pytest.fixture(scope="module")
def few() -> Comparison:
    """17 dev clips; training is 24 dB too quiet, and its low cut-off is more than an octave too high."""
    training = profile(clips=100, groups=20, seed=1, name="training", shift={"speech_dbfs": -24.0, "low_hz": 1.3})
    return compare(training, profile(clips=17, groups=8, seed=2, name="dev"))


def test_few_clips_get_direction_and_size_marked_as_likely(few: Comparison) -> None:
    """D26: under 30 dev clips there were 26 rows of "none", unsorted, and no advice."""
    assert few.verdict is None
    assert few.explained == (
        "no verdict: dev: 17 clips are too few for a verdict (fewer than 30: our convention)",
        "likely, not proven: above twice what matters and above chance, but of too few clips or groups",
    )
    rows = few.to_json()["features"]
    assert {row["name"] for row in rows if row["likely"]} == {"speech_dbfs", "low_hz"}
    assert [row["name"] for row in rows[:2]] == ["speech_dbfs", "low_hz"]
    excess = [row["excess"] for row in rows[2:]]
    assert excess == sorted(excess, reverse=True)
    assert [row["verdict_shown"] for row in rows[:3]] == ["likely, not proven", "likely, not proven", "none"]
    assert {row["verdict"] for row in rows} == {None}
    assert len(few.advice) == 2
    assert re.fullmatch(
        r"likely, not proven: training's speech level is 2\d\.\d dB too low: raise level_dbfs by about 2\d dB",
        few.advice[0],
    )


def test_the_headline_names_the_most_important_difference(few: Comparison) -> None:
    """D26: the lower end of the band was named, not a level that was 24 dB off."""
    assert few.worst is not None
    assert few.worst.feature.name == "speech_dbfs"
    assert re.search(
        r"% of dev\. Largest difference: speech level 2\d\.\d dB too low \(likely, not proven\)\.$", few.headline
    )


def test_the_table_of_few_clips_has_its_marks(few: Comparison) -> None:
    lines = compare_text(few.to_json()).splitlines()
    assert lines[0] == few.headline
    first = next(k for k, line in enumerate(lines) if line.startswith("feature"))
    assert lines[first + 1].startswith("speech level")
    assert lines[first + 1].endswith("likely, not proven")
    assert f"  {few.advice[0]}" in lines


def test_equal_sets_of_few_clips_have_no_largest_difference() -> None:
    found = compare(profile(clips=100, groups=20, seed=1), profile(clips=17, groups=8, seed=2, name="dev"))
    assert found.advice == ()
    assert re.search(r"No feature differs by more|\(may be chance\)\.$", found.headline)


def test_one_clip_or_nothing_measured_is_no_crash() -> None:
    training, dev = profile(clips=40, groups=10, seed=1), profile(clips=40, groups=10, seed=2, name="dev")
    empty = replace(dev, clips=tuple(replace(clip, features=dict.fromkeys(clip.features)) for clip in dev.clips))
    for other in (empty, dev.at([0])):
        found = compare(training, other)
        assert found.verdict is None
        json.dumps(found.to_json(), allow_nan=False)
    with pytest.raises(UsageError, match="no clips in it to compare"):
        compare(training, dev.at([]))


def test_an_snr_that_is_not_to_be_trusted_is_said_to_be() -> None:
    training = profile(clips=60, groups=12, seed=1, shift={"snr_db": 8})
    dev = profile(clips=60, groups=12, seed=2, name="dev")
    non_stationary = replace(dev, clips=tuple(replace(clip, flags=("non_stationary",)) for clip in dev.clips))
    plain, doubtful = (compare_features(training, other)[0][0].words for other in (dev, non_stationary))
    assert doubtful == plain + " (but the SNR of 0% of training and 100% of dev cannot be measured)"


def test_same_profiles_same_comparison() -> None:
    sets = profile(clips=60, groups=12, seed=1), profile(clips=50, groups=10, seed=2, name="dev")
    assert compare(*sets, seed=4).to_json() == compare(*sets, seed=4).to_json()


def test_what_both_sets_share_is_said() -> None:
    dev = profile(clips=60, groups=12, seed=2, name="dev")
    assert any("60 clips are in both sets" in note for note in compare(dev, dev).notes)
    flagged = replace(
        dev, clips=tuple(replace(clip, flags=("trimmed",)) for clip in dev.clips), sample_rates={"8000": 60}
    )
    notes = compare(profile(clips=60, groups=12, seed=1), flagged).notes
    assert any(note.startswith("dev: 60 of 60 clips (100%) are flagged trimmed: cut close") for note in notes)
    assert any("training is at 16000 Hz, dev at 8000 Hz" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("snr_db", -4.21, "4.2 dB"),
        ("speech_dbfs", 1.0, "1.0 dB"),
        ("f0_hz", 1 / 12, "1.0 semitones"),
        ("duration_s", 1.0, "100 %"),
        ("clipped_share", 0.6931, "2.0-fold odds"),
        ("nonspeech_share", 0.1, "0.100"),
    ],
)
def test_amounts_are_said_in_units(name: str, value: float, said: str) -> None:
    assert amount(BY_NAME[name], value) == said


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
def test_every_feature_has_words_for_both_directions(feature: object) -> None:
    told = [difference_words(feature, Difference(2.0, shift, (1.0, 1.0)), "red") for shift in (2.0, -2.0)]  # type: ignore[arg-type]
    assert "too high" in told[0]
    assert "too low" in told[1]
    assert told[0].split(": ", 1)[1] != told[1].split(": ", 1)[1]
    assert "{" not in told[0] + told[1]


def test_verdicts_stand_where_they_are_said_to() -> None:
    snr = BY_NAME["snr_db"]  # tolerance 1 dB
    assert verdict(snr, 1.0, 0.2, 1.5) == "green"
    assert verdict(snr, 1.9, 2.0, 1.5) == "green"
    assert verdict(snr, 1.9, 0.2, 1.5) == "amber"
    assert verdict(snr, 2.1, 0.2, 1.5) == "red"
    assert verdict(snr, 2.1, 1.5, 1.5) == "amber"


# the command


def saved(folder: Path, found: Profile) -> Path:
    path = folder / f"{found.name}.profile"
    write_profile(found, path)
    return path


def test_the_command(tmp_path: Path) -> None:
    training = saved(tmp_path, profile(clips=60, groups=12, seed=1, name="training", shift={"snr_db": 8}))
    dev = saved(tmp_path, profile(clips=50, groups=10, seed=2, name="dev"))
    done = run_synth("compare", training, dev, "--json", "--fail-above", "0.6")
    assert done.returncode == 5
    found = json.loads(done.stdout)
    assert found["schema_version"] == 1
    assert found["worst"] == "snr_db"
    assert done.stderr == f"synth: mismatch AUC {found['auc']:.3f} is above 0.6\n"
    shown = run_synth("compare", training, dev, "--fail-above", "1")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[0] == found["headline"]
    assert all(line in shown.stdout for line in [*found["explained"], *found["advice"]])


def test_a_threshold_without_a_number_is_not_met() -> None:
    found = compare(profile(clips=40, groups=8, seed=1), profile(clips=40, groups=1, seed=2, name="dev"))
    with pytest.raises(ThresholdNotMet, match="there is no AUC to compare with"):
        found.check(0.7)
    found.check(None)


def test_only_a_split_or_a_condition(tmp_path: Path) -> None:
    whole = profile(clips=40, groups=8, seed=1)
    clips = [replace(clip, split="train", condition=("matched", "wide")[k % 2]) for k, clip in enumerate(whole.clips)]
    path = saved(tmp_path, replace(whole, clips=tuple(clips)))
    assert len(read_or_measure(path, condition="matched").clips) == 20
    assert len(read_or_measure(path, split="train").clips) == 40
    with pytest.raises(UsageError, match="no clip of the condition 'edge'; there are matched, wide"):
        read_or_measure(path, condition="edge")
    with pytest.raises(UsageError, match="no clip of the split 'dev'; there are train"):
        read_or_measure(path, split="dev")
    renamed = path.rename(tmp_path / "measured.jsonl")
    assert len(read_or_measure(renamed).clips) == 40


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: there is no such profile or set"):
        read_or_measure(tmp_path / "nowhere")
    (tmp_path / "broken.profile").write_text("{}\n")
    with pytest.raises(UsageError, match="is not a profile"):
        read_or_measure(tmp_path / "broken.profile")
