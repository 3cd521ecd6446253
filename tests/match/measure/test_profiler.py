"""Profiling sets: what a set is, who belongs together, what is remembered, what is refused, and truth against measure."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.commands.generate import generate
from synth.commands.profile import profile_to
from synth.dataset.manifest import read_rows
from synth.errors import UsageError
from synth.match.compare.clean_reference import measure_clean_speech
from synth.match.measure.audio_set import SetClip, open_set, sample_evenly, speaker_and_noise
from synth.match.measure.profile import read_profile
from synth.match.measure.profiler import measure_file, measure_set, profile_set
from synth.match.measure.summary import estimator_errors, summary, warnings
from synth.match.measure.truth import true_values
from tests.helpers import FIXTURES, fixture_recipe, needs_real_audio, real_audio, run_synth

RATE = 16000


def sound(path: Path, *, seconds: float = 1.0, seed: int = 0, level: float = 0.1, old: bool = True) -> Path:
    """Noise with a louder middle; by default written an hour ago."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal(round(seconds * RATE)) * level * 0.1
    third = len(samples) // 3
    samples[third : 2 * third] *= 10
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    if old:
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    return path


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    recipe = fixture_recipe(folder, splits="splits: {by: [speaker], train: 0.7, train-dev: 0.3}")
    generate(recipe, folder / "set", jobs=2)
    return folder / "set"


# ------------------------------------------------------------------------------------------------------ what a set is


def test_a_folder_is_grouped_by_its_folders_or_by_file(tmp_path: Path) -> None:
    for name in ("car1/a.wav", "car1/b.wav", "car2/deep/c.wav"):
        sound(tmp_path / name)
    found = open_set(tmp_path)
    assert found.kind == "folder"
    assert [(clip.path, clip.group) for clip in found.clips] == [
        ("car1/a.wav", "car1"),
        ("car1/b.wav", "car1"),
        ("car2/deep/c.wav", "car2/deep"),
    ]
    assert "groups: the sub-folder (2)" in found.notes[0]
    assert {clip.group for clip in open_set(tmp_path, group_by="file").clips} == {clip.path for clip in found.clips}
    alone = open_set(tmp_path / "car1")
    assert [clip.group for clip in alone.clips] == ["a.wav", "b.wav"]
    assert "each file alone" in alone.notes[0]


def test_a_list_is_grouped_by_the_widest_column(tmp_path: Path) -> None:
    lines = ["file,speaker,drive,split", "a.wav,ann,d1,dev", "b.wav,ann,d2,dev", "c.wav,bob,,test"]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    found = open_set(tmp_path / "list.csv")
    assert [clip.group for clip in found.clips] == ["d1", "d2", "c.wav"]
    assert found.notes[0] == "groups: the column drive (1 clips have none: each alone)"
    assert [clip.group for clip in open_set(tmp_path / "list.csv", group_by="speaker").clips] == ["ann", "ann", "bob"]
    assert [clip.path for clip in open_set(tmp_path / "list.csv", split="test").clips] == ["c.wav"]


def test_json_lines_with_nemo_keys(tmp_path: Path) -> None:
    rows = [
        {"audio_filepath": "a.wav", "duration": 1.5, "session": 3},
        {"audio_filepath": "drive.wav", "offset": 2.5, "duration": 1.0, "session": 4},
        {"audio_filepath": "/abs/c.wav", "duration": 1.0, "session": 4},
    ]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = open_set(tmp_path / "dev.jsonl")
    assert [(clip.name, clip.group) for clip in found.clips] == [
        ("a.wav", "3"),
        ("drive.wav#t=2.5,3.5", "4"),
        ("/abs/c.wav", "4"),
    ]


