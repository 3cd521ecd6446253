"""`synth grow`: noise to files, by every generator, and a list of them that a recipe takes as a source."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from synth.commands.grow import GrownFolder, grow
from synth.commands.plan import make_plan
from synth.dsp.generators import GENERATORS
from synth.errors import RecipeError, UsageError
from tests.helpers import FIXTURES, fixture_recipe, run_synth
from tests.small_set import tree

NAMES = list(GENERATORS)
FROM_RECORDINGS = [name for name, generator in GENERATORS.items() if generator().sources()]
CAR = FIXTURES / "noise" / "car"
COLUMNS = ["path", "duration", "sampling_rate", "recording", "grown", "parameters"]


def source_of(method: str, source: Path = CAR) -> Path | None:
    return source if method in FROM_RECORDINGS else None


def listed(folder: Path) -> list[dict[str, Any]]:
    with (folder / "metadata.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings, of which one has another rate."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(CAR.glob("*.flac"))[:2]:
        (folder / path.name).write_bytes(path.read_bytes())
    random = np.random.default_rng(3)
    soundfile.write(folder / "white.wav", random.standard_normal(3 * 11025) * 0.1, 11025, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def grown(few: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, GrownFolder]:
    """Of each generator 13.3 s in files of 5 s."""
    folder = tmp_path_factory.mktemp("grown")
    return {
        name: grow(source_of(name, few), folder / name, method=name, minutes=13.3 / 60, file_seconds=5, seed=3)
        for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_files_and_list(name: str, grown: dict[str, GrownFolder]) -> None:
    folder, rows = grown[name], listed(grown[name].folder)
    assert list(rows[0]) == COLUMNS
    assert [row["path"] for row in rows] == [f"{name}_0000{k}.flac" for k in range(3)] == [f.path for f in folder.files]
    assert sorted(p.name for p in folder.folder.iterdir()) == sorted([*(row["path"] for row in rows), "metadata.csv"])
    for row, file in zip(rows, folder.files, strict=True):
        parameters = json.loads(row["parameters"])
        assert parameters == file.parameters
        assert parameters["name"] == row["grown"] == name
        assert set(GENERATORS[name].parameters) | {"seed"} <= set(parameters)
        assert float(row["duration"]) == pytest.approx(file.seconds, abs=1e-6)
        assert row["recording"] == file.recording
    assert folder.seconds == pytest.approx(13.3)
    assert folder.refused == ()


@pytest.mark.parametrize("name", NAMES)
def test_lengths_are_exact_to_the_sample(name: str, grown: dict[str, GrownFolder]) -> None:
    infos = [soundfile.info(grown[name].folder / file.path) for file in grown[name].files]
    assert [info.frames for info in infos] == [80_000, 80_000, 52_800]
    assert {(info.samplerate, info.channels, info.format, info.subtype) for info in infos} == {
        (16000, 1, "FLAC", "PCM_16")
    }


@pytest.mark.parametrize("name", NAMES)
def test_there_is_sound_that_does_not_clip(name: str, grown: dict[str, GrownFolder]) -> None:
    sounds = [soundfile.read(grown[name].folder / file.path)[0] for file in grown[name].files]
    for sound in sounds:
        assert np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-4
        blocks = np.mean(sound[: sound.size // 1600 * 1600].reshape(-1, 1600) ** 2, axis=1)
        assert blocks.min() > 0
    assert len({hashlib.sha256(sound.tobytes()).digest() for sound in sounds}) == 3


@pytest.mark.parametrize("name", FROM_RECORDINGS)
def test_each_file_is_of_another_recording_in_turn(name: str, few: Path, grown: dict[str, GrownFolder]) -> None:
    assert {file.recording for file in grown[name].files} == {path.name for path in few.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_twice_another_seed_other_noise(
    name: str, few: Path, grown: dict[str, GrownFolder], tmp_path: Path
) -> None:
    how: dict[str, Any] = {"method": name, "minutes": 13.3 / 60, "file_seconds": 5}
    grow(source_of(name, few), tmp_path / "again", seed=3, jobs=2, **how)
    grow(source_of(name, few), tmp_path / "other", seed=4, **how)
    assert tree(tmp_path / "again") == tree(grown[name].folder)
    other_seed = tree(tmp_path / "other")
    assert not [path for path, digest in tree(grown[name].folder).items() if other_seed[path] == digest]


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_as_they_were(name: str, few: Path, tmp_path: Path) -> None:
    before = tree(few)
    grow(source_of(name, few), tmp_path / "out", method=name, minutes=0.02)
    assert tree(few) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
def test_other_sample_rates(name: str, rate: int, few: Path, tmp_path: Path) -> None:
    folder = grow(
        source_of(name, few), tmp_path / "out", method=name, minutes=1.3 / 60, file_seconds=0.7, sample_rate=rate
    )
    infos = [soundfile.info(folder.folder / file.path) for file in folder.files]
    assert [info.samplerate for info in infos] == [rate, rate]
    assert [info.frames for info in infos] == [round(0.7 * rate), round(1.3 * rate) - round(0.7 * rate)]
    assert {row["sampling_rate"] for row in listed(folder.folder)} == {str(rate)}


def test_a_list_and_a_file_are_sources_too(few: Path, tmp_path: Path) -> None:
    white = few / "white.wav"
    (tmp_path / "white.wav").write_bytes(white.read_bytes())
    (tmp_path / "list.csv").write_text("path,offset,duration\nwhite.wav,1.0,1.5\n")
    for source in (white, tmp_path / "list.csv"):
        folder = grow(source, tmp_path / f"of-{source.stem}", method="quilt", minutes=0.05)
        assert [Path(file.recording).name for file in folder.files] == ["white.wav"]


def test_cabin_needs_no_source_and_refuses_one(few: Path, tmp_path: Path) -> None:
    """D21: a SOURCE was ignored silently."""
    folder = grow(None, tmp_path / "none", method="cabin", minutes=0.05)
    assert all(file.recording.startswith("car-") for file in folder.files)
    message = (
        rf"{few}: cabin is a model of a car and uses no recordings\. Omit SOURCE, or choose quilt, shaped or separate"
    )
    with pytest.raises(UsageError, match=message):
        grow(few, tmp_path / "some", method="cabin", minutes=0.05)
    assert not (tmp_path / "some").exists()


def test_the_minutes_are_shared_among_all_recordings(few: Path, tmp_path: Path) -> None:
    """D21: one minute was one file of one recording."""
    folder = grow(few, tmp_path / "out", method="quilt", minutes=0.15)
    assert len({file.recording for file in folder.files}) == len(folder.files) == 3
    assert folder.seconds == pytest.approx(9)
    short = grow(few, tmp_path / "short", method="quilt", minutes=2.5 / 60)
    assert [round(file.seconds, 2) for file in short.files] == [1.25, 1.25]  # of less than a second there is none


def test_virtual_cars_are_as_many_as_asked(tmp_path: Path) -> None:
    folder = grow(None, tmp_path / "out", method="cabin", minutes=0.1, file_seconds=0.2, settings=["cars=3"])
    assert len(folder.files) == 30
    assert {file.recording for file in folder.files} == {"car-000", "car-001", "car-002"}


def test_parameters_are_set(few: Path, tmp_path: Path) -> None:
    folder = grow(
        few, tmp_path / "out", method="quilt", minutes=0.1, file_seconds=2, settings=["segment_ms=[100, 200]"]
    )
    drawn = [file.parameters["segment_ms"] for file in folder.files]
    assert all(100 <= value <= 200 for value in drawn)
    assert len(set(drawn)) == len(drawn)
    constant = grow(few, tmp_path / "90", method="quilt", minutes=0.02, settings=["segment_ms=90"])
    assert [file.parameters["segment_ms"] for file in constant.files] == [90]


def test_noise_between_two_recordings_names_both(few: Path, tmp_path: Path) -> None:
    folder = grow(few, tmp_path / "out", method="shaped", minutes=0.1, file_seconds=2, settings=["between=0.5"])
    for file in folder.files:
        first, second = file.recording.split(" and ")
        assert first != second
        assert {first, second} <= {path.name for path in few.iterdir()}


def test_a_source_beside_which_nothing_else_is_taken(tmp_path: Path) -> None:
    """A name with the signs of a pattern names one file."""
    for name in ("a[1].wav", "a1.wav"):
        soundfile.write(tmp_path / name, np.random.default_rng(len(name)).standard_normal(16000) * 0.1, 16000)
    folder = grow(tmp_path / "a[1].wav", tmp_path / "out", method="shaped", minutes=0.1, file_seconds=2)
    assert {file.recording for file in folder.files} == {"a[1].wav"}


def test_what_cannot_be_read_is_told_and_left_out(few: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.wav").write_bytes((few / "white.wav").read_bytes())
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF" + bytes(100))
    folder = grow(tmp_path / "in", tmp_path / "out", method="quilt", minutes=0.02)
    assert [file.recording for file in folder.files] == ["good.wav"]
    (refused,) = folder.refused
    assert refused.startswith("bad.wav: ")


# Refused


def refusal(source: Path | None, out: Path, method: str = "quilt", **more: Any) -> str:
    with pytest.raises(UsageError) as caught:
        grow(source, out, method=method, minutes=0.02, **more)
    return str(caught.value)


def test_a_folder_that_holds_something(few: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert refusal(few, tmp_path / "out") == (
        f"--out {tmp_path}/out: mine.txt in this folder is not an unchanged file of synthesized noise that synth wrote, "
        "and might hold work of yours; name a new folder"
    )
    assert refusal(few, tmp_path / "out" / "mine.txt").endswith(
        "mine.txt: this is a file, but a folder is needed; name a new folder"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(few: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert len(grow(few, tmp_path / "out", method="quilt", minutes=0.02).files) == 1


@pytest.mark.parametrize("name", FROM_RECORDINGS)
def test_no_source(name: str, tmp_path: Path) -> None:
    expected = f"{name} synthesizes noise from recordings; name a folder, a list or a file of them"
    assert refusal(None, tmp_path / "out", name) == expected
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone", tmp_path / "out") == f"there is no folder, list or file {tmp_path}/gone"


def test_a_source_without_audio(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF" + bytes(100))
    text = refusal(tmp_path / "in", tmp_path / "out").split("\n")
    assert text[0] == f"{tmp_path}/in: no usable audio in it"
    assert text[1].startswith("  bad.wav: ")
    assert not (tmp_path / "out").exists()


def test_wrong_settings_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        grow(tmp_path / "gone", tmp_path / "out", method="quilt", minutes=1, settings=["segment_ms=10", "speed=2"])
    assert [mistake.split("\n")[0] for mistake in caught.value.mistakes] == [
        "--set:1:12: quilt.segment_ms - 10 is outside the range; give a number from 30 to 960 ms",
        "--set:1:1: quilt.speed - unknown parameter; quilt has segment_ms",
    ]


# From the shell


def test_the_command(few: Path, tmp_path: Path) -> None:
    words = ("--method", "quilt", "--minutes", "0.1", "--file-seconds", "4", "--set", "segment_ms=60")
    run = run_synth("-q", "grow", few, *words, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert run.stdout == (
        f"{tmp_path}/out: 3 files, 6.0 s of quilt noise from 3 recordings\nlist: {tmp_path}/out/metadata.csv\n"
    )
    repeated = run_synth("-q", "grow", few, *words, "--out", tmp_path / "again", "--json")
    result = json.loads(repeated.stdout)
    assert result["out"] == str(tmp_path / "again")
    assert (result["method"], result["sampling_rate"], result["seconds"], result["refused"]) == ("quilt", 16000, 6, [])
    assert [file["path"] for file in result["files"]] == [f"quilt_{k:05}.flac" for k in range(3)]
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--method", "quilt"],
            "synth: quilt synthesizes noise from recordings; name a folder, a list or a file of them\n",
        ),
        (
            ["--method", "qilt"],
            "Invalid value for '--method': 'qilt' is not one of 'quilt', 'shaped', 'separate', 'cabin'.\n"
            "  Help: synth grow --help\n",
        ),
        (
            ["--method", "cabin", "--set", "road=mud"],
            "--set:1:6: cabin.road - 'mud' is not one of smooth, coarse, cobbles, nor a choice of them\n  road=mud\n       ^\n",
        ),
    ],
    ids=["no source", "unknown", "setting"],
)
def test_refusals_of_the_command(words: list[str], message: str, tmp_path: Path) -> None:
    run = run_synth("grow", *words, "--minutes", "1", "--out", tmp_path / "out")
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.removeprefix("synth: ") == message.removeprefix("synth: ")
    assert not (tmp_path / "out").exists()


# As a source of a recipe


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_takes_the_list_as_a_source(
    name: str, few: Path, grown: dict[str, GrownFolder], tmp_path: Path
) -> None:
    """With `recording_column: recording`: files of one recording, or of one virtual car, count as one."""
    folder = grow(
        source_of(name, few),
        tmp_path / name,
        method=name,
        minutes=9 / 60,
        file_seconds=0.9,
        settings=["cars=4"] if name == "cabin" else [],
    )
    assert len(folder.files) == 10
    recipe = fixture_recipe(
        tmp_path,
        layers=f"  layers:\n    - {{name: cabin, min_recordings: 1, max_reuse: 10000, max_synthesized: 1, sources: [{{name: grown, path: {name}, manifest: {name}/metadata.csv, recording_column: recording}}]}}",
    )
    plan = make_plan(recipe, check=False).plan
    assert len(plan.noise) == 10
    groups = {recording.group for recording in plan.pools["cabin", "train"]}
    assert len(groups) == len({file.recording for file in folder.files}) < 10
    assert plan.noise[0].labels is not None
    assert plan.noise[0].labels["grown"] == name
