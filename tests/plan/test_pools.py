"""The two noise pools share nothing: no file, no samples under another name, no moment of a recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.commands.plan import make_plan
from synth.errors import GuardError
from synth.plan.noise_use import count_use
from synth.plan.plan import Plan
from tests.plan.sources import RATE, layer, listed, noise_file, noise_folder, noise_text, planned, recipe

BOTH = "splits: {by: [speaker], train: 0.7, train-dev-noise: 0.3}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    listed(tmp_path / "speech.csv", [2.0] * 40, speakers=20)
    return tmp_path


def plan_of(folder: Path, *layers: str, tail: str = BOTH, settings: str = "") -> Plan:
    return planned(recipe(folder, noise=noise_text(*layers, settings=settings), tail=tail))


def members(plan: Plan, name: str, pool: str) -> set[str]:
    return {plan.noise[r.index].path for r in plan.pools[name, pool]}


def seconds_of(plan: Plan, name: str, pool: str) -> list[tuple[str, float, float]]:
    """(file, from, to) of every stretch, in seconds of the file."""
    found = []
    for r in plan.pools[name, pool]:
        recording = plan.noise[r.index]
        start = recording.offset / recording.sample_rate
        found += [(recording.path, start + s / RATE, start + (s + n) / RATE) for s, n in r.circle.stretches]
    return found


@pytest.mark.parametrize(("count", "held_out", "expected"), [(10, 0.2, 2), (10, 0.5, 5), (4, 0.05, 1), (25, 0.3, 8)])
def test_so_many_recordings_are_held_out_as_asked(folder: Path, count: int, held_out: float, expected: int) -> None:
    noise_folder(folder / "car", [1.0] * count)
    plan = plan_of(folder, layer("car", "car", min_recordings=1), settings=f"  held_out: {held_out}")
    assert len(members(plan, "car", "held_out")) == expected
    assert len(members(plan, "car", "train")) == count - expected
    assert not members(plan, "car", "held_out") & members(plan, "car", "train")


def test_every_clip_takes_noise_from_the_pool_of_its_split(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 10)
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    used: dict[str, set[int]] = {"train": set(), "train-dev-noise": set()}
    for spec in plan:
        used[spec.split] |= {piece.recording for piece in spec.noise}
    assert used["train"] == {r.index for r in plan.pools["car", "train"]}
    assert used["train-dev-noise"] == {r.index for r in plan.pools["car", "held_out"]}


def test_train_dev_hears_the_recordings_of_train(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 10)
    plan = plan_of(folder, layer("car", "car"), tail="splits: {by: [speaker], train: 0.7, train-dev: 0.3}")
    assert plan.pools["car", "held_out"] == ()
    assert len(plan.pools["car", "train"]) == 10
    assert {spec.pool for spec in plan} == {"train"}


def test_membership_changes_little_when_recordings_are_added(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 20)
    before = members(plan_of(folder, layer("car", "car")), "car", "train")
    noise_file(folder / "car" / "more.wav", 1.0, seed=99)
    after = members(plan_of(folder, layer("car", "car")), "car", "train")
    assert len(before - after) <= 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_recordings_are_divided_by_time_with_a_gap(folder: Path, count: int) -> None:
    noise_folder(folder / "car", [20.0, 12.5, 9.0][:count])
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    train, held_out = (seconds_of(plan, "car", pool) for pool in ("train", "held_out"))
    assert len({file for file, _, _ in held_out}) == count
    for file, _, end in train:
        starts = [start for other, start, _ in held_out if other == file]
        assert all(start - end == pytest.approx(1.0, abs=1 / RATE) for start in starts)
        total = soundfile.info(folder / "car" / file).duration
        assert end == pytest.approx(0.8 * total - 0.5, abs=1 / RATE)
        assert max(stop for other, _, stop in held_out if other == file) == pytest.approx(total, abs=1 / RATE)


def test_a_recording_too_short_to_divide_is_refused(folder: Path) -> None:
    noise_folder(folder / "car", [1.1])
    with pytest.raises(GuardError) as caught:
        plan_of(folder, layer("car", "car", min_recordings=1))
    assert str(caught.value) == (
        "noise.layers.car: no usable noise for train-dev-noise: its 1 recording (1.1 s) is too short to be divided "
        "between train and train-dev-noise; add recordings, or a longer one, or remove train-dev-noise from splits"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "{name: horn, path: one}",
            "its 1 recording is in the held_out pool; 2 or more are needed with train-dev-noise: add recordings, or "
            "remove train-dev-noise from splits",
        ),
        (
            "{name: horn, path: one, pool: train}",
            "its 1 recording is in the train pool (`pool: train`); remove `pool`, or add recordings without it",
        ),
        (
            "{name: horn, path: twice}",
            "its 2 recordings (near-duplicates count as one) are in the held_out pool; 2 or more are needed with "
            "train-dev-noise: add recordings, or remove train-dev-noise from splits",
        ),
        (
            "{name: horn, path: silent}",
            "none of its recordings can be used; add other recordings",
        ),
    ],
)
def test_an_event_with_one_recording_is_refused_with_the_reason(folder: Path, source: str, text: str) -> None:
    """D24: "no usable noise for train; add recordings, or a longer one" was no reason."""
    noise_folder(folder / "car", [1.0] * 6)
    noise_file(folder / "one" / "horn.wav", 1.0, seed=70)
    horn = np.random.RandomState(71).standard_normal(12 * RATE) * 0.1
    for k in range(2):
        soundfile.write(noise_file(folder / "twice" / f"{k}.wav", 1.0), horn[k * 2 * RATE : (k * 2 + 10) * RATE], RATE)
    soundfile.write(noise_file(folder / "silent" / "a.wav", 1.0), np.zeros(RATE), RATE)
    events = f"  events: [{{recorded: [{source}], label: horn}}]"
    with pytest.raises(GuardError) as caught:
        plan_of(folder, layer("car", "car", min_recordings=1), settings=events)
    assert str(caught.value).split(": ", 2)[2] == text


def test_a_given_pool_is_kept(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 6)
    noise_folder(folder / "b", [1.0] * 3, first_seed=50)
    mine = "{name: mine, path: a, pool: train}", "{name: theirs, path: b, pool: held_out}"
    plan = plan_of(folder, layer("car", *mine, min_recordings=1))
    assert {plan.noise[r.index].source for r in plan.pools["car", "train"]} == {"mine"}
    assert {plan.noise[r.index].source for r in plan.pools["car", "held_out"]} == {"theirs"}


def test_rows_with_one_value_of_the_recording_column_are_never_parted(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 24)
    rows = [f"{k:02}.wav,volvo{k % 6}" for k in range(24)]
    (folder / "car.csv").write_text("\n".join(["path,car", *rows]) + "\n")
    source = "{name: cars, path: car, manifest: car.csv, recording_column: car}"
    plan = plan_of(folder, layer("car", source, min_recordings=1), settings="  held_out: 0.4")
    held_out = {
        f"{k:02}.wav" for k in range(24) for path in members(plan, "car", "held_out") if k % 6 == int(path[:2]) % 6
    }
    assert members(plan, "car", "held_out") == held_out
    assert len(held_out) == 8


def test_the_same_samples_under_another_name_count_once(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 8)
    for k in range(8):
        samples, rate = soundfile.read(folder / "car" / f"{k:02}.wav")
        soundfile.write(folder / "car" / f"again{k}.flac", samples, rate, subtype="PCM_16")
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    names = members(plan, "car", "train") | members(plan, "car", "held_out")
    assert names == {f"{k:02}.wav" for k in range(8)}


def test_the_same_samples_in_both_pools_of_two_layers_are_refused(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 5)
    noise_folder(folder / "b", [1.0] * 4, first_seed=50)
    shutil.copy(folder / "a" / "03.wav", folder / "b" / "other_name.wav")
    one = "{name: a, path: a, pool: train}", "{name: x, path: b, glob: '00.wav', pool: held_out}"
    two = "{name: b, path: b, glob: 'o*.wav', pool: held_out}", "{name: y, path: b, glob: '01.wav', pool: train}"
    with pytest.raises(GuardError) as caught:
        plan_of(folder, layer("one", *one, min_recordings=1), layer("two", *two))
    assert str(caught.value) == (
        f"{folder}/b/other_name.wav and {folder}/a/03.wav are the same recording, but one is in the noise pool of train and the "
        "other in that of train-dev-noise; take one of them out, or give both sources the same `pool:`"
    )


def test_the_same_samples_in_sources_given_to_different_pools_are_refused(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 5)
    shutil.copytree(folder / "a", folder / "b")
    with pytest.raises(
        GuardError, match=r"/b/00.wav and .*/a/00.wav are the same recording, but one is in the noise pool of train"
    ):
        plan_of(
            folder,
            layer("car", "{name: a, path: a, pool: train}", "{name: b, path: b, pool: held_out}", min_recordings=1),
        )


def segments(folder: Path, rows: list[tuple[str, float, float]]) -> str:
    """A source that lists segments of files."""
    lines = [f"{path},{offset},{duration}" for path, offset, duration in rows]
    (folder / "segments.csv").write_text("\n".join(["path,offset,duration", *lines]) + "\n")
    return "{name: cut, path: long, manifest: segments.csv}"


def test_segments_of_one_file_are_one_recording(folder: Path) -> None:
    """Neighbouring seconds of one drive on both sides would make train-dev-noise blind to noise learnt by heart."""
    noise_folder(folder / "long", [6.0] * 8)
    source = segments(folder, [(f"{k:02}.wav", float(s), 1.0) for k in range(8) for s in range(6)])
    plan = plan_of(folder, layer("car", source, min_recordings=6))
    assert len(members(plan, "car", "held_out")) == 2
    assert not members(plan, "car", "held_out") & members(plan, "car", "train")
    with pytest.raises(GuardError, match=r"^noise.layers.car: 6 recordings for train \(min_recordings: 7\)"):
        plan_of(folder, layer("car", source, min_recordings=7))


def test_segments_of_few_files_are_cut_at_one_moment_of_the_file(folder: Path) -> None:
    """Also where they overlap: 0 to 12 s, 6 to 18 s, 10 to 20 s of a file of 20 s."""
    noise_folder(folder / "long", [20.0])
    source = segments(folder, [("00.wav", 0.0, 12.0), ("00.wav", 6.0, 12.0), ("00.wav", 10.0, 10.0)])
    plan = plan_of(folder, layer("car", source, min_recordings=1))
    train, held_out = (seconds_of(plan, "car", pool) for pool in ("train", "held_out"))
    assert max(end for _, _, end in train) == pytest.approx(15.5, abs=1 / RATE)
    assert min(start for _, start, _ in held_out) == pytest.approx(16.5, abs=1 / RATE)


def test_overlapping_segments_of_a_file_in_both_pools_are_refused(folder: Path) -> None:
    noise_folder(folder / "long", [20.0] + [1.0] * 4)
    here, there = (
        segments(folder, [("00.wav", 0.0, 12.0)]),
        "{name: also, path: long, manifest: other.csv, pool: held_out}",
    )
    (folder / "other.csv").write_text("path,offset,duration\n00.wav,11,5\n")
    with pytest.raises(GuardError, match=r"/long/00.wav and .*/long/00.wav are the same recording"):
        plan_of(folder, layer("car", here.replace("}", ", pool: train}"), there, min_recordings=1))


# near-duplicates


def cuts(folder: Path, seconds: float = 16.0, *, seed: int = 77, **places: tuple[float, float]) -> None:
    """Cuts of one recording, named and placed in seconds, each with a gain of its own."""
    folder.mkdir(exist_ok=True)
    whole = 0.1 * np.random.RandomState(seed).standard_normal(round(seconds * RATE))
    for k, (name, (start, end)) in enumerate(places.items()):
        samples = whole[round(start * RATE) : round(end * RATE)] / (1 + k)
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="PCM_16")


def notes_of(folder: Path) -> list[str]:
    made = make_plan(folder / "recipe.yaml", check=False)
    return [text for text in made.warnings if "near-duplicate" in text or "share sound" in text]


def test_recordings_that_share_sound_are_one_group_in_one_pool(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 5)
    cuts(folder / "car", x1=(0, 8), x2=(3, 12), x3=(7, 16))  # x1 and x3 are joined by x2 alone
    plan = plan_of(folder, layer("car", "car", min_recordings=1), settings="  held_out: 0.5")
    train, held_out = (members(plan, "car", pool) for pool in ("train", "held_out"))
    kin = {"x1.wav", "x2.wav", "x3.wav"}
    assert kin <= train or kin <= held_out
    groups = {r.group for pool in ("train", "held_out") for r in plan.pools["car", pool]}
    assert groups == {"car0/x1.wav", *(f"car0/{k:02}.wav" for k in range(5))}
    assert len(held_out - kin) + bool(held_out & kin) == 3
    count = {(use.layer, use.pool): use.count for use in count_use(plan)}
    assert sum(count.values()) == 6
    assert notes_of(folder) == [
        "noise.layers.car: noise recordings that share sound count as one: x2.wav (with x1.wav, 5.0 s in common), "
        "x3.wav (with x2.wav, 5.0 s in common)"
    ]


def test_near_duplicates_stay_together_whatever_the_seed(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 4)
    cuts(folder / "car", x1=(0, 9), x2=(4, 16))
    path = recipe(
        folder, noise=noise_text(layer("car", "car", min_recordings=1), settings="  held_out: 0.4"), tail=BOTH
    )
    for seed in range(12):
        plan = planned(path, f"seed={seed}")
        assert len(members(plan, "car", "held_out") & {"x1.wav", "x2.wav"}) != 1


def test_a_recording_that_a_longer_one_contains_is_left_out(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 5)
    cuts(folder / "car", a=(2, 8), b=(0, 16), c=(10, 16), d=(9, 15.9))
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    names = members(plan, "car", "train") | members(plan, "car", "held_out")
    assert names == {"b.wav", *(f"{k:02}.wav" for k in range(5))}
    assert sum(use.unique_s for use in count_use(plan)) == pytest.approx(5 + 16, abs=1.0)
    assert notes_of(folder) == [
        "noise.layers.car: 3 noise recordings are near-duplicates of others and were left out: a.wav (of b.wav, 6.0 s in "
        "common), c.wav (of b.wav, 6.0 s in common), d.wav (of b.wav, 6.9 s in common)"
    ]


def test_of_equally_long_near_duplicates_the_first_is_kept(folder: Path) -> None:
    noise_folder(folder / "car", [1.0] * 5)
    cuts(folder / "car", a=(0, 8), b=(0, 8))
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    assert "b.wav" not in members(plan, "car", "train") | members(plan, "car", "held_out")
    assert "a.wav" in members(plan, "car", "train") | members(plan, "car", "held_out")


def test_what_is_divided_by_time_is_divided_in_the_longest_recording_alone(folder: Path) -> None:
    """x1 holds 4 s of what x2 holds out."""
    noise_folder(folder / "car", [20.0])
    cuts(folder / "car", 30.0, x1=(18, 30), x2=(0, 25))
    plan = plan_of(folder, layer("car", "car", min_recordings=1))
    assert members(plan, "car", "train") == members(plan, "car", "held_out") == {"00.wav", "x2.wav"}
    assert notes_of(folder) == [
        "noise.layers.car: 1 noise recording is a near-duplicate of another and was left out: x1.wav (of x2.wav, 7.0 s in "
        "common)"
    ]


def test_without_a_held_out_split_all_but_contained_recordings_are_used(folder: Path) -> None:
    cuts(folder / "car", 30.0, x1=(18, 30), x2=(0, 25), x3=(1, 9))
    plan = plan_of(folder, layer("car", "car", min_recordings=1), tail="splits: {by: [speaker], train: 1.0}")
    assert members(plan, "car", "train") == {"x1.wav", "x2.wav"}
    with pytest.raises(GuardError, match=r"^noise.layers.car: 1 recording.? for train"):
        planned(folder / "recipe.yaml", "noise.layers.0.min_recordings=2")


def test_near_duplicates_given_to_different_pools_are_refused(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 5)
    noise_folder(folder / "b", [1.0] * 5, first_seed=50)
    cuts(folder / "a", x=(0, 9))
    cuts(folder / "b", y=(4, 16))
    sources = "{name: a, path: a, pool: train}", "{name: b, path: b, pool: held_out}"
    expected = (
        f"{folder}/a/x.wav and {folder}/b/y.wav are near-duplicates (5.0 s in common), but one is in the noise pool of train "
        "and the other in that of train-dev-noise; take one of them out, or give both sources the same `pool:`"
    )
    with pytest.raises(GuardError) as caught:
        plan_of(folder, layer("car", *sources, min_recordings=1))
    assert str(caught.value) == expected


def test_a_near_duplicate_goes_where_its_kin_was_given_to(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 6)
    cuts(folder / "a", x=(0, 9))
    cuts(folder / "b", y=(4, 16))
    sources = "{name: a, path: a}", "{name: b, path: b, pool: held_out}"
    plan = plan_of(folder, layer("car", *sources, min_recordings=1), settings="  held_out: 0.1")
    assert members(plan, "car", "held_out") == {"x.wav", "y.wav"}


def test_near_duplicates_in_different_pools_of_two_layers_are_refused(folder: Path) -> None:
    noise_folder(folder / "a", [1.0] * 5)
    noise_folder(folder / "b", [1.0] * 5, first_seed=50)
    cuts(folder / "a", x=(0, 9))
    cuts(folder / "b", y=(4, 16))
    one = "{name: a, path: a, glob: 'x.wav', pool: train}", "{name: p, path: a, glob: '0*.wav', pool: held_out}"
    two = "{name: b, path: b, glob: 'y.wav', pool: held_out}", "{name: q, path: b, glob: '0*.wav', pool: train}"
    with pytest.raises(GuardError, match=r"/b/y.wav and .*/a/x.wav are near-duplicates \(5.0 s in common\)"):
        plan_of(folder, layer("one", *one, min_recordings=1), layer("two", *two, min_recordings=1))


def test_equal_samples_stand_for_one_another_in_every_layer(folder: Path) -> None:
    """The store pairs `a/x` and `b/y`; `b/x` has the samples of `a/x`, and is what the second layer has."""
    noise_folder(folder / "a", [1.0] * 5)
    noise_folder(folder / "b", [1.0] * 5, first_seed=50)
    cuts(folder / "a", x=(0, 16))
    cuts(folder / "b", w=(0, 1), y=(2, 14))
    shutil.copy(folder / "a" / "x.wav", folder / "b" / "x.wav")
    plan = plan_of(
        folder,
        layer("one", "{name: a, path: a}", min_recordings=1),
        layer("two", "{name: b, path: b, glob: '[xy0]*.wav'}", min_recordings=1),
        tail="splits: {by: [speaker], train: 1.0}",
    )
    assert "y.wav" not in members(plan, "two", "train")
    assert "x.wav" in members(plan, "two", "train")