def test_ours_is_grouped_by_speaker_and_noise_and_knows_the_truth(ours: Path) -> None:
    found = open_set(ours)
    rows = list(read_rows(ours / "manifest.jsonl"))
    assert found.kind == "ours" and len(found.clips) == len(rows) == 60
    for clip, row in zip(found.clips, rows, strict=True):
        assert clip.group == speaker_and_noise(row)
        assert clip.group.startswith(row["speaker"])
        assert all(piece["recording"] in clip.group for piece in row["noise"])
    told = true_values(found, [0, 7])
    assert set(told) == {0, 7}
    assert told[7]["snr_db"] == rows[7]["snr_db"]["band"]
    assert told[7]["before_s"] == rows[7]["speech"]["onset"] / RATE
    margins = told[7]["before_s"] + rows[7]["speech"]["num_samples"] / RATE + told[7]["after_s"]
    assert margins == pytest.approx(told[7]["duration_s"])
    assert open_set(ours / "dataset.json").clips == found.clips
    assert {clip.split for clip in open_set(ours / "train.jsonl").clips} == {"train"}
    assert {clip.group for clip in open_set(ours, group_by="speaker").clips} == {row["speaker"] for row in rows}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"group_by": "car"}, "no column 'car' to group by; there are: accent"),
        ({"split": "dev"}, "there are: train ("),
        ({"condition": "wide"}, "there are: none (60)"),
    ],
)
def test_what_is_not_in_a_set_is_said_with_what_there_is(ours: Path, words: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError) as error:
        open_set(ours, **words)  # type: ignore[arg-type]
    assert text in str(error.value)


