"""The two noise pools share nothing: no file, no samples under another name, no moment of a recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

from synth.errors import GuardError
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
    with pytest.raises(
        GuardError, match=r"^noise.layers.car: no usable noise for train-dev-noise; add recordings, or a longer one$"
    ):
        plan_of(folder, layer("car", "car", min_recordings=1))


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
    one = "{name: a, path: a, pool: train}", "{name: x, path: b, pattern: '00.wav', pool: held_out}"
    two = "{name: b, path: b, pattern: 'o*.wav', pool: held_out}", "{name: y, path: b, pattern: '01.wav', pool: train}"
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