def test_what_is_no_set(tmp_path: Path) -> None:
    for name, text in (("nothing", "there is no such folder"), ("empty", "no audio in it")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        sound(tmp_path / "a.wav")
        with pytest.raises(UsageError, match=text):
            open_set(tmp_path / name)
    (tmp_path / "half" / ".synth").mkdir(parents=True)
    (tmp_path / "half" / ".synth" / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="not complete"):
        open_set(tmp_path / "half")
    with pytest.raises(UsageError, match="no column 'speaker'"):
        open_set(tmp_path, group_by="speaker")


def test_the_sample_is_even_by_group_and_stable() -> None:
    clips = [SetClip(f"{g}/{k}.wav", g) for g, n in (("big", 500), ("mid", 40), ("small", 3)) for k in range(n)]
    some = sample_evenly(clips, 60)
    assert len(some) == 60
    counts = Counter(clip.group for clip in some)
    assert counts["small"] == 3 and abs(counts["big"] - counts["mid"]) <= 1
    assert [clips.index(clip) for clip in some] == sorted(clips.index(clip) for clip in some)
    assert sample_evenly(clips[::-1], 60)[::-1] == some  # whatever the order
    more = set(sample_evenly([*clips, SetClip("big/new.wav", "big")], 60))
    assert len(more & set(some)) >= 59
    assert sample_evenly(clips, 10_000) == clips


# ------------------------------------------------------------------------------------------- measuring, remembering


def test_what_was_measured_is_remembered_by_file_and_part(tmp_path: Path) -> None:
    for k in range(6):
        sound(tmp_path / "set" / f"{k}.wav", seed=k)
    found, cache = open_set(tmp_path / "set"), tmp_path / "cache"
    first = measure_set(found, cache=cache)
    again = measure_set(found, jobs=2, cache=cache)
    assert (first.remembered, again.remembered) == (0, 6)
    assert again.profile == first.profile
    sound(tmp_path / "set" / "3.wav", seed=99)
    os.utime(tmp_path / "set" / "3.wav", (1e9, 1e9))
    changed = measure_set(found, cache=cache)
    assert changed.remembered == 5
    same = [a.features == b.features for a, b in zip(first.profile.clips, changed.profile.clips, strict=True)]
    assert same == [True, True, True, False, True, True]
    parts = replace(found, clips=tuple(replace(clip, duration=0.5) for clip in found.clips))
    assert measure_set(parts, cache=cache).remembered == 0


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    for k in range(12):
        sound(tmp_path / "set" / f"{k:02}.wav", seed=k)
    found, cache = open_set(tmp_path / "set"), tmp_path / "cache"

    def stop(what: str, done: int, total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_set(found, cache=cache, progress=stop)
    went_on = measure_set(found, cache=cache)
    assert 5 <= went_on.remembered < 12
    assert went_on.profile == measure_set(found, cache=tmp_path / "other").profile


def test_refused_files_are_listed_by_code_and_the_others_measured(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    (tmp_path / "text.wav").write_text("no audio")
    whole = sound(tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    names = ["good.wav", "text.wav", "cut.wav", "gone.wav", "../out.wav", "http://a/b.wav", "/dev/zero"]
    (tmp_path / "list.csv").write_text("path\n" + "".join(f"{name}\n" for name in names))
    made = measure_set(open_set(tmp_path / "list.csv"), cache=tmp_path / "cache")
    assert [clip.path for clip in made.profile.clips] == ["good.wav"]
    assert {error.path: error.code for error in made.refused} == {
        "text.wav": "not_audio",
        "cut.wav": "truncated",
        "gone.wav": "missing",
        "../out.wav": "forbidden_path",
        "http://a/b.wav": "forbidden_path",
        "/dev/zero": "forbidden_path",
    }
    assert any(note.startswith("refused: 3 forbidden_path, 1 missing") for note in made.profile.notes)
    (tmp_path / "good.wav").unlink()
    with pytest.raises(UsageError, match=r"none of its clips can be measured\n  good.wav: missing"):
        measure_set(open_set(tmp_path / "list.csv"), cache=tmp_path / "cache")


def test_a_part_of_a_file_is_measured_as_if_it_were_a_file(tmp_path: Path) -> None:
    samples, _ = soundfile.read(sound(tmp_path / "long.wav", seconds=6))
    soundfile.write(tmp_path / "part.wav", samples[2 * RATE : 5 * RATE], RATE, subtype="PCM_16")
    rows = ["path,offset,duration", "long.wav,2,3", "part.wav,,"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    clips = profile_set(tmp_path / "list.csv").clips
    assert clips[0].path == "long.wav#t=2,5"
    assert clips[0].features == clips[1].features and clips[0].flags == clips[1].flags


def test_level_and_length_are_exact(tmp_path: Path) -> None:
    tone = 0.25 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, tone], axis=1), RATE, subtype="FLOAT")
    (clip,) = profile_set(tmp_path).clips
    assert clip.features["level_dbfs"] == pytest.approx(20 * np.log10(0.25) - 3.01, abs=0.01)
    assert clip.features["duration_s"] == 2.0


def test_truth_is_held_against_measure(ours: Path) -> None:
    """The printed error is measured minus true, of this very set: shifted truth comes back as bias."""
    profile = profile_set(ours, jobs=2)
    assert all(clip.truth and "snr_db" in clip.truth for clip in profile.clips)
    errors = {(e.name, e.trusted): e for e in estimator_errors(profile.clips)}
    assert errors["duration_s", True].bias == pytest.approx(0.0, abs=1e-3)
    assert abs(errors["level_dbfs", True].bias) < 0.02 and errors["level_dbfs", True].sd < 0.02
    snr = errors["snr_db", True]
    assert abs(snr.bias) < 4 and snr.sd < 4
    moved = [
        replace(clip, truth={**(clip.truth or {}), "snr_db": clip.truth["snr_db"] + 2})
        for clip in profile.clips
        if clip.truth
    ]
    again = {(e.name, e.trusted): e for e in estimator_errors(moved)}["snr_db", True]
    assert again.bias == pytest.approx(snr.bias - 2, abs=2e-3)
    assert again.sd == pytest.approx(snr.sd, abs=2e-3)
    assert sum(e.clips for e in errors.values() if e.name == "snr_db") == len(profile.clips)


def test_the_same_profile_for_any_number_of_jobs(ours: Path, tmp_path: Path) -> None:
    found = open_set(ours)
    made = [measure_set(found, max_clips=12, jobs=jobs, cache=tmp_path / str(jobs)) for jobs in (1, 2)]
    assert made[0].profile == made[1].profile
    assert len(made[0].profile.clips) == 12 and made[0].profile.total == 60


@pytest.fixture
def few(tmp_path: Path) -> Iterator[Path]:
    for k in range(3):
        sound(tmp_path / "few" / f"{k}.wav", seed=k)
    yield tmp_path / "few"


def test_a_profile_is_written_read_and_never_over_something_else(few: Path, tmp_path: Path) -> None:
    made = profile_to(few, tmp_path / "dev.profile")
    assert read_profile(tmp_path / "dev.profile") == made.profile
    profile_to(few, tmp_path / "dev.profile")  # over a profile it may be
    for other in (few / "0.wav", few):
        with pytest.raises(UsageError, match=r"an input of this command: inputs are never changed"):
            profile_to(few, other)


def test_small_sets_are_warned_of(few: Path) -> None:
    made = measure_set(open_set(few))
    text = " ".join(warnings(made.profile))
    assert "3 clips: below 100" in text and "3 groups" in text
    flagged = replace(
        made.profile, clips=tuple(replace(clip, flags=("non_stationary", "telephone")) for clip in made.profile.clips)
    )
    text = " ".join(warnings(flagged))
    assert "SNR of 100% of the clips cannot be measured" in text and "telephone band in a wide-band set" in text
    told = summary(replace(made, profile=flagged))
    assert {f["flag"]: f["clips"] for f in told["flags"]} == {"non_stationary": 3, "telephone": 3}
    assert all(f["means"] for f in told["flags"])
    json.dumps(told, allow_nan=False)


def test_the_command(ours: Path, tmp_path: Path) -> None:
    done = run_synth("profile", ours, "--out", tmp_path / "x.profile", "--max-clips", "30", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["clips"] == 30 and told["of_clips"] == 60
    assert {e["name"] for e in told["estimators"]} >= {"snr_db", "speech_dbfs", "level_dbfs", "duration_s"}
    assert len(read_profile(tmp_path / "x.profile").clips) == 30
    text = run_synth("profile", ours, "--out", tmp_path / "x.profile", "--max-clips", "30")
    assert "30 of 60 (30 measured before)" in text.stdout and "measured minus true" in text.stdout
    assert "warning: 30 clips" in text.stderr and "warning" not in text.stdout
    wrong = run_synth("profile", tmp_path / "nowhere", "--out", tmp_path / "y.profile")
    assert wrong.returncode == 2 and "there is no such folder" in wrong.stderr and "Traceback" not in wrong.stderr


def test_a_hundred_times_real_time(tmp_path: Path) -> None:
    """Decoding and measuring, on one core (the bar); the best of three, on a machine that may be busy."""
    files = sorted((FIXTURES / "speech").rglob("*.flac"))[:30]
    samples = np.concatenate([soundfile.read(file)[0] for file in files])[: 40 * RATE].reshape(10, -1)
    for k, clip in enumerate(samples):
        soundfile.write(tmp_path / f"{k}.flac", clip, RATE)

    def cost() -> float:
        began = time.process_time()
        for k in range(10):
            measure_file(str(tmp_path / f"{k}.flac"), str(tmp_path), 0.0, None)
        return time.process_time() - began

    cost()
    assert 40 / min(cost() for _ in range(3)) > 100


@needs_real_audio
def test_real_recordings_inside_a_car() -> None:
    profile = profile_set(real_audio() / "real_in_car.csv", group_by="recording")
    assert len(profile.clips) == profile.total
    assert all(clip.features["noise_dbfs"] is not None for clip in profile.clips)


def test_the_clean_reference_is_the_speech_that_a_data_set_was_made_of(ours: Path, few: Path) -> None:
    made = profile_set(ours)
    clean = measure_clean_speech(made)
    assert clean is not None
    speech = {row["source"]["path"] for row in read_rows(ours / "manifest.jsonl")}
    assert {Path(clip.path).name for clip in clean.clips} >= {Path(path).name for path in speech}
    snr = [np.median([clip.features["snr_db"] or 0.0 for clip in each.clips]) for each in (made, clean)]
    assert snr[1] > snr[0] + 5
    assert measure_clean_speech(profile_set(few)) is None  # nobody knows what it was made of
    assert measure_clean_speech(replace(made, root="/nowhere")) is None
